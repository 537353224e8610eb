"""A whole system for the system tests: real processes, and a client in the robot's domain."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from sensor_msgs.msg import CompressedImage, Image

from fakes import frame
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.health import WorkerState
from pedsam_ros.core.model import checkpoint
from pedsam_ros.core.model.local_pipeline import LocalPipeline
from pedsam_ros.core.placement import place
from pedsam_ros.core.types import Frame, FrameKey, Masks
from pedsam_ros.core.windows import pixel_grid
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.msg import Masks as MasksMsg
from pedsam_ros.ros import convert, qos
from pedsam_ros.trial import client, one_process
from pedsam_ros.trial.diary import Diary
from pedsam_ros.trial.lies import Lie
from pedsam_ros.trial.processes import workers_in
from pedsam_ros.trial.system import CAMERA, System, bad_ends

WAIT_S = 300.0  # only catches hangs
SEED = 'random:vit_tiny:0'
SOON_SILENT = {'loss.worker_timeout_s': 5.0}  # not sooner: a busy machine delays heartbeats
OTHER_SEED = 'random:vit_tiny:1'
POINTS = [20.0, 20.0, 60.0, 40.0]


class Client(client.EdgeClient):
    """A node in the robot's domain that publishes camera images and collects the masks."""

    def __init__(self, domain_id: int) -> None:
        super().__init__(domain_id, patience_s=WAIT_S)
        self.masks: list[MasksMsg] = self.collect(MasksMsg, '/edge/masks')

    def camera(self, profile: Any = None, kind: type[Any] = Image) -> Any:
        """A camera's publisher, once the edge reads it."""
        publisher = self.node.create_publisher(kind, CAMERA, profile or qos.reliable(50))
        self.until(publisher.get_subscription_count)
        self.until_known()
        return publisher

    def listen(self, kind: type[Any], of_topic: str) -> list[Any]:
        """A list to which every message of a topic is appended, once a publisher is known."""
        heard = self.collect(kind, of_topic)
        self.until(lambda: self.node.count_publishers(of_topic))
        return heard

    def call(self, kind: type[Any], service: str, request: Any) -> Any:
        """The answer of a service of the edge, which may be asked once only."""
        asked: Any = self.node.create_client(kind, service)
        self.until(asked.service_is_ready)
        self.until_known()
        return self.ask(asked, request)

    def until_known(self) -> None:
        """Waits until the edge knows every reader and writer that this node has made so far.

        DDS introduces them in the order in which they were made. So a service client is made, and
        as soon as it gets an answer, all that was made before it is known. `get_state` may be
        asked as often as it takes.
        """
        later: Any = self.node.create_client(GetState, '/edge/get_state')
        self.until(later.service_is_ready)
        asked: list[Any] = []

        def answered() -> bool:
            asked.append(later.call_async(GetState.Request()))
            return any(future.done() for future in asked)

        self.until(answered)
        self.node.destroy_client(later)

    def masks_for(self, stamp_ns: int, patience_s: float | None = None) -> MasksMsg:
        """The masks of the frame with this stamp."""
        complaint = f'no masks for stamp_ns={stamp_ns}'
        return self.until(lambda: self._masks_of(stamp_ns), complaint, patience_s)[-1]

    def all_ended(self, frames: int) -> bool:
        """Whether the edge has reported that so many frames came, and that all have ended."""
        figures = self.figures()
        reported = figures['frames_in'], figures['in_flight'], figures['waiting']
        return reported == (str(frames), '0', '0')

    def wait_for_report(self) -> None:
        """Waits for a report that is made from now on: not by an edge that was there before."""
        now_ns = time.time_ns()
        self.until(lambda: self.reported_ns > now_ns)

    def _masks_of(self, stamp_ns: int) -> list[MasksMsg]:
        return [m for m in self.masks if convert.key_from_header(m.header).stamp_ns == stamp_ns]


