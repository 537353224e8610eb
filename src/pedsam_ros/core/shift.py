"""How far the partition and the content of a frame are moved on the canvas."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shift:
    """How far partition and content are moved on the canvas, rows and columns."""

    offset: tuple[int, int] = (0, 0)  # of the partition, tokens: see Grid
    corner: tuple[int, int] = (0, 0)  # where the content begins, canvas px; less than a token
