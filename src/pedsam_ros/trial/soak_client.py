"""What `pedsam soak` looks with: a camera whose masks are known beforehand, an ear in every
worker's domain."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from threading import Event, Thread
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from pedsam_ros.core.model.local_pipeline import LocalPipeline
from pedsam_ros.core.types import Frame, FrameKey, Masks
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.msg import Masks as MasksMsg
from pedsam_ros.msg import Window as WindowMsg
from pedsam_ros.ros import convert, qos
from pedsam_ros.ros.domain import topic
from pedsam_ros.ros.images import image_to_msg
from pedsam_ros.srv import Release

CAMERA = '/camera/image_raw'
SIZES = ((96, 128), (128, 96), (90, 160))
_EAR = QoSProfile(depth=200, reliability=ReliabilityPolicy.BEST_EFFORT)


class Party:
    """A node in a domain."""

    def __init__(self, domain_id: int, opened: ExitStack) -> None:
        context = Context()
        context.init(args=[], domain_id=domain_id)
        opened.callback(context.try_shutdown)
        self.node = Node('soak', context=context, enable_rosout=False)
        opened.callback(self.node.destroy_node)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self.node)
        opened.callback(self._executor.shutdown)

    def spin(self, patience_s: float) -> None:
        """Whatever came, and for `patience_s` whatever comes."""
        self._executor.spin_once(timeout_sec=patience_s)


class Ear:
    """Hears, on a thread of its own, which windows are sent to a worker, and since when."""

    def __init__(self, worker: WorkerEntry, opened: ExitStack) -> None:
        self.windows: set[int] = set()
        self.first_s = math.inf  # since `listen_anew`
        self._party, self._stopped = Party(worker.domain_id, opened), Event()
        name = topic(worker.name, 'windows')
        self._party.node.create_subscription(WindowMsg, name, self._on_window, _EAR)
        thread = Thread(target=self._spin, name=f'ear-{worker.name}', daemon=True)
        thread.start()
        opened.callback(thread.join)
        opened.callback(self._stopped.set)

    def _on_window(self, msg: WindowMsg) -> None:
        self.windows.add(msg.window)
        self.first_s = min(self.first_s, time.monotonic())

    def listen_anew(self) -> None:
        """What comes from now on is the first."""
        self.first_s = math.inf

    def _spin(self) -> None:
        while not self._stopped.is_set():
            self._party.spin(0.1)


class SoakClient:
    """Shows frames, checks every mask that comes back, and hears who is sent which window."""

    def __init__(
        self, domain_id: int, workers: Sequence[WorkerEntry], local: LocalPipeline, seed: int
    ) -> None:
        rng = np.random.default_rng(seed)
        self._frames = [rng.integers(0, 256, (*size, 3), np.uint8) for size in SIZES * 2]
        self._expected = [
            local.segment(Frame(FrameKey(0, ''), rgb)).masks[0] for rgb in self._frames
        ]
        self._shown: dict[int, tuple[int, float]] = {}  # stamp -> which frame, and when
        self.shown = self.done = 0
        self.wrong: list[str] = []
        self.last_done_s = self.last_done_shown_s = 0.0  # when the last mask came, and its frame
        self.report: dict[str, tuple[str, dict[str, str]]] = {}
        self._opened = ExitStack()
        self._own = Party(domain_id, self._opened)
        self.ears = {worker.name: Ear(worker, self._opened) for worker in workers}
        node = self._own.node
        self._camera = node.create_publisher(Image, CAMERA, qos.every_frame(50))
        self._release = node.create_client(Release, '/edge/release')
        node.create_subscription(MasksMsg, '/edge/masks', self._on_masks, qos.every_frame(100))
        node.create_subscription(DiagnosticArray, '/diagnostics', self._on_report, qos.DIAGNOSTICS)

    def show(self, stamp_ns: int) -> None:
        """Publishes the next frame; stamps may jump, but never come twice."""
        which = self.shown % len(self._frames)
        header = convert.key_to_header(FrameKey(stamp_ns, 'camera'))
        self._shown[stamp_ns] = which, time.monotonic()
        self.shown += 1
        self._camera.publish(image_to_msg(self._frames[which], 'rgb8', header))

    def spin(self, seconds: float) -> None:
        """Listens for so long."""
        self.until(lambda: False, seconds)

    def until(self, condition: Callable[[], Any], patience_s: float) -> bool:
        """Listens until the condition holds; False if it does not within `patience_s`."""
        end = time.monotonic() + patience_s
        while not condition():
            if time.monotonic() > end:
                return False
            self._own.spin(0.01)
        return True

    def release(self, worker: str) -> None:
        """Trusts a worker again."""
        call = self._release.call_async(Release.Request(worker=worker))
        self.until(call.done, 2.0)

    def trouble(self, worker: str) -> str:
        """What the edge last said of a worker; '?' until it has said anything."""
        return self.report.get(f'/edge: {worker}', ('?', {}))[0]

    def forget(self, worker: str) -> None:
        """What the edge said of a worker so far is of the past."""
        self.report.pop(f'/edge: {worker}', None)

    def figures(self, component: str = 'frames') -> Mapping[str, str]:
        """What the edge last said of a component."""
        return self.report.get(f'/edge: {component}', ('', {}))[1]

    def close(self) -> None:
        """Ends all nodes."""
        self._opened.close()

    def _on_masks(self, msg: MasksMsg) -> None:
        masks = convert.masks_from_msg(msg)
        self.done += 1
        self.last_done_s = time.monotonic()
        if wrong := self._difference(masks):
            self.wrong.append(f'stamp_ns={masks.key.stamp_ns}: {wrong}')

    def _difference(self, masks: Masks) -> str:
        """From what one process gives; empty if there is none."""
        which, shown_s = self._shown.pop(masks.key.stamp_ns, (None, 0.0))
        self.last_done_shown_s = max(self.last_done_shown_s, shown_s)
        if which is None or len(masks.masks) != 1:
            return f'{len(masks.masks)} masks of frame {which}'
        ours, theirs = masks.masks[0], self._expected[which]
        if (ours.counts, ours.score) == (theirs.counts, theirs.score):
            return ''
        return f'frame {which}: {ours.area} px, score {ours.score}; expected {theirs.area}, ' + (
            f'{theirs.score}'
        )

    def _on_report(self, report: DiagnosticArray) -> None:
        for status in report.status:
            self.report[status.name] = (status.message, {v.key: v.value for v in status.values})
