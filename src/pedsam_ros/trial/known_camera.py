"""A camera whose frames are known, and so are the masks that must come back."""

from __future__ import annotations

import time
from typing import Protocol

from sensor_msgs.msg import Image

from pedsam_ros.core.types import Frame, FrameKey, Masks, Pixels
from pedsam_ros.msg import Masks as MasksMsg
from pedsam_ros.ros import convert, qos
from pedsam_ros.trial.client import EdgeClient, image_msg
from pedsam_ros.trial.soak_record import SoakRecord
from pedsam_ros.trial.system import CAMERA

_PERIOD_NS = 10**7


class Footage(Protocol):
    """What a camera shows. Frames are numbered from 0."""

    def picture(self, number: int) -> Pixels:
        """(H, W, 3) uint8: the frame of this number, always the same."""

    def came(self, number: int, masks: Masks) -> str:
        """Takes the masks of a frame. Returns what is wrong with them, if that is known by now;
        empty if nothing is."""


class KnownCamera:
    """Shows the frames of `footage` one after the other, each with a stamp of its own.

    What it shows, and what comes back, is written to `record`. Times are monotonic seconds.
    """

    def __init__(self, client: EdgeClient, footage: Footage, record: SoakRecord) -> None:
        self._footage, self._record = footage, record
        self._numbers: dict[int, int] = {}  # stamp -> number of the frame
        self.stamp_ns = 10**18  # of the last frame; a clock that jumps may change it
        self.last_done_s = 0.0  # when the last masks came
        self.last_done_shown_s = 0.0  # when the newest frame was shown that has its masks
        self._camera = client.node.create_publisher(Image, CAMERA, qos.reliable(50))
        client.hear(MasksMsg, '/edge/masks', self._on_masks, qos.reliable(100))

    def show(self) -> None:
        """Publishes the next frame, ten milliseconds later on the camera's clock."""
        number = self._record.shown
        rgb = self._footage.picture(number)
        self.stamp_ns += _PERIOD_NS
        self._numbers[self.stamp_ns] = number
        self._record.shown_s.append(time.monotonic())
        key = FrameKey(self.stamp_ns, 'camera')
        self._camera.publish(image_msg(Frame(key, rgb)))

    def _on_masks(self, msg: MasksMsg) -> None:
        masks = convert.masks_from_msg(msg)
        self._record.done += 1
        self.last_done_s = time.monotonic()
        if wrong := self._difference(masks):
            self._record.wrong.append(f'stamp_ns={masks.key.stamp_ns}: {wrong}')

    def _difference(self, masks: Masks) -> str:
        """How the masks differ from those that must come; empty if they do not."""
        number = self._numbers.pop(masks.key.stamp_ns, None)
        if number is None or len(masks.masks) != 1:
            return f'{len(masks.masks)} masks of frame {number}'
        self.last_done_shown_s = max(self.last_done_shown_s, self._record.shown_s[number])
        return self._footage.came(number, masks)
