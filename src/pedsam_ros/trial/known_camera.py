"""A camera that knows what masks its frames must give, and compares those that come back."""

from __future__ import annotations

import time

import numpy as np
from sensor_msgs.msg import Image

from pedsam_ros.core.model.local_pipeline import LocalPipeline
from pedsam_ros.core.types import Frame, FrameKey, Masks
from pedsam_ros.msg import Masks as MasksMsg
from pedsam_ros.ros import convert, qos
from pedsam_ros.trial.client import EdgeClient, image_msg
from pedsam_ros.trial.soak_record import SoakRecord
from pedsam_ros.trial.system import CAMERA

_PERIOD_NS = 10**7


class KnownCamera:
    """Shows a few frames of noise again and again, each time with another stamp.

    What it shows, and what comes back, is written to `record`. Times are monotonic seconds.
    """

    def __init__(
        self, client: EdgeClient, local: LocalPipeline, seed: int, record: SoakRecord
    ) -> None:
        rng = np.random.default_rng(seed)
        self._frames = [rng.integers(0, 256, (*size, 3), np.uint8) for size in record.sizes * 2]
        self._expected = [
            local.segment(Frame(FrameKey(0, ''), rgb)).masks[0] for rgb in self._frames
        ]
        self._record = record
        self._shown: dict[int, tuple[int, float]] = {}  # stamp -> which frame, and when
        self.stamp_ns = 10**18  # of the last frame; a clock that jumps may change it
        self.last_done_s = 0.0  # when the last masks came
        self.last_done_shown_s = 0.0  # when the newest frame was shown that has its masks
        self._camera = client.node.create_publisher(Image, CAMERA, qos.reliable(50))
        client.hear(MasksMsg, '/edge/masks', self._on_masks, qos.reliable(100))

    def show(self) -> None:
        """Publishes the next frame, ten milliseconds later on the camera's clock."""
        which = self._record.shown % len(self._frames)
        self.stamp_ns += _PERIOD_NS
        self._shown[self.stamp_ns] = which, time.monotonic()
        self._record.shown += 1
        key = FrameKey(self.stamp_ns, 'camera')
        self._camera.publish(image_msg(Frame(key, self._frames[which])))

    def _on_masks(self, msg: MasksMsg) -> None:
        masks = convert.masks_from_msg(msg)
        self._record.done += 1
        self.last_done_s = time.monotonic()
        if wrong := self._difference(masks):
            self._record.wrong.append(f'stamp_ns={masks.key.stamp_ns}: {wrong}')

    def _difference(self, masks: Masks) -> str:
        """How the masks differ from those of one process; empty if they are equal."""
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
