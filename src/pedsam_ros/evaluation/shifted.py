"""A model as it works behind a moving camera: partition and content begin anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.model.monolithic import MonolithicPipeline
from pedsam_ros.core.types import Frame, Masks, Prompt
from pedsam_ros.core.windows import drawn_shift

_SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class Shifted:
    """A model that shifts each image by its own random Shift."""

    model: MonolithicPipeline

    def encode(self, frame: Frame) -> Encoded:
        """Shifts the frame, then encodes it. An image's name alone decides its shift."""
        rng = np.random.default_rng((_SEED, crc32(frame.key.frame_id.encode())))
        return self.model.encode(frame, drawn_shift(self.model.arch, rng))

    def decode(self, encoded: Encoded, prompts: Sequence[Prompt]) -> Masks:
        """Decodes as the model does."""
        return self.model.decode(encoded, prompts)
