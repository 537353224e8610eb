"""Real processes in real domains, and a client in the robot's: what the system tests play on."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import GetState
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.edge import Edge
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.model.local_pipeline import LocalPipeline
from pedsam_ros.core.placement import place
from pedsam_ros.core.types import FrameKey, Masks
from pedsam_ros.core.windows import pixel_grid
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.msg import Masks as MasksMsg
from pedsam_ros.ros import convert, qos
from pedsam_ros.ros.images import image_to_msg
from pedsam_ros.trial.processes import NodeProcess, end_all, start_edge, start_workers

WAIT_S = 60.0
CAMERA = '/camera/image_raw'
SEED = 'random:vit_tiny:0'
POINTS = [20.0, 20.0, 60.0, 40.0]


def workers_in(domain_ids: list[int]) -> list[WorkerEntry]:
    """alice, bob and carol in the domains after the first; dave, a spare, in a fifth."""
    pairs = zip(('alice', 'bob', 'carol', 'dave'), domain_ids[1:], strict=False)
    return [WorkerEntry(name=n, domain_id=d, spare=n == 'dave') for n, d in pairs]


class Party:
    """A node in some domain, spun until something holds."""

    def __init__(self, domain_id: int) -> None:
        self._context = Context()
        self._context.init(args=[], domain_id=domain_id)
        self.node = Node('client', context=self._context, enable_rosout=False)
        self.executor = SingleThreadedExecutor(context=self._context)
        self.executor.add_node(self.node)

    def until(self, condition: Callable[[], Any], timeout_s: float = WAIT_S) -> Any:
        """Spins until the condition is true, and returns its value; fails after `timeout_s`."""
        end = time.monotonic() + timeout_s
        while not (value := condition()):
            assert time.monotonic() < end, f'nothing came; {self.told()}'
            self.executor.spin_once(timeout_sec=0.1)
        return value

    def told(self) -> str:
        """What may explain why nothing came."""
        return ''

    def hear(self, kind: Any, topic: str, profile: Any = qos.OUTPUT) -> list[Any]:
        """Everything that comes on a topic from now on."""
        heard: list[Any] = []
        self.node.create_subscription(kind, topic, heard.append, profile)
        return heard

    def close(self) -> None:
        """Ends the node and its context."""
        self.executor.shutdown()
        self.node.destroy_node()
        self._context.try_shutdown()


@contextmanager
def domain_client(domain_id: int) -> Iterator[Party]:
    """A party in a worker's domain."""
    party = Party(domain_id)
    try:
        yield party
    finally:
        party.close()


class Client(Party):
    """A node of the robot's domain that publishes camera images and hears what the edge says."""

    def __init__(self, domain_id: int) -> None:
        super().__init__(domain_id)
        self.masks: list[MasksMsg] = []
        self.report: dict[str, tuple[str, dict[str, str]]] = {}
        self.reported_ns = 0
        self.node.create_subscription(MasksMsg, '/edge/masks', self.masks.append, qos.OUTPUT)
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._note, qos.DIAGNOSTICS)

    def told(self) -> str:
        """The edge's last report."""
        return f'last report: {self.report}'

    def camera(self, profile: Any = None, kind: Any = Image, topic: str = CAMERA) -> Any:
        """A camera's publisher, once the edge reads it."""
        publisher = self.node.create_publisher(kind, topic, profile or qos.every_frame(50))
        self.until(publisher.get_subscription_count)
        self._until_known()
        return publisher

    def listen(self, kind: Any, topic: str) -> list[Any]:
        """Everything that comes on a topic, once it is connected."""
        heard = self.hear(kind, topic)
        self.until(lambda: self.node.count_publishers(topic))
        return heard

    def call(self, kind: Any, service: str, request: Any) -> Any:
        """The answer of a service of the edge; it is lost if the edge does not know its reader."""
        client: Any = self.node.create_client(kind, service)
        self.until(client.service_is_ready)
        self._until_known()
        future = client.call_async(request)
        return self.until(lambda: future.done() and future.result())

    def _until_known(self) -> None:
        """Until the edge has discovered all that this node has made so far.

        What was made before a client is discovered before it, and `get_state` can be asked until
        it answers.
        """
        later: Any = self.node.create_client(GetState, '/edge/get_state')
        self.until(later.service_is_ready)
        asked = []

        def answered() -> bool:
            asked.append(later.call_async(GetState.Request()))
            return any(future.done() for future in asked)

        self.until(answered)
        self.node.destroy_client(later)

    def masks_for(self, stamp_ns: int, timeout_s: float = WAIT_S) -> MasksMsg:
        """The masks of the frame with this stamp."""
        came = self.until(lambda: [m for m in self.masks if _stamp_ns(m) == stamp_ns], timeout_s)
        return came[-1]

    def figures(self, component: str = 'frames') -> dict[str, str]:
        """What the edge last said of a component."""
        return self.report.get(f'/edge: {component}', ('', {}))[1]

    def all_ended(self, frames: int) -> bool:
        """Whether the edge has said that so many frames came and none is left."""
        figures = self.figures()
        told = figures['frames_in'], figures['in_flight'], figures['waiting']
        return told == (str(frames), '0', '0')

    def wait_for_report(self) -> None:
        """Until the edge has said what it says now, not what came before, or from another."""
        now_ns = time.time_ns()
        self.until(lambda: self.reported_ns > now_ns)

    def _note(self, report: DiagnosticArray) -> None:
        stamp = report.header.stamp
        self.reported_ns = stamp.sec * 10**9 + stamp.nanosec
        for status in report.status:
            self.report[status.name] = (status.message, {v.key: v.value for v in status.values})


