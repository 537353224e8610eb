"""Counts the things that lie whole within one worker's view."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from pedsam_ros.audit.recording import Moment
from pedsam_ros.audit.scores import Estimate
from pedsam_ros.core.types import Pixels
from pedsam_ros.evaluation import rle
from pedsam_ros.evaluation.samples import Sample

Owners: TypeAlias = 'NDArray[np.int16]'  # (H, W): place of the worker in a list; -1 is nobody
WHOLE = 0.9  # of a thing's pixels
SIZES = {  # largest share of the image
    'under_0.5_percent': 0.005,
    '0.5_to_2_percent': 0.02,
    '2_to_8_percent': 0.08,
    'over_8_percent': math.inf,
}
PEOPLE = ('pennfudan',)  # sources whose things are all people
HEAD = 7  # a head is the top seventh of a person's box


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing in an image, and what each worker has of it."""

    image: str  # things of one image are not independent
    kind: str  # 'things', or 'heads'
    person: bool
    share: float  # of the image
    parts: tuple[float, ...]  # of the thing, within the view of each worker

    @property
    def size(self) -> str:
        """One of SIZES."""
        return next(name for name, most in SIZES.items() if self.share < most)

    @property
    def some(self) -> float:
        """1 if some worker has it whole, else 0."""
        return float(max(self.parts) >= WHOLE)

    @property
    def given(self) -> float:
        """The share of workers that have it whole."""
        return float(np.mean([part >= WHOLE for part in self.parts]))


def owners(moment: Moment, workers: Sequence[str]) -> Owners:
    """(H, W) on the canvas: who was shown a pixel; -1 for nobody."""
    found = np.full(moment.canvas.content, -1, np.int16)
    for place, worker in enumerate(workers):
        found[moment.view([worker]).seen] = place
    return found


def parts(shape: NDArray[np.bool_], owned: Owners, workers: int) -> tuple[float, ...]:
    """The share of the pixels of `shape`, (H, W) of the canvas, that each worker has.

    Zeros for an empty shape.
    """
    of = owned[shape]
    counts = np.bincount(of[of >= 0], minlength=workers)
    return tuple((counts / max(1, len(of))).tolist())


def things(sample: Sample, owned: Owners, workers: int) -> list[Thing]:
    """The things of a labelled image, and the heads of its people."""
    found = []
    for segment in sample.segments:
        if segment.thing:
            share = segment.area / (sample.height * sample.width)
            person = sample.source in PEOPLE
            shape = rle.decode(segment.mask)
            shapes = {'things': shape}
            if person:
                shapes['heads'] = head(shape, segment.box)
            for kind, each in shapes.items():
                of = parts(on_canvas(each, owned), owned, workers)
                found.append(Thing(f'{sample.source}/{sample.name}', kind, person, share, of))
    return found


def head(shape: NDArray[np.bool_], box: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    """(H, W): the part of a person in the top seventh of its box, x0, y0, x1, y1."""
    _, y0, _, y1 = box
    top = np.zeros_like(shape)
    rows = slice(y0, y0 + max(1, round((y1 - y0) / HEAD)))
    top[rows] = shape[rows]
    return top


def on_canvas(shape: NDArray[np.bool_] | Pixels, owned: Owners) -> NDArray[np.bool_]:
    """Scales a mask to the canvas, nearest pixel; what would vanish keeps one pixel."""
    height, width = owned.shape
    small = cv2.resize(shape.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    found = np.asarray(small > 0, np.bool_)
    if not found.any() and shape.any():
        ys, xs = np.nonzero(shape)
        y, x = int(np.median(ys)), int(np.median(xs))
        found[y * height // shape.shape[0], x * width // shape.shape[1]] = True
    return found


def table(found: Sequence[Thing]) -> dict[str, Any]:
    """The share of things that are whole, with some and with a given worker: by size for all
    things, in all for people and heads. Null for kinds that are not there."""
    every = [each for each in found if each.kind == 'things']
    rows = {name: [each for each in every if each.size == name] for name in SIZES}
    return {
        'things': {name: _row(each) for name, each in {**rows, 'all': every}.items()},
        'people': _row([each for each in every if each.person]),
        'heads': _row([each for each in found if each.kind == 'heads']),
    }


def _row(found: Sequence[Thing]) -> dict[str, Any] | None:
    if not found:
        return None
    images = [each.image for each in found]
    return {
        'count': len(found),
        'some_worker': ratio(images, [each.some for each in found]).figures(),
        'given_worker': ratio(images, [each.given for each in found]).figures(),
    }


def ratio(images: Sequence[str], values: Iterable[float]) -> Estimate:
    """The mean of values; its error takes those of one image as one sample, and `count` counts
    images. NaN without values. Source: Cochran, Sampling Techniques, ratio estimator."""
    given = np.array(list(values), np.float64)
    if not len(given):
        return Estimate(math.nan, math.nan, 0)
    names, of = np.unique(images, return_inverse=True)
    mean, number = float(given.mean()), len(names)
    if number < 2:
        return Estimate(mean, math.nan, number)
    off = np.bincount(of, given - mean)
    error = math.sqrt(float((off**2).sum()) * number / (number - 1)) / len(given)
    return Estimate(mean, error, number)
