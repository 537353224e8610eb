"""Where partition and content of examples begin, as behind a camera that moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.windows import drawn_shift


@dataclass(frozen=True, slots=True)
class Shifts:
    """A random Shift for each example: the corner is its own, the offset that of its batch.

    They depend only on the seed and the example's number, so that a run can be resumed.
    """

    arch: Architecture
    seed: int
    batch: int  # examples in a step; example i belongs to step i // batch

    def of(self, index: int) -> Shift:
        """The shift of an example."""
        return Shift(
            offset=self._drawn(index // self.batch, 1).offset,
            corner=self._drawn(index, 2).corner,
        )

    def _drawn(self, number: int, purpose: int) -> Shift:
        return drawn_shift(self.arch, np.random.default_rng((self.seed, number, purpose)))
