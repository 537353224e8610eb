"""Plays camera images to a running edge, as fast as it takes them, and gathers the masks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CompressedImage, Image
from tqdm import tqdm

from pedsam_ros.bags.rosbag import BagWriter
from pedsam_ros.core.edge import ENDINGS
from pedsam_ros.core.types import Masks
from pedsam_ros.msg import Masks as MasksMsg
from pedsam_ros.ros import convert, qos
from pedsam_ros.trial.client import EdgeClient
from pedsam_ros.trial.system import System

_AHEAD = 8  # frames sent and not yet ended, at most
_STALL_S = 300.0  # without the end of any frame; only catches hangs
_RECORDED = {
    '/edge/masks': MasksMsg,
    '/edge/label_image': Image,
    '/edge/mask': Image,
    '/diagnostics': DiagnosticArray,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The masks of a bag in the order they came, and the edge's last report by component."""

    masks: list[Masks]
    report: Mapping[str, Mapping[str, str]]


class Player:
    """A node in the robot's domain of a system. What the edge publishes goes to `writer`."""

    def __init__(self, system: System, writer: BagWriter) -> None:
        self._client = EdgeClient(system.domain_id, 'player', system.processes, _STALL_S)
        self._writer = writer
        self._masks: list[Masks] = []
        self._sent = 0
        for topic, kind in _RECORDED.items():
            self._record(topic, kind)

    def play(self, images: Iterable[bytes], count: int, topic: str, type_name: str) -> Outcome:
        """Sends serialised images of a type, and returns when each of them has ended.

        Raises PedsamError if a process ends, or if no frame ends for five minutes.
        """
        kind = Image if type_name == 'sensor_msgs/msg/Image' else CompressedImage
        camera = self._client.node.create_publisher(kind, topic, qos.reliable(_AHEAD))
        self._client.until(camera.get_subscription_count, 'the edge does not read the camera')
        with tqdm(total=count, unit='frame', desc='demo') as bar:
            for image in images:
                self._wait(lambda: self._sent - self._ended < _AHEAD, bar)
                camera.publish(image)
                self._sent += 1
            self._wait(self._settled, bar)
        return Outcome(self._masks, self._client.report)

    def close(self) -> None:
        """Ends the node and its context."""
        self._client.close()

    def _record(self, topic: str, kind: type[Any]) -> None:
        type_name = f'{kind.__module__.split(".")[0]}/msg/{kind.__name__}'

        def write(cdr: bytes) -> None:
            self._writer.write(topic, type_name, time.time_ns(), cdr)
            if kind is MasksMsg:
                self._masks.append(convert.masks_from_msg(deserialize_message(cdr, kind)))

        self._client.hear(kind, topic, write, qos.reliable(100), raw=True)

    @property
    def _counted(self) -> int:
        """Frames that have ended by the edge's own count, which it reports once a second."""
        figures = self._client.figures()
        return sum(int(figures.get(ending, 0)) for ending in ENDINGS)

    @property
    def _ended(self) -> int:
        """Frames known to have ended."""
        return max(len(self._masks), self._counted)

    def _settled(self) -> bool:
        """Whether all frames have ended by the edge's own count, and all their masks are here."""
        figures = self._client.figures()
        if self._counted != self._sent or int(figures.get('frames_in', -1)) != self._sent:
            return False
        return len(self._masks) == int(figures['done'])

    def _wait(self, condition: Callable[[], bool], bar: Any) -> None:
        """Waits until the condition holds, as long as frames end; moves the bar."""
        while not condition():
            ended = self._ended
            self._client.until(
                lambda: condition() or self._ended != ended,  # noqa: B023
                'frames were sent, and none ends',
            )
            bar.update(self._ended - bar.n)
