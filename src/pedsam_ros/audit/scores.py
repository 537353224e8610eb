"""Judges a guess of an unseen part against the truth."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pedsam_ros.audit.attack import Picture, Seen
from pedsam_ros.core.types import Pixels

_BEST_DB = 60.0  # of a guess that is right to the last bit
_SIGMA_PX = 1.5  # of SSIM's window, as in its paper (Wang et al. 2004), so are the constants
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over independent samples, and its standard error."""

    mean: float
    error: float
    count: int

    @classmethod
    def of(cls, samples: Iterable[float]) -> Estimate:
        """NaN without samples; the error is NaN for one."""
        values = np.array([each for each in samples if math.isfinite(each)])
        if not len(values):
            return cls(math.nan, math.nan, 0)
        spread = float(values.std(ddof=1)) if len(values) > 1 else math.nan
        return cls(float(values.mean()), spread / math.sqrt(len(values)), len(values))

    def figures(self) -> dict[str, Any]:
        """As JSON has it: NaN becomes null."""
        known = {'mean': self.mean, 'standard_error': self.error, 'count': self.count}
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in known.items()}


def psnr(guess: Picture | Pixels, truth: Pixels, where: Seen) -> float:
    """Peak signal to noise ratio of the pixels `where`, dB, at most 60; NaN if there are none."""
    if not where.any():
        return math.nan
    difference = guess[where].astype(np.float64) - truth[where]
    return level_db(float((difference**2).mean()))


def level_db(error: float) -> float:
    """Peak signal to noise ratio of a mean squared error in grey levels squared, at most 60 dB."""
    return min(_BEST_DB, 10 * math.log10(255**2 / error)) if error else _BEST_DB


def ssim(guess: Picture | Pixels, truth: Pixels, where: Seen) -> float:
    """Mean structural similarity of the luma of the pixels `where`; NaN if there are none.

    Windows around these pixels reach into others. Source: Wang et al., IEEE TIP 2004.
    """
    if not where.any():
        return math.nan
    a, b = _luma(guess), _luma(truth)
    mean_a, mean_b = _blur(a), _blur(b)
    var_a, var_b = _blur(a * a) - mean_a**2, _blur(b * b) - mean_b**2
    both = _blur(a * b) - mean_a * mean_b
    top = (2 * mean_a * mean_b + _C1) * (2 * both + _C2)
    bottom = (mean_a**2 + mean_b**2 + _C1) * (var_a + var_b + _C2)
    return float((top / bottom)[where].mean())


def _luma(picture: Picture | Pixels) -> NDArray[np.float64]:
    return np.asarray(picture.astype(np.float64) @ np.array([0.299, 0.587, 0.114]), np.float64)


def _blur(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(cv2.GaussianBlur(values, (11, 11), _SIGMA_PX), np.float64)
