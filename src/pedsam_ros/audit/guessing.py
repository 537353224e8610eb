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

from pedsam_ros.audit.attack import History, Picture, Seen, View
from pedsam_ros.audit.attacks import mean
from pedsam_ros.audit.scores import Estimate, psnr, ssim
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


def told_apart(view: View) -> bool:
    """Whether there is something to guess, and something to guess it from."""
    return bool(view.seen.any() and not view.seen.all())


def guessed(attack: ModuleType, view: View, truth: Pixels, history: History) -> Guessed:
    """Runs an attack on one view and scores what it returns."""
    began = time.process_time()
    picture = attack.attack(view.pixels, view.seen, history)
    return scored(picture, view, truth, time.process_time() - began)


def scored(picture: Picture | Pixels, view: View, truth: Pixels, cpu_s: float = 0.0) -> Guessed:
    """Scores a picture as a guess of what a view does not show."""
    unseen = ~view.seen
    plain = mean.filled(view.pixels, view.seen)
    level = psnr(picture, truth, unseen)
    bands = {
        name: psnr(picture, truth, where) - psnr(plain, truth, where)
        for name, where in zip(BANDS, _bands(view.seen), strict=True)
    }
    gain = level - psnr(plain, truth, unseen)
    kept = np.asarray(picture, np.float32)
    return Guessed(kept, level, gain, ssim(picture, truth, unseen), cpu_s, bands)


def _bands(seen: Seen) -> list[Seen]:
    """The unseen pixels by their distance from a seen one."""
    distance = cv2.distanceTransform((~seen).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    ends = pairwise(_EDGES_PX)
    return [(distance > low) & (distance <= high) for low, high in ends]


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


def _mean(values: Iterable[float]) -> float:
    known = [each for each in values if math.isfinite(each)]
    return sum(known) / len(known) if known else math.nan