class Rig(System):
    """A system with random weights, and a client. `domain_ids`: the robot's, then the workers'."""

    def __init__(self, domain_ids: list[int], folder: Path) -> None:
        super().__init__(workers_in(domain_ids), domain_ids[0], folder, watched=True)
        self.client = Client(domain_ids[0])

    def start_workers(self, *names: str, **parameters: Any) -> None:
        super().start_workers(*names, **{'checkpoint': SEED, 'threads': 1, **parameters})

    def start_edge(self, camera: str = CAMERA, **parameters: Any) -> None:
        usual = {'checkpoint': SEED, 'points': POINTS, 'deadline_s': WAIT_S, 'threads': 1}
        usual['placement.anchor'] = 'image'  # most frames are noise, which has no scene
        super().start_edge(camera, **usual | parameters)

    def start_hostile(self, name: str, lie: Lie, checkpoint: str = SEED) -> None:
        super().start_hostile(name, lie, checkpoint)

    def replace_worker(self, name: str) -> None:
        """Kills the process of a worker, starts an honest one, and waits until it is active."""
        diary = Diary(self.diary_file(name))
        diary.look()
        before = diary.process
        self.kill(name)
        self.start_workers(name)

        def active() -> bool:
            diary.look()
            return diary.process != before

        self.client.until(active)

    def wait_ready(self, *names: str) -> None:
        """Waits until the edge can use some workers, or if none is named, all of them."""
        self.wait_for(WorkerState.USABLE, *(names or [worker.name for worker in self.workers]))

    def wait_for(self, state: WorkerState, *names: str) -> None:
        """Waits until the edge reports that some workers are all in a state."""
        told = self.client.state
        complaint = f'not {state.value}: one of {names}'
        self.client.until(lambda: all(told(name) is state for name in names), complaint)

    def log(self, name: str) -> str:
        """What a process has printed so far."""
        return self.processes[name].log.read_text(errors='replace')

    def close(self) -> None:
        """Ends all processes and the client. Fails if a process ended badly."""
        self.client.close()
        assert bad_ends(self.end()) == '', f'logs are in {self.folder}'


def change(rig: Rig, transition: int) -> bool:
    """Asks the edge for a transition of its lifecycle. Returns whether it succeeded."""
    request = ChangeState.Request(transition=Transition(id=transition))
    return bool(rig.client.call(ChangeState, '/edge/change_state', request).success)


def state(rig: Rig) -> str:
    """The state of the edge's lifecycle."""
    answer = rig.client.call(GetState, '/edge/get_state', GetState.Request())
    return str(answer.current_state.label)


def homes(rig: Rig) -> dict[str, set[int]]:
    """Maps each worker to the windows that it is home to."""
    placed = place(pixel_grid(checkpoint.read(SEED).arch), rig.workers)
    return {w.name: {i for i, home in placed.items() if home == w.name} for w in rig.workers}


def show(rig: Rig, camera: Any, stamp_ns: int, ending: str = 'done', **size: int) -> Any:
    """Publishes a frame, and waits until it ends this way. Returns its masks if it is done."""
    before = int(rig.client.figures().get(ending, 0))
    camera.publish(image_msg(frame(**size).rgb, stamp_ns))
    if ending == 'done':
        return rig.client.masks_for(stamp_ns)
    return rig.client.until(lambda: int(rig.client.figures().get(ending, 0)) > before)


def image_msg(rgb: np.ndarray, stamp_ns: int, frame_id: str = 'camera') -> Image:
    """An rgb8 Image of (H, W, 3) uint8 pixels."""
    return client.image_msg(Frame(FrameKey(stamp_ns, frame_id), rgb))


def jpeg_msg(data: bytes, stamp_ns: int) -> CompressedImage:
    """A CompressedImage of a JPEG file's bytes."""
    header = convert.key_to_header(FrameKey(stamp_ns, 'camera'))
    return CompressedImage(header=header, format='jpeg', data=array('B', data))


def local_pipeline(workers: Iterable[WorkerEntry], **config: Any) -> LocalPipeline:
    """One process whose masks those of the rig must equal."""
    settings = EdgeConfig(**{'points': tuple(POINTS), **config})
    return one_process.local_pipeline(checkpoint.read(SEED), list(workers), settings)


def same(one: Masks, other: Masks) -> bool:
    """Whether masks are equal to the last bit: header, sizes, scores and pixels."""
    pairs = zip(one.masks, other.masks, strict=True)
    return (
        (one.key, one.height, one.width, one.model_id)
        == (other.key, other.height, other.width, other.model_id)
    ) and all(
        (a.counts, a.score, a.box, a.prompt) == (b.counts, b.score, b.box, b.prompt)
        for a, b in pairs
    )
