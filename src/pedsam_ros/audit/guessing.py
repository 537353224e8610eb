"""Lets an attack guess what a view does not show, and scores the guess."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pedsam_ros.audit.attack import History, Picture, Seen, View
from pedsam_ros.audit.attacks.mean import filled
from pedsam_ros.audit.scores import Estimate, level_db, ssim
from pedsam_ros.core.types import Pixels

_EDGES_PX = (0, 4, 8, 16, 32, math.inf)  # distances from a seen pixel, on the canvas
BANDS = ('0_4_px', '4_8_px', '8_16_px', '16_32_px', 'over_32_px')


@dataclass(frozen=True, slots=True, eq=False)
class Guessed:
    """A guess of one view, and its scores over the unseen pixels. NaN is what is unknown."""

    picture: Picture
    psnr_db: float
    gain_db: float  # over the mean fill
    ssim: float
    cpu_s: float  # that the attacker spent
    bands_db: Mapping[str, float]  # gain by distance from a seen pixel


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A view, and what a guess of the rest is compared with."""

    view: View
    truth: Pixels
    plain: NDArray[np.float64]  # (H, W): squared error of the mean fill
    bands: tuple[Seen, ...]  # the unseen pixels by their distance from a seen one

    @classmethod
    def of(cls, view: View, truth: Pixels) -> Case | None:
        """None if there is nothing to guess, or nothing to guess it from."""
        if not view.seen.any() or view.seen.all():
            return None
        return cls(view, truth, _error(filled(view.pixels, view.seen), truth), _bands(view.seen))

    def guessed(self, attack: ModuleType, history: History) -> Guessed:
        """Runs an attack on the view and scores what it returns."""
        began = time.process_time()
        picture = attack.attack(self.view.pixels, self.view.seen, history)
        return self.scored(picture, time.process_time() - began)

    def scored(self, picture: Picture | Pixels, cpu_s: float = 0.0) -> Guessed:
        """Scores a picture as a guess of what the view does not show."""
        unseen, error = ~self.view.seen, _error(picture, self.truth)
        level = _level_db(error, unseen)
        gain = level - _level_db(self.plain, unseen)
        bands = {
            name: _level_db(error, where) - _level_db(self.plain, where)
            for name, where in zip(BANDS, self.bands, strict=True)
        }
        kept = np.asarray(picture, np.float32)
        return Guessed(kept, level, gain, ssim(picture, self.truth, unseen), cpu_s, bands)


def guesses(view: View, truth: Pixels, pictures: Mapping[str, Picture]) -> dict[str, Guessed]:
    """The scores of pictures of one view; NaN if there is nothing to guess, or nothing to guess
    it from."""
    case = Case.of(view, truth)
    nothing = (math.nan,) * 3
    return {
        name: case.scored(each) if case else Guessed(each, *nothing, 0.0, {})
        for name, each in pictures.items()
    }


def cases(views: Iterable[View], truth: Pixels) -> list[Case]:
    """The views of a picture for which there is something to guess."""
    found = (Case.of(view, truth) for view in views)
    return [case for case in found if case is not None]


def _error(picture: Picture | Pixels, truth: Pixels) -> NDArray[np.float64]:
    """(H, W): squared error of each pixel, grey levels squared."""
    return np.asarray(np.square(np.subtract(picture, truth, dtype=np.float64)).mean(2))


def _level_db(error: NDArray[np.float64], where: Seen) -> float:
    """PSNR as in `scores.psnr`."""
    found = error[where]
    return level_db(float(found.mean())) if len(found) else math.nan


def _bands(seen: Seen) -> tuple[Seen, ...]:
    distance = cv2.distanceTransform((~seen).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return tuple((distance > low) & (distance <= high) for low, high in pairwise(_EDGES_PX))


def averaged(guesses: Iterable[Iterable[Guessed]]) -> dict[str, Any]:
    """Figures of an attack. The guesses of one image are averaged first: they are no independent
    samples."""
    images = [[*each] for each in guesses]

    def over(value: Any) -> dict[str, Any]:
        return Estimate.of(_mean(map(value, image)) for image in images).figures()

    return {
        'gain_db': over(lambda g: g.gain_db),
        'psnr_db': over(lambda g: g.psnr_db),
        'ssim': over(lambda g: g.ssim),
        'cpu_s': over(lambda g: g.cpu_s)['mean'],
        'gain_by_distance_db': {
            band: over(lambda g, band=band: g.bands_db[band]) for band in BANDS
        },
    }


def image_gains(guesses: Iterable[Iterable[Guessed]]) -> list[float]:
    """The mean gain of each image, dB; NaN for one without a guess."""
    return [_mean(each.gain_db for each in image) for image in guesses]


def _mean(values: Iterable[float]) -> float:
    known = [each for each in values if math.isfinite(each)]
    return sum(known) / len(known) if known else math.nan
