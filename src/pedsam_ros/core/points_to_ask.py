"""Decides which points of a grid are asked for automatic masks: coarse ones first, finer ones only
where they promise masks that were not found yet. No torch."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_FIRST = 0b10101010  # which of two neighbouring rows comes first at each density: near the middle
_COARSE = 64, 1 / 16  # so many points, or this share of all, are coarse
_UNASKED, _PASSED_OVER = -2.0, -1.0  # below every promise


class PointsToAsk:
    """Hands out the points of a side x side grid in batches.

    A point is skipped if enough points were asked in the smallest found mask that holds it: two,
    and three more for each point of its length, because a large mask has parts. A fine point is
    also skipped if all points around it promised less than `least`.
    """

    def __init__(self, side: int, least: float) -> None:
        self._side, self._least, self._next = side, least, 0
        self._promised = np.full((side, side), _UNASKED, np.float32)
        self._masks: NDArray[np.bool_] = np.zeros((0, side, side), bool)
        self._order: NDArray[np.int64] = spread(side)
        self._done = 0  # points before the present density
        self._level = max(_COARSE[0], int(_COARSE[1] * side * side))  # points up to its end

    def next(self, most: int) -> NDArray[np.int64]:
        """Up to `most` points, (n, 2) row and column; none if there are no more to ask. Those that
        are skipped now never come again."""
        while self._next < len(self._order):
            if self._next == self._level:
                self._done, self._level = self._level, 2 * self._level
            ranks = np.arange(self._next, min(self._level, len(self._order)))
            rows, columns = self._order[ranks].T
            promising = self._promising()[rows, columns]
            chosen = ranks[promising & ~self._explained()[rows, columns]][:most]
            self._next = int(chosen[-1]) + 1 if len(chosen) == most else int(ranks[-1]) + 1
            passed_over = ~promising & (ranks < self._next)
            self._promised[rows[passed_over], columns[passed_over]] = _PASSED_OVER
            if len(chosen):
                return np.asarray(self._order[chosen])
        return self._order[:0]

    def heard(self, points: NDArray[np.int64], promised: NDArray[np.float32]) -> None:
        """Takes what points, (n, 2) row and column, promised, (n,): their best predicted IoU."""
        self._promised[points[:, 0], points[:, 1]] = np.maximum(promised, 0.0)

    def explain(self, masks: NDArray[np.bool_]) -> None:
        """Takes the points that lie in each mask found so far, (m, side, side)."""
        self._masks = masks

    def _explained(self) -> NDArray[np.bool_]:
        """(side, side): the points in whose smallest mask enough points were asked."""
        explained = np.zeros((self._side, self._side), bool)
        areas = self._masks.sum((1, 2))
        asked = (self._masks & (self._promised > _PASSED_OVER)).sum((1, 2))
        enough = asked >= 2 + 3 * np.sqrt(areas)
        for i in np.argsort(-areas, kind='stable'):  # small ones over large ones
            explained[self._masks[i]] = enough[i]
        return explained

    def _promising(self) -> NDArray[np.bool_]:
        """(side, side): the points with one around them that promised enough, or with none that
        was asked or passed over; all as long as coarse points are asked."""
        reach = round(self._side / np.sqrt(self._done)) if self._done else self._side
        square = np.ones((2 * reach + 1,) * 2, np.uint8)
        best = cv2.dilate(self._promised, square, borderValue=_UNASKED)
        return np.asarray((best >= self._least) | (best == _UNASKED) | (self._done == 0), bool)


def spread(side: int) -> NDArray[np.int64]:
    """All points of a side x side grid, (side * side, 2) row and column, in an order that doubles
    their density again and again: however many come first, they are spread evenly."""
    row, column = (each.reshape(-1) ^ _FIRST for each in np.indices((side, side)))
    key = np.zeros(side * side, np.int64)
    for bit in range(_FIRST.bit_length()):
        for each in (row ^ column, column):
            key = 2 * key + (each >> bit & 1)
    order = np.argsort(key, kind='stable')
    return np.stack(np.unravel_index(order, (side, side)), 1)
