"""Which promises a soak has broken, and the figures that show it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pedsam_ros.core.edge import ENDINGS
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.placement import share
from pedsam_ros.core.windows import Canvas
from pedsam_ros.trial.soak_record import MemorySample, SoakRecord

_WARM = 500  # frames after which a process has all the memory that it needs
_SAMPLES = 3  # samples of memory whose median counts
_MOST_GROWTH = 3.0  # percent, of a warm process
_MOST_RECOVERY_S = 2.0
_RECOVERIES = 20  # with fewer, the 95th percentile means little
_PROMISES = (  # figures that must be zero, and lists that must be empty
    *('unaccounted', 'wrong_masks', 'masks_lost', 'cap_violations', 'unrecovered'),
    *('unnoticed', 'ended_by_themselves', 'not_in_ledger'),
)


def figures_of(record: SoakRecord) -> dict[str, Any]:
    """The figures of a soak, as they are written to soak.json."""
    violations = _violations(record)
    counts = {name: int(record.figures[name]) for name in ('frames_in', *ENDINGS)}
    return {
        'frames_shown': record.shown,
        **counts,
        'unaccounted': counts['frames_in'] - sum(counts[ending] for ending in ENDINGS),
        'masks_received': record.done,
        'masks_lost': abs(counts['done'] - record.done),
        'wrong_masks': len(record.wrong),
        'wrong_masks_list': record.wrong,
        'cap_violations': len(violations),
        'cap_violations_list': violations,
        'windows_heard': {name: sorted(windows) for name, windows in record.heard.items()},
        'not_in_ledger': _differences(record.heard, _written(record)),
        'not_heard': _differences(_written(record), record.heard),
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
    print(f'soak: {figures["wrong_masks"]} wrong masks, {figures["cap_violations"]} caps exceeded')
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
    broken = [name for name in _PROMISES if figures[name]]
    broken += ['rss_growth_percent'] if grown or unmeasured else []
    return broken + (['recoveries_p95_s'] if slow else [])


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


def _violations(record: SoakRecord) -> list[str]:
    """Workers that were sent windows they may not see, with all that they were sent.

    A worker may see its own windows, a spare those of one worker; and neither may see more of a
    frame than the worker with the most windows.
    """
    windows_of: dict[str, set[int]] = {}
    for index, home in record.homes.items():
        windows_of.setdefault(home, set()).add(index)
    most = max(_share(record, windows) for windows in windows_of.values())
    found = []
    for name, windows in record.heard.items():
        homes = {record.homes[index] for index in windows}
        foreign = name in windows_of and homes - {name}
        if len(homes) > 1 or foreign or _share(record, windows) > most:
            found.append(f'{name}: {sorted(windows)}')
    return found


def _share(record: SoakRecord, windows: Iterable[int]) -> float:
    """The largest share of a frame that lies in these windows, of all shapes of frames shown."""
    return max(share(windows, Canvas.fit(record.arch, *size)) for size in record.sizes)


def _written(record: SoakRecord) -> dict[str, set[int]]:
    """The windows of each worker in the edge's ledger."""
    ledger = Ledger.from_json(record.ledger, {}, identities=record.identities)
    workers = ledger.workers.values()
    return {seen.name: set(seen.windows) for seen in workers}


def _differences(some: Mapping[str, set[int]], others: Mapping[str, set[int]]) -> list[str]:
    """Workers with windows in `some` that are not among theirs in `others`.

    Windows that were heard must be in the ledger. The other way round is no leak: the ledger is
    written first, and what DDS sends before it knows the diary is not heard.
    """
    more = {name: windows - others.get(name, set()) for name, windows in some.items()}
    return [f'{name}: {sorted(windows)}' for name, windows in more.items() if windows]
