"""Finds the image that masks belong to. A stamp alone does not tell: some cameras repeat it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pedsam_ros.core.errors import NoImage
from pedsam_ros.core.types import FrameKey

_REMEMBERED = 300  # images that were dropped; of older ones no masks are expected any more
_OWN_BYTES = 1000  # counted for an image besides its data, so that empty ones are not for nothing

Size = tuple[int, int]  # height and width, px


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    key: FrameKey
    size: Size
    nbytes: int
    message: Any  # compared only with others of the same key and size


class KeptImages:
    """The newest images in the order in which they came, up to a number of bytes.

    The newest one is kept even if it is larger. Of images that were dropped lately, key, size and
    `sample` stay: a number that tells their messages apart.
    """

    def __init__(self, budget_bytes: int, sample: Callable[[Any], int] = hash) -> None:
        self._budget_bytes, self._sample = budget_bytes, sample
        self._dropped: dict[tuple[FrameKey, Size], int | None] = {}  # None: different images
        self._kept: deque[_Kept] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, key: FrameKey, size: Size, nbytes: int, message: Any) -> None:
        """Adds an image of `nbytes`, and drops the oldest that no longer fit."""
        self._kept.append(_Kept(key, size, nbytes + _OWN_BYTES, message))
        self._bytes += nbytes + _OWN_BYTES
        while self._bytes > self._budget_bytes and len(self._kept) > 1:
            self._drop()

    def clear(self) -> None:
        """Drops all images."""
        while self._kept:
            self._drop()

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
        others = any(each.message != newest.message for each in fitting[:-1])
        if others or self._dropped_another(newest):
            raise NoImage('different images have their stamp; the camera must not repeat it')
        return newest.message

    def _drop(self) -> None:
        """Drops the oldest image and remembers it."""
        oldest = self._kept.popleft()
        self._bytes -= oldest.nbytes
        sample = None if self._dropped_another(oldest) else self._sample(oldest.message)
        name = oldest.key, oldest.size
        self._dropped.pop(name, None)
        self._dropped[name] = sample
        if len(self._dropped) > _REMEMBERED:
            del self._dropped[next(iter(self._dropped))]

    def _dropped_another(self, kept: _Kept) -> bool:
        """Whether an image of the same key and size was dropped that is not the same."""
        name = kept.key, kept.size
        return name in self._dropped and self._dropped[name] != self._sample(kept.message)
