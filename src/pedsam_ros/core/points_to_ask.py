"""Decides which points of a grid are asked for automatic masks: coarse ones first, and only a few
in each mask that was found. No torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ENOUGH = 3  # points asked in a mask; its parts may be masks as well
_FIRST = 0b10101010  # which of two neighbouring rows comes first at each density: near the middle


class PointsToAsk:
    """Hands out the points of a side x side grid in batches.

    A point is skipped if enough points were asked in the smallest found mask that holds it.

    >>> points = PointsToAsk(2)
    >>> points.next(3).tolist()
    [[0, 0], [1, 1], [1, 0]]
    >>> points.explain(np.ones((1, 2, 2), bool))
    >>> points.next(3).tolist()
    []
    """

    def __init__(self, side: int) -> None:
        self._asked = np.zeros((side, side), bool)
        self._masks = np.zeros((0, side, side), bool)
        self._left = spread(side)

    def next(self, most: int) -> NDArray[np.int64]:
        """Up to `most` points, (n, 2) row and column; none if there are no more to ask."""
        rows, columns = self._left.T
        wanted = np.flatnonzero(~self._explained()[rows, columns])[:most]
        chosen = self._left[wanted]
        self._left = self._left[wanted[-1] + 1 :] if len(wanted) else self._left[:0]
        self._asked[chosen[:, 0], chosen[:, 1]] = True
        return chosen

    def explain(self, masks: NDArray[np.bool_]) -> None:
        """Takes the points that lie in each mask found so far, (m, side, side)."""
        self._masks = masks

    def _explained(self) -> NDArray[np.bool_]:
        """(side, side): the points in whose smallest mask enough points were asked."""
        explained = np.zeros_like(self._asked)
        for i in np.argsort(-self._masks.sum((1, 2)), kind='stable'):  # small over large
            mask = self._masks[i]
            explained[mask] = np.count_nonzero(self._asked & mask) >= _ENOUGH
        return explained


def spread(side: int) -> NDArray[np.int64]:
    """All points of a side x side grid, (side * side, 2) row and column, in an order that doubles
    their density evenly again and again: however many come first, they are spread evenly."""
    row, column = (each.reshape(-1) ^ _FIRST for each in np.indices((side, side)))
    key = np.zeros(side * side, np.int64)
    for bit in range(_FIRST.bit_length()):
        for each in (row ^ column, column):
            key = 2 * key + (each >> bit & 1)
    order = np.argsort(key, kind='stable')
    return np.stack(np.unravel_index(order, (side, side)), 1)