class Rig:
    """Processes of one test, their folder and a client."""

    def __init__(self, domain_ids: list[int], folder: Path) -> None:
        self.domain_ids, self.folder = domain_ids, folder
        self.workers = workers_in(domain_ids)
        self.processes: dict[str, NodeProcess] = {}
        self.client = Client(domain_ids[0])

    def start_workers(self, *names: str, **parameters: Any) -> None:
        """Starts some workers, or all."""
        chosen = [w for w in self.workers if not names or w.name in names]
        started = start_workers(
            chosen, self.folder, {'checkpoint': SEED, 'threads': 1, **parameters}
        )
        self.processes |= {process.name: process for process in started}

    def start_edge(self, **parameters: Any) -> None:
        """Starts the edge."""
        settings = {'checkpoint': SEED, 'points': POINTS, 'deadline_s': 60.0, **parameters}
        self.processes['edge'] = start_edge(
            self.workers, self.domain_ids[0], self.folder, settings, CAMERA
        )

    def start_hostile(self, name: str, lie: str) -> None:
        """Starts a lying worker in the place of one."""
        settings = {'name': name, 'checkpoint': SEED, 'lie': lie}
        domain_id = next(w.domain_id for w in self.workers if w.name == name)
        args = 'trial.hostile', name, domain_id, self.folder, settings
        self.processes[name] = NodeProcess(*args)

    def kill(self, name: str) -> None:
        """kill -9, and gone."""
        process = self.processes.pop(name)
        process.process.kill()
        process.wait()

    def wait_ready(self, *names: str) -> None:
        """Until the edge says that nothing is wrong with some workers, or any."""
        chosen = names or [worker.name for worker in self.workers]
        parts = [f'/edge: {name}' for name in chosen]
        report = self.client.report
        self.client.until(lambda: all(report.get(part, ('?',))[0] == '' for part in parts))

    def log(self, name: str) -> str:
        """What a process has printed so far."""
        return self.processes[name].log.read_text(errors='replace')

    def end(self) -> dict[str, int]:
        """Ctrl-C to all; exit statuses."""
        statuses = end_all(list(self.processes.values()))
        self.processes.clear()
        return statuses

    def close(self) -> None:
        """Leaves nothing behind."""
        self.end()
        self.client.close()


def _stamp_ns(msg: MasksMsg) -> int:
    return convert.key_from_header(msg.header).stamp_ns


def image_msg(rgb: np.ndarray, stamp_ns: int, frame_id: str = 'camera') -> Image:
    """An rgb8 Image."""
    return image_to_msg(rgb, 'rgb8', convert.key_to_header(FrameKey(stamp_ns, frame_id)))


def jpeg_msg(data: bytes, stamp_ns: int) -> CompressedImage:
    """A JPEG CompressedImage."""
    header = convert.key_to_header(FrameKey(stamp_ns, 'camera'))
    return CompressedImage(header=header, format='jpeg', data=array('B', data))


def local_pipeline(workers: Iterable[WorkerEntry], **config: Any) -> LocalPipeline:
    """What the processes must equal."""
    weights = checkpoint.read(SEED)
    settings = EdgeConfig(**{'points': tuple(POINTS), **config})
    edge = Edge(
        loading.load_edge(weights), place(pixel_grid(weights.arch), list(workers)), settings
    )
    return LocalPipeline(edge, loading.load_worker(weights))


def same(one: Masks, other: Masks) -> bool:
    """Equal to the last bit: header, sizes, scores, pixels."""
    pairs = zip(one.masks, other.masks, strict=True)
    return (
        (one.key, one.height, one.width, one.model_id)
        == (other.key, other.height, other.width, other.model_id)
    ) and all(
        (a.counts, a.score, a.box, a.prompt) == (b.counts, b.score, b.box, b.prompt)
        for a, b in pairs
    )
