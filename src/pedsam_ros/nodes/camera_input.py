"""The edge's camera: takes an image when the edge can use one, and says why none comes.

While the edge has enough to do, images stay in DDS, where the newest replaces the others. Leaving
one of 1080p there costs a tenth of what taking it costs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from rclpy.node import Node

from pedsam_ros.core.camera import CameraState, Source, advice, judge
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.nodes.edge_report import Part
from pedsam_ros.nodes.frame_queue import Unread
from pedsam_ros.ros import diagnostics
from pedsam_ros.ros.camera import Camera, CameraImage, with_info
from pedsam_ros.ros.clock import timer

_LOOK_S = 1.0  # how often to judge the camera
_TAKEN_S = 0.02  # so long after one is wanted, an image that waits has been taken
_FASTEST_HZ = 240.0  # no camera is faster; numbers that say so are not of one publisher
_FINE = (CameraState.OK, CameraState.WAITING)


class _Last(NamedTuple):
    """The image that came last: its number, given by its publisher, when it came, s, and how it
    was read."""

    number: int
    came_s: float
    how: tuple[Source, bool]


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
        self._silent_s, self._every_frame = config.silent_camera_s, config.every_frame
        self._fetches = not (config.every_frame or config.regions)
        self._most_px = config.max_image_px
        self._log = node.get_logger()
        self._wanted, self._wanted_s = True, clock()  # whether, and since when
        self._looked_s = clock()
        self._came = False
        self._last: _Last | None = None
        self._lost = 0
        self._state = CameraState.WAITING
        depth = config.queue_frames if config.every_frame else 0
        self._camera = Camera(
            node,
            config.image_transport,
            with_info(self._on_image),
            depth,
            lambda: self._wanted,
        )
        self._timer = timer(node, _LOOK_S, self._look)
        self._close = partial(node.destroy_timer, self._timer)

    def fetch(self) -> None:
        """Hands over an image that waits in DDS, unless the ROS thread does so anyway.

        With regions only the ROS thread does: it alone knows which regions came before an image.
        """
        if self._fetches and not self._wanted and (taken := self._camera.take()):
            self._on_image(*taken)

    def want(self, hungry: bool, soon: bool = False) -> None:
        """Says whether the edge would start a frame that comes now, and whether it will `fetch`
        soon. If it does not, the ROS thread hands over the next image as it comes."""
        wanted = hungry and not (soon and self._fetches)
        if self._every_frame or wanted == self._wanted:
            return
        self._wanted_s, self._wanted = self._clock(), wanted
        if wanted:
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
        now, age_s = self._clock(), _age_s(info)
        missed = self._missed(info, now - age_s)
        awaited = self._wanted and now - age_s > self._wanted_s + _TAKEN_S
        if self._every_frame or awaited:
            # None waited when this one came: those that had come had been taken.
            self._lost, missed = self._lost + missed, 0
        if not self._every_frame:
            self._wanted = False
        self._came, self._wanted_s = True, now
        self._offer(CameraImage(msg, self._most_px), age_s, missed)

    def _missed(self, info: Mapping[str, Any], came_s: float) -> int:
        """How many images the publisher has sent since the last one that came here. It is not
        known, and 0, on Humble and if there are several publishers."""
        view, number, last = self._camera.view, info.get('publication_sequence_number'), self._last
        self._last = None
        if number is None or len(view.readable) > 1:
            return 0
        how = view.source, view.reliable
        if last is None or last.how != how:
            last = _Last(number - 1, came_s, how)
        missed = number - last.number - 1
        if missed >= 0:  # otherwise another publisher has come
            self._last = _Last(number, came_s, how)
        return missed if 0 < missed <= (came_s - last.came_s) * _FASTEST_HZ else 0

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
