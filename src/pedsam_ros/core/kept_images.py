"""Finds the image that masks belong to. A stamp alone does not tell: some cameras repeat it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from pedsam_ros.core.errors import NoImage
from pedsam_ros.core.types import FrameKey

_REMEMBERED = 10_000  # images that were dropped, of which only key and size are known
_OWN_BYTES = 1000  # counted for an image besides its data, so that empty ones are not for nothing

Size = tuple[int, int]  # height and width, px


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    key: FrameKey
    size: Size
    nbytes: int
    message: Any  # compared only with others of the same key and size
    repeats: bool  # whether an image of the same key and size was dropped or differs


class KeptImages:
    """The newest images in the order in which they came, up to a number of bytes.

    The newest one is kept even if it is larger.
    """

    def __init__(self, budget_bytes: int) -> None:
        self._budget_bytes = budget_bytes
        self._kept: deque[_Kept] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, key: FrameKey, size: Size, nbytes: int, message: Any) -> None:
        """Adds an image of `nbytes`, and drops the oldest that no longer fit."""
        last = self._kept[-1] if self._kept else None
        repeats = last is not None and (
            (last.key, last.size) == (key, size) and last.message != message
        )
        self._kept.append(_Kept(key, size, nbytes + _OWN_BYTES, message, repeats))
        self._bytes += nbytes + _OWN_BYTES
        while self._bytes > self._budget_bytes and len(self._kept) > 1:
            self._bytes -= self._kept.popleft().nbytes

    def clear(self) -> None:
        """Drops all images."""
        self._kept.clear()
        self._bytes = 0

    def find(self, key: FrameKey, size: Size) -> Any:
        """The image that masks of this key and size belong to.

        Raises NoImage if there is none, or if there are several that differ.
        """
        same = [each for each in self._kept if each.key == key]
        if not self._kept:
            raise NoImage('no image has come yet')
        if not same:
            raise NoImage(f'none of the last {len(self._kept)} images has their stamp')
        fitting = [each for each in same if each.size == size]
        if not fitting:
            (height, width), (masks_height, masks_width) = same[-1].size, size
            raise NoImage(
                f'they are {masks_width}x{masks_height} px, '
                f'but the image of their stamp is {width}x{height} px'
            )
        newest = fitting[-1]
        if newest.repeats or any(each.message != newest.message for each in fitting[:-1]):
            raise NoImage('different images have their stamp; the camera must not repeat it')
        return newest.message
