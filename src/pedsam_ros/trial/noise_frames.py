"""A camera that never moves: a few frames of noise again and again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pedsam_ros.core.model.local_pipeline import LocalPipeline
from pedsam_ros.core.planes import Size
from pedsam_ros.core.types import Frame, FrameKey, Masks, Pixels
from pedsam_ros.trial.one_process import difference


class NoiseFrames:
    """Six frames of these sizes, (height, width) px, and the masks that `local` makes of them."""

    def __init__(self, local: LocalPipeline, sizes: Sequence[Size], seed: int) -> None:
        rng = np.random.default_rng(seed)
        self._frames = [rng.integers(0, 256, (*size, 3), np.uint8) for size in [*sizes] * 2]
        self._expected = [
            local.segment(Frame(FrameKey(0, ''), rgb)).masks[0] for rgb in self._frames
        ]

    def picture(self, number: int) -> Pixels:
        """(H, W, 3) uint8: the frame of this number."""
        return self._frames[number % len(self._frames)]

    def came(self, number: int, masks: Masks) -> str:
        """How the one mask of a frame differs from that of one process; empty if it is equal."""
        mask, expected = masks.masks[0], self._expected[number % len(self._expected)]
        return difference(number, mask.counts, mask.score, expected)
