"""Measures automatic masks: how many segments they find, and what they cost, beside SAM's own
generator with the same weights, settings and embeddings.

Average recall is the mean, over IoU thresholds .5, .55, ... .95, of the share of segments that one
of the masks covers. At most one mask can have an IoU above .5 with two segments that do not
overlap, so no mask counts twice. Source: COCO's and LVIS's AR for proposals.
"""

from __future__ import annotations

import copy
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from pedsam_ros.core.automatic_config import AutomaticConfig
from pedsam_ros.core.edge_compute import finished
from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.model.automatic import automatic, suited
from pedsam_ros.core.model.decoder import Decoder
from pedsam_ros.core.model.monolithic import MonolithicPipeline
from pedsam_ros.core.types import Frame, FrameKey, Mask
from pedsam_ros.evaluation import rle
from pedsam_ros.evaluation.samples import CLASSES, Sample, Segment
from pedsam_ros.evaluation.sams_generator import SamsGenerator

THRESHOLDS = np.arange(0.5, 0.96, 0.05)
MOST = 1000  # masks of an image that count, those of highest score
SETTINGS = AutomaticConfig(points_per_side=32, max_masks=MOST, within_s=600.0)
PAIRS = {'ours': 'sam', 'ours_refined': 'grid_refined'}  # a way, and the one it must equal
_FEW = 8  # points along each side of a grid that finds less, if points matter at all
_PX = {'small': (0, 32**2), 'medium': (32**2, 96**2), 'large': (96**2, 2**62)}  # COCO's areas
Way: TypeAlias = Callable[[Encoded], tuple[Mask, ...]]


@dataclass(slots=True)
class Outcome:
    """What one way found on all images."""

    best: list[float] = field(default_factory=list)  # of each segment: IoU of the best mask
    best_of_100: list[float] = field(default_factory=list)  # the same for 100 masks an image
    masks: list[int] = field(default_factory=list)  # of each image
    seconds: list[float] = field(default_factory=list)  # of the processor, for each image
    again: list[float] = field(default_factory=list)  # of each mask of its pair: IoU of the best


def measured(pipeline: MonolithicPipeline, samples: Sequence[Sample]) -> dict[str, Any]:
    """All figures, as JSON takes them. The ways take turns on each image. Raises PedsamError."""
    ways, outcomes = ways_of(pipeline), defaultdict[str, Outcome](Outcome)
    for number, sample in enumerate(tqdm(samples, desc='automatic masks', unit='image')):
        encoded = pipeline.encode(Frame(FrameKey(number, sample.name), sample.rgb()))
        found = {name: _timed(way, encoded, outcomes[name]) for name, way in ways.items()}
        truth = [segment.mask for segment in sample.segments]
        for name, masks in found.items():
            overlaps = rle.ious(masks, truth)
            outcomes[name].best += _best(overlaps[:MOST])
            outcomes[name].best_of_100 += _best(overlaps[:100])
            outcomes[name].masks.append(len(masks))
            if PAIRS.get(name) in found:
                size = sample.height, sample.width
                wanted = [rle.packed(each, size) for each in found[PAIRS[name]]]
                outcomes[name].again += _best(rle.ious(masks, wanted))
    return figures_of(outcomes, samples)


def ways_of(pipeline: MonolithicPipeline) -> dict[str, Way]:
    """The ways to make automatic masks, by name. With a second look only if the model has one."""
    config = suited(SETTINGS, pipeline.arch.name)
    plain = copy.deepcopy(pipeline.decoder)
    plain.refiner = None
    grid = replace(config, search='grid')
    few = replace(grid, points_per_side=_FEW)
    ways: dict[str, Way] = {
        'sam': SamsGenerator(plain, pipeline.arch, config),
        'ours': partial(_ours, plain, config),
        'grid_of_few_points': partial(_ours, plain, few),
    }
    if pipeline.decoder.refiner is not None:
        ways['grid_refined'] = partial(_ours, pipeline.decoder, grid)
        ways['ours_refined'] = partial(_ours, pipeline.decoder, config)
    return ways


