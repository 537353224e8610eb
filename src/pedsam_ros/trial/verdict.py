"""Which promises a soak has broken, and the figures that show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pedsam_ros.core.edge import ENDINGS
from pedsam_ros.trial.seen_figures import seen_figures
from pedsam_ros.trial.soak_record import MemorySample, SoakRecord

_WARM = 500  # frames after which a process has all the memory that it needs
_SAMPLES = 3  # samples of memory whose median counts
_MOST_GROWTH = 3.0  # percent, of a warm process
_MOST_RECOVERY_S = 2.0
_RECOVERIES = 20  # with fewer, the 95th percentile means little
_PROMISES = (  # figures that must be zero, and lists that must be empty
    *('unaccounted', 'wrong_masks', 'masks_lost', 'cap_violations', 'unrecovered'),
    *('unnoticed', 'ended_by_themselves', 'not_in_ledger', 'unknown_windows'),
)


def figures_of(record: SoakRecord) -> dict[str, Any]:
    """The figures of a soak, as they are written to soak.json."""
    counts = {name: int(record.figures[name]) for name in ('frames_in', *ENDINGS)}
    return {
        'frames_shown': record.shown,
        **counts,
        'unaccounted': counts['frames_in'] - sum(counts[ending] for ending in ENDINGS),
        'masks_received': record.done,
        'masks_lost': abs(counts['done'] - record.done),
        'wrong_masks': len(record.wrong),
        'wrong_masks_list': record.wrong,
        'masks_compared': record.done if record.compared is None else record.compared,
        **seen_figures(record),
        'faults': record.faults.total(),
        'faults_by_kind': dict(record.faults),
        'unnoticed': record.unnoticed,
        'ended_by_themselves': record.ended,
        'model_id': record.figures['model_id'],
        **_recoveries(record),
        **_rss(record),
    }


def judge(figures: Mapping[str, Any], out: Path) -> int:
    """Prints the verdict. Returns the exit status: 0 if no promise was broken."""
    broken = broken_promises(figures)
    endings = ', '.join(f'{figures[ending]} {ending}' for ending in ENDINGS)
    print(f'soak: {figures["frames_in"]} frames: {endings}; {figures["faults"]} faults')
    masks = f'{figures["wrong_masks"]} wrong masks, {figures["masks_compared"]} compared'
    print(f'soak: {masks}; {figures["cap_violations"]} caps exceeded{_told(figures)}')
    p95 = figures['recoveries_p95_s'] or 0.0
    print(f'soak: {figures["recoveries"]} recoveries, p95 {p95:.2f} s')
    print(f'soak: broken: {", ".join(broken) or "nothing"}; {out}/soak.json')
    return 1 if broken else 0


def broken_promises(figures: Mapping[str, Any]) -> list[str]:
    """Names of the figures that break a promise."""
    growth = figures['rss_growth_percent']
    grown = max(filter(None, growth.values()), default=0.0) > _MOST_GROWTH
    unmeasured = growth['edge'] is None and figures['frames_in'] > 4 * _WARM
    p95_s = figures['recoveries_p95_s'] if figures['recoveries'] >= _RECOVERIES else 0.0
    slow = p95_s > _MOST_RECOVERY_S
    broken = [name for name in _PROMISES if figures.get(name)]
    broken += ['rss_growth_percent'] if grown or unmeasured else []
    return broken + (['recoveries_p95_s'] if slow else [])


def _told(figures: Mapping[str, Any]) -> str:
    """How near to its cap a worker came, if the camera moved."""
    if 'most_above_cap' not in figures:
        return ''
    return f' (cap {figures["most_above_cap"]:+.1%}), {figures["unknown_windows"]} unknown windows'


def _recoveries(record: SoakRecord) -> dict[str, Any]:
    took = record.recoveries_s
    return {
        'recoveries': len(took),
        'recoveries_p95_s': float(np.percentile(took, 95)) if took else None,
        'recoveries_max_s': max(took, default=None),
        'unrecovered': record.unrecovered,
    }


def _rss(record: SoakRecord) -> dict[str, dict[str, Any]]:
    """The memory of the process that lived longest under each name, and how much it grew.

    Bytes when it was warm (None if it never was) and at its end.
    """
    lives = {name: _warm_and_last(samples) for name, samples in record.memory.items()}
    return {
        'rss_start_bytes': {name: start for name, (start, _) in lives.items()},
        'rss_end_bytes': {name: end for name, (_, end) in lives.items()},
        'rss_growth_percent': {
            name: 100 * (end / start - 1) if start else None
            for name, (start, end) in lives.items()
        },
    }


def _warm_and_last(samples: Sequence[MemorySample]) -> tuple[int | None, int]:
    """Medians of some samples of the longest life: the first after _WARM frames, and the last."""
    lives: dict[int, list[MemorySample]] = {}
    for sample in samples:
        lives.setdefault(sample.pid, []).append(sample)
    longest = max(lives.values(), key=lambda life: life[-1].frame - life[0].frame)
    warm = [sample for sample in longest if sample.frame - longest[0].frame >= _WARM]
    return _median(warm[:_SAMPLES]) if warm else None, _median(longest[-_SAMPLES:])


def _median(samples: Sequence[MemorySample]) -> int:
    return int(np.median([sample.resident_bytes for sample in samples]))
