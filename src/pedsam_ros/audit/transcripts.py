"""What sizes tell about windows: the product's, and those of designs that it avoids."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pedsam_ros.audit import placed
from pedsam_ros.audit.attacks.sizes import entropy_bits
from pedsam_ros.audit.recording import Moment
from pedsam_ros.core.types import Pixels
from pedsam_ros.core.windows import Canvas

Numbers = NDArray[np.float64]
_QUALITY = 90  # of JPEG
_LEVELS = 8  # into which the detail of windows is sorted, for mutual information


def parts(moment: Moment) -> dict[int, Pixels]:
    """The windows of a frame, whoever gets them."""
    return placed.cut(moment.canvas, moment.truth)


def detail(window: Pixels) -> float:
    """The sum of the gradient over a window, in levels: edges and texture."""
    grey = cv2.cvtColor(window, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(np.abs(np.diff(grey, axis=0)).sum() + np.abs(np.diff(grey, axis=1)).sum())


def jpeg_bytes(window: Pixels) -> int:
    """The size of a window as a JPEG."""
    packed = cv2.imencode('.jpg', window, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
    return int(packed.size)


def correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Pearson's, -1..1; 0 if one is constant and so tells nothing; NaN for fewer than three."""
    a, b = np.array(one, np.float64), np.array(other, np.float64)
    if len(a) < 3:
        return math.nan
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def information_bits(sizes: Sequence[int], values: Sequence[float]) -> float:
    """Mutual information of sizes and of values sorted into eight levels, bits.

    It is never negative, so few samples give too much: compare it with `chance_bits`.
    """
    levels = _sorted_in(values)
    joint = Counter(zip(sizes, levels, strict=True))
    numbered = Counter(dict(enumerate(joint.values())))
    return entropy_bits(Counter(sizes)) + entropy_bits(Counter(levels)) - entropy_bits(numbered)


_SHUFFLES = 20


def chance_bits(
    sizes: Sequence[int], values: Sequence[float], random: np.random.Generator
) -> float:
    """The mutual information that is left when the values are shuffled, on average."""
    shuffled = (random.permutation(np.array(values)).tolist() for _ in range(_SHUFFLES))
    return float(np.mean([information_bits(sizes, each) for each in shuffled]))


def covered(mask: NDArray[np.bool_], canvas: Canvas) -> dict[int, float]:
    """How many pixels of a mask, (H, W) of the canvas's content, lie in each window."""
    parts = placed.cut(canvas, mask[..., None])
    return {index: float(np.count_nonzero(part)) for index, part in parts.items()}


def precision_recall(sent: Iterable[bool], true: Iterable[bool]) -> tuple[float, float]:
    """Of sent windows those that are true, and of true ones those that were sent; NaN for none."""
    pairs = Counter(zip(sent, true, strict=True))
    hits, false, missed = pairs[True, True], pairs[True, False], pairs[False, True]
    return (
        hits / (hits + false) if hits + false else math.nan,
        hits / (hits + missed) if hits + missed else math.nan,
    )


def _sorted_in(values: Sequence[float]) -> list[int]:
    """Eight levels with about equally many values each; equal values have one level."""
    bounds = np.quantile(values, np.linspace(0, 1, _LEVELS + 1)[1:-1])
    return [int(each) for each in np.searchsorted(bounds, values)]


def displaced(usual: Sequence[str], now: Sequence[str]) -> set[int]:
    """The messages of a frame that were held back to its end, as places in the usual order.

    Both are the workers in the order in which messages leave. Finds the fewest messages whose
    delay explains the order; none if it is the usual one, or if nothing explains it.
    """
    for late in range(len(now) + 1):
        kept, held = now[: len(now) - late], list(now[len(now) - late :])
        left, place = [], 0
        for number, worker in enumerate(usual):
            if place < len(kept) and kept[place] == worker:
                place += 1
            else:
                left.append(number)
        if place == len(kept) and [usual[number] for number in left] == held:
            return set(left)
    return set()
