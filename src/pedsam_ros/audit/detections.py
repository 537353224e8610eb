"""What detectors still find in one worker's view, against the full picture."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from pedsam_ros.audit.attack import Boxes, History, Needs, View
from pedsam_ros.audit.attacks import attacks
from pedsam_ros.audit.recording import Recording
from pedsam_ros.audit.scores import Estimate
from pedsam_ros.audit.whole import ratio
from pedsam_ros.core.types import Pixels

Fill: TypeAlias = Callable[[View], Pixels]  # a worker's view -> a picture without gaps
_SAME = 0.4  # IoU of two boxes around one thing


@dataclass(slots=True, eq=False)
class _Counts:
    """Of one detector on one kind of view."""

    images: list[str] = field(default_factory=list)  # of each thing in the full pictures
    given: list[float] = field(default_factory=list)  # share of workers that find it
    some: list[float] = field(default_factory=list)
    false: list[float] = field(default_factory=list)  # boxes not in it a view; mean of an image


def detections(
    recordings: Sequence[Recording], fills: Mapping[str, Fill], tick: Callable[[], object]
) -> dict[str, Any]:
    """Detector -> what it finds in full pictures, and by fill in one worker's view of each.

    Null for a detector that is not installed.
    """
    return {
        name: _of(module, recordings, fills, tick)
        for name, module in attacks(Needs.CONTENT).items()
    }


def matched(boxes: Boxes, others: Boxes) -> list[bool]:
    """Whether each of (N, 4) boxes is among (M, 4) others, up to an IoU of 0.4."""
    return [any(_iou(box, other) >= _SAME for other in others) for box in boxes]


def _of(
    module: ModuleType,
    recordings: Sequence[Recording],
    fills: Mapping[str, Fill],
    tick: Callable[[], object],
) -> dict[str, Any] | None:
    counts: dict[str, _Counts] = defaultdict(_Counts)
    started_s, found = time.process_time(), 0
    for recording in recordings:
        moment, history = recording.moments[0], History(recording.arch)
        everything = np.ones(moment.canvas.content, bool)
        full = module.attack(moment.truth, everything, history)
        if full is None:
            return None
        found += len(full)
        for name, fill in fills.items():
            views = [moment.view([worker]) for worker in recording.workers]
            seen_by = [module.attack(fill(view), view.seen, history) for view in views]
            _note(counts[name], recording.name, full, seen_by)
        tick()
    return {
        'in_full_pictures': found,
        'images': len(recordings),
        'views': {name: _figures(each) for name, each in counts.items()} or None,
        'attacker_cpu_s': round(time.process_time() - started_s, 3),
    }


def _note(counts: _Counts, image: str, full: Boxes, seen_by: Sequence[Boxes]) -> None:
    if len(full):
        hits = np.array([matched(full, boxes) for boxes in seen_by])  # workers x things
        counts.images += [image] * len(full)
        counts.given += hits.mean(0).tolist()
        counts.some += hits.any(0).astype(float).tolist()
    false = [len(boxes) - sum(matched(boxes, full)) for boxes in seen_by]
    counts.false.append(float(np.mean(false)))


def _figures(counts: _Counts) -> dict[str, Any]:
    return {
        'given_worker': ratio(counts.images, counts.given).figures(),
        'some_worker': ratio(counts.images, counts.some).figures(),
        'not_in_full_picture_per_view': Estimate.of(counts.false).figures(),
    }


def _iou(one: Boxes, other: Boxes) -> float:
    x0, y0 = np.maximum(one[:2], other[:2])
    x1, y1 = np.minimum(one[2:], other[2:])
    both = float(max(0.0, x1 - x0) * max(0.0, y1 - y0))
    areas = [float((box[2] - box[0]) * (box[3] - box[1])) for box in (one, other)]
    return both / (sum(areas) - both) if both else 0.0
