"""What the tracker makes of hints how the camera turned: where it looks first, if they can be
relied on.

Where everything looks alike, such as on a floor of tiles, whatever a hint says is found and
believed. So hints are used only after they have proved right where the picture alone told how the
camera moved, and no longer once they were wrong.
"""

from __future__ import annotations

import numpy as np

from pedsam_ros.core.planes import Matrix, Size, applied, corners, most_moved

_PROOFS = 10  # frames in which hints were right before they are used
_LEAST_PX = 2.0  # of a motion, at the corners of the small picture: less is found without a hint
_OFF_PX, _OFF = 4.0, 0.3  # by which a hint may be wrong: px, and the share of its motion
_LONGEST_S = 3.0  # since the camera was found last: what drifts for longer is no hint


class Hints:
    """Adds up hints since the camera was found last."""

    def __init__(self) -> None:
        self._turned: Matrix | None = np.eye(3)  # the present view -> the one that was found last
        self._now_s = self._found_s = 0.0  # of the present view, of the one that was found last
        self._right = 0  # frames in which a hint was right, since one was wrong

    @property
    def proved(self) -> bool:
        """Whether hints can be relied on."""
        return self._right >= _PROOFS

    def add(self, turn: Matrix | None, now_s: float) -> None:
        """Notes how the camera turned since the frame before; None if that is not known. `now_s`
        is monotonic."""
        self._now_s = now_s
        before = self._turned if now_s - self._found_s <= _LONGEST_S else None
        self._turned = None if turn is None or before is None else before @ turn

    def begin(self) -> None:
        """The camera was found."""
        self._turned, self._found_s = np.eye(3), self._now_s

    def place(self, last: Matrix, size: Size) -> Matrix | None:
        """Where a view of this size lies in a picture in which the last one lay at `last`; None if
        hints tell of no motion."""
        if self._turned is None or most_moved(self._turned, size) < _LEAST_PX:
            return None
        return last @ self._turned

    def judge(self, last: Matrix, found: Matrix, size: Size) -> None:
        """Compares `place` with where the view was found."""
        hint = self.place(last, size)
        if hint is None:
            return
        said, seen, before = (applied(each, corners(size)) for each in (hint, found, last))
        moved, off = float(np.abs(said - before).max()), float(np.abs(said - seen).max())
        right = off <= max(_OFF_PX, _OFF * moved)  # False if it is not finite
        self._right = self._right + (moved > _OFF_PX) if right else 0
