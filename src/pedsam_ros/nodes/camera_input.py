"""The edge's camera: takes an image when the edge can use one, and says why none comes.

While the edge has enough to do, images stay in DDS, where the newest replaces the others. Leaving
one of 1080p there costs a tenth of what taking it costs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from pedsam_ros.core.camera import CameraState, advice, judge
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.nodes.edge_report import Part
from pedsam_ros.nodes.frame_queue import Unread
from pedsam_ros.ros import diagnostics
from pedsam_ros.ros.camera import Camera, CameraImage, with_info

_LOOK_S = 1.0  # how often to judge the camera
_SOON_S = 1.0  # images that are missing after a longer wait were lost on the way
_FINE = (CameraState.OK, CameraState.WAITING)


class CameraInput:
    """Hands images to `offer`, with their age in s and how many were displaced before them.

    `want`, `fetch` and `part` are called by the computing thread, all else by a ROS thread.
    `clock` returns monotonic seconds.
    """

    def __init__(
        self,
        node: Node,
        config: EdgeConfig,
        offer: Callable[[Unread, float, int], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._offer, self._clock = offer, clock
        self._silent_s, self._all = config.silent_camera_s, config.every_frame
        self._log = node.get_logger()
        self._wanted, self._wanted_s = True, clock()  # whether, and since when
        self._looked_s = clock()
        self._came = False
        self._number: int | None = None  # the publisher's, of the last image
        self._source: tuple[Any, ...] = ()  # where that came from
        self._lost = 0
        self._state = CameraState.WAITING
        every_frame = config.queue_frames if config.every_frame else 0
        self._camera = Camera(
            node,
            config.image_transport,
            with_info(self._on_image),
            every_frame,
            lambda: self._wanted,
        )
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(_LOOK_S, self._look, clock=steady)
        self._close = partial(node.destroy_timer, self._timer)

    def fetch(self) -> None:
        """Hands over an image that waits in DDS, unless the ROS thread does so anyway."""
        if not self._wanted and (taken := self._camera.take()):
            self._on_image(*taken)

    def want(self, hungry: bool) -> None:
        """Says whether the ROS thread is to hand over the next image as soon as it comes."""
        if self._all or hungry == self._wanted:
            return
        self._wanted_s, self._wanted = self._clock(), hungry
        if hungry:
            self._camera.wake()

    def part(self) -> Part:
        """The component `camera` of /diagnostics."""
        view, state = self._camera.view, self._state
        level = diagnostics.OK if state in _FINE else diagnostics.WARN
        figures = {
            'state': state.value,
            'topic': view.topic,
            'type': view.source.type_name,
            'reliable': view.reliable,
            'publishers': len(view.readable),
            'lost': self._lost,
        }
        return Part('camera', level, advice(state, view, self._silent_s), figures)

    def close(self) -> None:
        """Takes no images any more."""
        self._close()
        self._camera.close()

    def _on_image(self, msg: Any, info: Mapping[str, Any]) -> None:
        now, missed = self._clock(), self._missed(info)
        waited_s = now - self._wanted_s if self._wanted else 0.0
        if missed and (self._all or waited_s > _SOON_S):
            self._lost, missed = self._lost + missed, 0
        if not self._all:
            self._wanted = False
        self._came, self._wanted_s = True, now
        self._offer(CameraImage(msg), _age_s(info), missed)

    def _missed(self, info: Mapping[str, Any]) -> int:
        """How many images the publisher has sent since the last one that came here. It is not
        known, and 0, on Humble and if there are several publishers."""
        view = self._camera.view
        before, self._number = self._number, info.get('publication_sequence_number')
        known, self._source = self._source, (view.source, view.reliable, len(view.readable))
        if before is None or self._number is None or self._source != known or known[-1] != 1:
            return 0
        return max(0, int(self._number) - before - 1)

    def _look(self) -> None:
        """Judges the camera by what was so at the last look: an image that came since may not have
        been taken yet."""
        looked_s, self._looked_s = self._looked_s, self._clock()
        quiet_s = looked_s - self._wanted_s if self._wanted else 0.0
        view, before = self._camera.view, self._state
        self._state = judge(view, quiet_s, self._came, self._silent_s)
        if self._state is before:
            return
        if self._state in _FINE:
            self._log.info(f'camera={self._state.value} topic={view.topic}')
        else:
            text = advice(self._state, view, self._silent_s)
            self._log.warning(f'camera={self._state.value}: {text}')


def _age_s(info: Mapping[str, Any]) -> float:
    """How long ago DDS received a message; infinite if it is not known, as on Humble: then any
    region since the image before it holds."""
    received_ns = info.get('received_timestamp')  # on the system's clock
    return max(0.0, time.time() - received_ns * 1e-9) if received_ns else math.inf