def figures_of(outcomes: Mapping[str, Outcome], samples: Sequence[Sample]) -> dict[str, Any]:
    """Sums up what the ways found."""
    parts = _parts(samples)
    told: dict[str, Any] = {name: _way(each, parts) for name, each in outcomes.items()}
    for name, other in PAIRS.items():
        if name in outcomes:
            told[name] |= _beside(outcomes[name], outcomes[other])
    return {'ways': told, 'segments': {name: int(which.sum()) for name, which in parts.items()}}


def table(figures: Mapping[str, Any]) -> str:
    """The figures to read: a line for each way."""
    columns = ['AR', *_PX, 'AR@100', 'masks', 'cpu s', 'speedup', 'IoU .75', 'IoU .9']
    lines = [f'{"automatic masks":20}' + ''.join(f'{name:>9}' for name in columns)]
    for name, way in figures['ways'].items():
        ar, again = way['ar'], way.get('finds_again', {})
        values = [ar['all'], *(ar[size] for size in _PX), way['ar_at_100'], way['masks']]
        values += [way['cpu_s'], way.get('speedup'), again.get('0.75'), again.get('0.9')]
        cells = (f'{"-":>9}' if value is None else f'{value:9.3f}' for value in values)
        lines.append(f'{name:20}' + ''.join(cells))
    return '\n'.join(lines)


def _ours(decoder: Decoder, config: AutomaticConfig, encoded: Encoded) -> tuple[Mask, ...]:
    with torch.inference_mode():
        return finished(automatic(decoder, encoded, config))[0]


def _timed(way: Way, encoded: Encoded, outcome: Outcome) -> tuple[Mask, ...]:
    begun = time.process_time()
    masks = way(encoded)
    outcome.seconds.append(time.process_time() - begun)
    return masks


def _best(overlaps: NDArray[np.float64]) -> list[float]:
    """The largest IoU in each column; 0 without rows."""
    best: list[float] = overlaps.max(0, initial=0.0).tolist()
    return best


def _parts(samples: Sequence[Sample]) -> dict[str, NDArray[np.bool_]]:
    """Name -> which of all segments are of that kind."""
    whole: list[tuple[str, Segment]] = [
        (sample.source, segment) for sample in samples for segment in sample.segments
    ]
    parts = {'all': [True] * len(whole)}
    for size, (least, most) in _PX.items():
        parts[size] = [least <= segment.area < most for _, segment in whole]
    for source in dict.fromkeys(source for source, _ in whole):
        for kind in CLASSES:
            chosen = [(of, segment.of_class) == (source, kind) for of, segment in whole]
            parts |= {f'{source} {kind}': chosen} if any(chosen) else {}
    return {name: np.array(which) for name, which in parts.items()}


def _way(outcome: Outcome, parts: Mapping[str, NDArray[np.bool_]]) -> dict[str, Any]:
    best = np.array(outcome.best)
    return {
        'ar': {name: _recall(best[which]) for name, which in parts.items()},
        'ar_at_100': _recall(np.array(outcome.best_of_100)),
        'masks': float(np.mean(outcome.masks)),
        'most_masks': max(outcome.masks),
        'cpu_s': float(np.mean(outcome.seconds)),
    }


def _recall(best: NDArray[np.float64]) -> float | None:
    """Average recall; None without segments."""
    return float((best[:, None] >= THRESHOLDS - 1e-9).mean()) if len(best) else None


def _beside(outcome: Outcome, other: Outcome) -> dict[str, Any]:
    """Compares a way with the one that it must equal."""
    again, ratios = np.array(outcome.again), np.array(other.seconds) / outcome.seconds
    return {
        'speedup': float(sum(other.seconds) / sum(outcome.seconds)),
        'speedup_median': float(np.median(ratios)),
        'speedup_least': float(ratios.min()),
        'ar_lost': (_recall(np.array(other.best)) or 0) - (_recall(np.array(outcome.best)) or 0),
        'finds_again': {
            str(least): float((again >= least).mean()) if len(again) else None
            for least in (0.75, 0.9)
        },
    }
