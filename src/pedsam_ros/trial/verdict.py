"""What came of a soak: the figures, and which promises were broken."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pedsam_ros.core.edge import ENDINGS
from pedsam_ros.core.model import checkpoint
from pedsam_ros.core.placement import place, share
from pedsam_ros.core.windows import Canvas, pixel_grid
from pedsam_ros.trial.faults import WEIGHTS
from pedsam_ros.trial.soak_client import SIZES

if TYPE_CHECKING:
    from pedsam_ros.trial.soak import Soak

_WARM = 500  # frames after which a process has all the memory it needs
_SAMPLES = 3  # looks at the memory of which the median counts
_MOST_GROWTH = 3.0  # percent, of a warm process
_MOST_RECOVERY_S = 2.0
_RECOVERIES = 20  # of fewer, the 95th percentile says nothing
_PROMISES = (  # what must be nothing
    *('unaccounted', 'wrong_masks', 'masks_lost', 'cap_violations', 'unrecovered'),
    *('unnoticed', 'ended_by_themselves', 'not_as_in_ledger'),
)


def figures_of(soak: Soak) -> dict[str, Any]:
    """What is to be written down."""
    client, frames, violations = soak.client, soak.client.figures(), _violations(soak)
    counts = {name: int(frames[name]) for name in ('frames_in', *ENDINGS)}
    return {
        'frames_shown': client.shown,
        **counts,
        'unaccounted': counts['frames_in'] - sum(counts[ending] for ending in ENDINGS),
        'masks_received': client.done,
        'masks_lost': abs(counts['done'] - client.done),
        'wrong_masks': len(client.wrong),
        'wrong_masks_list': client.wrong,
        'cap_violations': len(violations),
        'cap_violations_list': violations,
        'windows_heard': {name: sorted(ear.windows) for name, ear in client.ears.items()},
        'not_as_in_ledger': _not_as_in_ledger(soak),
        'faults': soak.faults.total(),
        'faults_by_kind': dict(soak.faults),
        'unnoticed': soak.unnoticed,
        'ended_by_themselves': soak.ended,
        'model_id': frames['model_id'],
        **_recoveries(soak),
        **_rss(soak),
    }


def judge(figures: Mapping[str, Any], out: Path) -> int:
    """Says what came of it; 0 if no promise was broken."""
    broken = ', '.join(_broken(figures)) or 'nothing'
    endings = ', '.join(f'{figures[ending]} {ending}' for ending in ENDINGS)
    print(f'soak: {figures["frames_in"]} frames: {endings}; {figures["faults"]} faults')
    print(f'soak: {figures["wrong_masks"]} wrong masks, {figures["cap_violations"]} caps exceeded')
    p95 = figures['recoveries_p95_s'] or 0.0
    print(f'soak: {figures["recoveries"]} recoveries, p95 {p95:.2f} s')
    print(f'soak: broken: {broken}; {out}/soak.json')
    return 0 if broken == 'nothing' else 1


def _broken(figures: Mapping[str, Any]) -> list[str]:
    growth = figures['rss_growth_percent']
    grown = max(filter(None, growth.values()), default=0.0) > _MOST_GROWTH
    unmeasured = growth['edge'] is None and figures['frames_in'] > 4 * _WARM
    p95_s = figures['recoveries_p95_s'] if figures['recoveries'] >= _RECOVERIES else 0.0
    slow = p95_s > _MOST_RECOVERY_S
    broken = [name for name in _PROMISES if figures[name]]
    broken += ['rss_growth_percent'] if grown or unmeasured else []
    return broken + (['recoveries_p95_s'] if slow else [])


def _recoveries(soak: Soak) -> dict[str, Any]:
    took = soak.recoveries_s
    return {
        'recoveries': len(took),
        'recoveries_p95_s': float(np.percentile(took, 95)) if took else None,
        'recoveries_max_s': max(took, default=None),
        'unrecovered': soak.unrecovered,
    }


def _rss(soak: Soak) -> dict[str, dict[str, Any]]:
    """By name, of the process that lived longest: bytes when it was warm (None: never) and at its
    end, and what it grew."""
    lives = {name: _warm_and_last(measured) for name, measured in soak.memory.items()}
    return {
        'rss_start_bytes': {name: start for name, (start, _) in lives.items()},
        'rss_end_bytes': {name: end for name, (_, end) in lives.items()},
        'rss_growth_percent': {
            name: 100 * (end / start - 1) if start else None
            for name, (start, end) in lives.items()
        },
    }


def _warm_and_last(measured: Sequence[tuple[int, int, int]]) -> tuple[int | None, int]:
    """Of looks at the process, frame and bytes: those after _WARM frames, and the last; medians of
    some."""
    lives: dict[int, list[tuple[int, int]]] = {}
    for pid, frame, size in measured:
        lives.setdefault(pid, []).append((frame, size))
    longest = max(lives.values(), key=lambda life: life[-1][0] - life[0][0])
    warm = [size for frame, size in longest if frame - longest[0][0] >= _WARM]
    start = int(np.median(warm[:_SAMPLES])) if warm else None
    return start, int(np.median([size for _, size in longest[-_SAMPLES:]]))


def _violations(soak: Soak) -> list[str]:
    """Workers that were heard to be sent windows of two homes, or more than the lattice gives."""
    homes = place(pixel_grid(checkpoint.read(WEIGHTS).arch), list(soak.workers.values()))
    most = max(
        _share([index for index, home in homes.items() if home == name]) for name in soak.homes
    )
    found = []
    for name, ear in soak.client.ears.items():
        of = {homes[index] for index in ear.windows}
        foreign = name in soak.homes and of - {name}
        if len(of) > 1 or foreign or _share(ear.windows) > most:
            found.append(f'{name}: {sorted(ear.windows)}')
    return found


def _share(windows: Iterable[int]) -> float:
    """Of the frame shape in use for which it is largest."""
    arch = checkpoint.read(WEIGHTS).arch
    return max(share(windows, Canvas.fit(arch, *size)) for size in SIZES)


def _not_as_in_ledger(soak: Soak) -> list[str]:
    """Workers that were heard to be sent other windows than the edge has written down."""
    written = json.loads((soak.folder / 'exposure.json').read_text())['workers']
    return [
        f'{name}: heard {sorted(ear.windows)}, written {sorted(noted)}'
        for name, ear in soak.client.ears.items()
        for noted in [{index for index, *_ in written.get(name, {}).get('windows', ())}]
        if noted != ear.windows
    ]
