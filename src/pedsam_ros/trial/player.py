"""Plays camera images to a running edge, as fast as it takes them, and gathers what comes back."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CompressedImage, Image
from tqdm import tqdm

from pedsam_ros.bags.rosbag import BagWriter
from pedsam_ros.core.edge import ENDINGS
from pedsam_ros.core.errors import PedsamError
from pedsam_ros.core.types import Masks
from pedsam_ros.msg import Masks as MasksMsg
from pedsam_ros.ros import convert, qos
from pedsam_ros.trial.processes import NodeProcess

_AHEAD = 8  # frames sent and not yet ended
_STALL_S = 120.0
_OUTPUTS = {'/edge/masks': MasksMsg, '/edge/label_image': Image, '/edge/mask': Image}


@dataclass(slots=True)
class Outcome:
    """What came of a bag: masks in order, and what the edge said of itself at the end."""

    masks: list[Masks] = field(default_factory=list)
    report: dict[str, dict[str, str]] = field(default_factory=dict)  # component -> figures
    sent: int = 0

    @property
    def ended(self) -> int:
        """Frames known to have ended."""
        return max(len(self.masks), self._counted)

    @property
    def settled(self) -> bool:
        """Whether the edge itself says that all frames have ended, and all their masks are
        here."""
        frames = self.report.get('frames', {})
        done = int(frames.get('done', -1))
        if int(frames.get('frames_in', -1)) != self.sent or self._counted != self.sent:
            return False
        return len(self.masks) == done

    @property
    def _counted(self) -> int:
        frames = self.report.get('frames', {})
        return sum(int(frames.get(ending, 0)) for ending in ENDINGS)


class Player:
    """A node of its own context in the robot's domain; everything it hears of the edge goes into
    `writer`."""

    def __init__(self, domain_id: int, writer: BagWriter, processes: list[NodeProcess]) -> None:
        self.outcome = Outcome()
        self._writer, self._processes = writer, processes
        self._context = Context()
        self._context.init(args=[], domain_id=domain_id)
        self._node = Node('player', context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        for topic, kind in _OUTPUTS.items():
            self._listen(topic, kind)
        self._listen('/diagnostics', DiagnosticArray)

    def play(self, images: Iterable[bytes], count: int, topic: str, type_name: str) -> Outcome:
        """Sends serialised images of a type; returns when each has ended. Raises PedsamError if
        nothing moves."""
        kind = Image if type_name == 'sensor_msgs/msg/Image' else CompressedImage
        camera = self._node.create_publisher(kind, topic, qos.every_frame(_AHEAD))
        self._until(lambda: bool(camera.get_subscription_count()), 'the edge does not listen')
        with tqdm(total=count, unit='frame', desc='demo') as bar:
            for image in images:
                self._until(lambda: self._ahead(bar) < _AHEAD, 'no frame comes to an end')
                camera.publish(image)
                self.outcome.sent += 1
            self._until(
                lambda: self._ahead(bar) == 0 and self.outcome.settled,
                'some frames have not ended',
            )
        return self.outcome

    def close(self) -> None:
        """Ends the node and its context."""
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.shutdown(context=self._context)

    def _ahead(self, bar: Any) -> int:
        """Frames sent and not yet ended; moves the bar."""
        if self.outcome.ended > bar.n:
            bar.update(self.outcome.ended - bar.n)
        return self.outcome.sent - self.outcome.ended

    def _listen(self, topic: str, kind: type[Any]) -> None:
        type_name = f'{kind.__module__.split(".")[0]}/msg/{kind.__name__}'

        def hear(cdr: bytes) -> None:
            self._writer.write(topic, type_name, time.time_ns(), cdr)
            if kind is MasksMsg:
                self.outcome.masks.append(convert.masks_from_msg(deserialize_message(cdr, kind)))
            elif kind is DiagnosticArray:
                self._note(deserialize_message(cdr, kind))

        self._node.create_subscription(kind, topic, hear, qos.every_frame(100), raw=True)

    def _note(self, report: DiagnosticArray) -> None:
        for status in report.status:
            component = status.name.split(': ')[-1]
            self.outcome.report[component] = {pair.key: pair.value for pair in status.values}

    def _until(self, condition: Any, complaint: str) -> None:
        """Spins until the condition holds. Raises PedsamError when a process died, or nothing
        moved for long."""
        ended, since = -1, time.monotonic()
        while not condition():
            self._executor.spin_once(timeout_sec=0.2)
            if self.outcome.ended != ended:
                ended, since = self.outcome.ended, time.monotonic()
            dead = [process for process in self._processes if not process.running]
            if dead or time.monotonic() - since > _STALL_S:
                told = (dead or self._processes)[-1]
                what = f'{told.name} ended by itself' if dead else complaint
                raise PedsamError(f'{what}; its last words ({told.log}):\n{told.last_words()}')
