"""What the network of the learned attack learns from: random views of pictures of a pack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.random import Generator

from pedsam_ros.audit.guess import Guess
from pedsam_ros.audit.layouts import random_seen
from pedsam_ros.audit.unet import CANVAS_PX
from pedsam_ros.core.types import Pixels
from pedsam_ros.learn.asset_pack import AssetPack
from pedsam_ros.learn.scenes import compose

BATCH = 8
_HELD_OUT = 8  # every 8th photograph judges, and is never learned from
_JUDGING = ((3, 4), 4)  # shape of what is held out, views of each photograph
_SHAPES = ((3, 4), (2, 3), (1, 1), (9, 16), (4, 3), (3, 2), (16, 9))  # height, width
_CHANCES = (0.4, 0.2, 0.05, 0.1, 0.15, 0.07, 0.03)
_COMPOSED = 0.3  # share of pictures that are composed scenes; the others are parts of photographs
_LEAST_PART = 0.45  # of a photograph's sides
_FRESH = 2  # new lessons a step; the others were seen before, and are mirrored or recoloured
_KEPT = 96  # lessons of a shape that are kept
_TOLERANCE = 0.5  # of the harmonic fill, grey levels


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """A view's harmonic fill, and the truth."""

    guess: Guess
    truth: Pixels

    @classmethod
    def of(cls, truth: Pixels, rng: Generator) -> Lesson:
        """What random workers see of a picture, (H, W, 3) uint8."""
        seen = random_seen(rng, (truth.shape[0], truth.shape[1]))
        return cls(Guess.of(truth, seen, CANVAS_PX, _TOLERANCE), truth)

    def changed(self, rng: Generator) -> Lesson:
        """The same, perhaps mirrored, and with its colours in another order."""
        step, order = (-1 if rng.random() < 0.5 else 1), slice(None)
        colours = rng.permutation(3) if rng.random() < 0.2 else np.arange(3)
        old = self.guess
        guess = replace(
            old,
            fill=old.fill[order, ::step][..., colours],
            seen=old.seen[:, ::step],
            distance=np.ascontiguousarray(old.distance[:, ::step]),
            centre=old.centre[colours],
        )
        return Lesson(guess, self.truth[:, ::step][..., colours])


class Lessons:
    """Endless batches of lessons. Equal seeds give equal batches."""

    def __init__(self, pack: AssetPack, seed: int) -> None:
        self.pack, self.rng = pack, np.random.default_rng(seed)
        self._kept: dict[tuple[int, int], list[Lesson]] = {}

    def __iter__(self) -> Iterator[list[Lesson]]:
        while True:
            shape = _SHAPES[int(self.rng.choice(len(_SHAPES), p=_CHANCES))]
            kept = self._kept.setdefault(shape, [])
            fresh = _FRESH if len(kept) >= BATCH else BATCH
            kept += [Lesson.of(self._picture(shape), self.rng) for _ in range(fresh)]
            del kept[:-_KEPT]
            old = self.rng.permutation(len(kept) - fresh)[: BATCH - fresh]
            chosen = kept[-fresh:] + [kept[int(each)] for each in old]
            yield [each.changed(self.rng) for each in chosen]

    def _picture(self, shape: tuple[int, int]) -> Pixels:
        if self.rng.random() < _COMPOSED:
            return part_of(compose(self.pack, self.rng).rgb, shape, self.rng, 0.75)
        photos = self.pack.pictures['background']
        photo = photos[int(self.rng.integers(len(photos)))]
        return part_of(photo, shape, self.rng, _LEAST_PART)


def part_of(rgb: Pixels, shape: tuple[int, int], rng: Generator, least: float) -> Pixels:
    """A random part of a picture, of the shape (height, width), scaled to the canvas.

    Its sides are at least `least` of the longest that fit.
    """
    fit = min(rgb.shape[0] / shape[0], rgb.shape[1] / shape[1]) * rng.uniform(least, 1)
    height, width = (max(1, int(side * fit)) for side in shape)
    top = int(rng.integers(rgb.shape[0] - height + 1))
    left = int(rng.integers(rgb.shape[1] - width + 1))
    size = [round(CANVAS_PX * side / max(shape)) for side in shape[::-1]]
    part = rgb[top : top + height, left : left + width]
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)


def split(pack: AssetPack) -> tuple[AssetPack, list[Lesson]]:
    """The pack without every 8th photograph, and views of those, to judge by."""
    photos, rng = pack.pictures['background'], np.random.default_rng(0)  # equal for all fits
    kept = [photo for number, photo in enumerate(photos) if number % _HELD_OUT]
    held = photos[::_HELD_OUT]
    if not kept:  # a pack of one photograph
        kept = held
    shape, count = _JUDGING
    parts = [part_of(photo, shape, rng, 0.9) for photo in held for _ in range(count)]
    rest = AssetPack({**pack.pictures, 'background': kept})
    return rest, [Lesson.of(part, rng) for part in parts]
