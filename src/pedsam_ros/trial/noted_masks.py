"""The masks of a camera that moves, noted as they come and computed again in one process later.

How the edge had laid the windows of a frame stands in the masks, so nobody can compute them
before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pedsam_ros.core.model.local_pipeline import LocalPipeline
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.types import Frame, FrameKey, Mask, Masks, Pixels
from pedsam_ros.trial.one_process import difference
from pedsam_ros.trial.walk import Walk

_FIRST, _EVERY = 200, 10  # the first masks are all compared, then one in ten


class Noted(NamedTuple):
    """What is kept of the one mask of a frame."""

    number: int  # of the frame
    shift: Shift | None  # None: the message had none
    counts: bytes  # its run lengths, uint32
    score: float


class NotedMasks:
    """Shows the frames of a walk. `shifts` maps the frames that have their masks to how the edge
    laid their windows."""

    def __init__(self, walk: Walk) -> None:
        self._walk, self._kept, self._came = walk, list[Noted](), 0
        self.shifts: dict[int, Shift] = {}

    def picture(self, number: int) -> Pixels:
        """(H, W, 3) uint8: the frame of this number."""
        return self._walk.picture(number)

    def came(self, number: int, masks: Masks) -> str:
        """Notes the one mask of a frame. Says so if the windows were not laid in a scene."""
        if self._came < _FIRST or self._came % _EVERY == 0:
            mask = masks.masks[0]
            self._kept.append(Noted(number, masks.shift, _bytes(mask), mask.score))
        self._came += 1
        if masks.shift is None:
            return f'frame {number}: no shift'
        self.shifts[number] = masks.shift
        return ''

    @property
    def to_compare(self) -> int:
        """How many masks `differences` compares."""
        return len(self._kept)

    def differences(self, local: LocalPipeline) -> Iterator[str]:
        """Computes masks again; yields for each how it differs, or nothing if it is equal to the
        last bit. Raises PedsamError."""
        for noted in self._kept:
            frame = Frame(FrameKey(0, ''), self.picture(noted.number))
            mask = local.segment(frame, noted.shift).masks[0]
            counts = np.frombuffer(noted.counts, np.uint32).tolist()
            yield difference(noted.number, counts, noted.score, mask)


def _bytes(mask: Mask) -> bytes:
    return np.array(mask.counts, np.uint32).tobytes()
