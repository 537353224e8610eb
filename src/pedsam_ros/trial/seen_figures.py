"""What the workers of a soak have seen, as figures: which of them break a promise, verdict.py
says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pedsam_ros.core import scene_record
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.placement import share
from pedsam_ros.core.windows import Canvas
from pedsam_ros.trial.soak_record import SoakRecord
from pedsam_ros.trial.true_coverage import TrueCoverage

_TOLD = ('coverage', 'largest_coverage', 'coverage_cap', 'windows_held')
_SCENE = (
    *('scenes', 'scene_frames', 'scene_frames_lost'),
    *('here_region', 'here_cap', 'here_scene_lost', 'here_worker_lost', 'here_rule'),
)


def seen_figures(record: SoakRecord) -> dict[str, Any]:
    """Of a camera that stands still by windows, of one that moves by shares of the view."""
    if record.coverage is not None:
        return _of_scene(record, record.coverage)
    violations = _violations(record)
    return {
        'cap_violations': len(violations),
        'cap_violations_list': violations,
        'windows_heard': {name: sorted(windows) for name, windows in record.heard.items()},
        'not_in_ledger': _differences(record.heard, _written(record)),
        'not_heard': _differences(_written(record), record.heard),
    }


def _of_scene(record: SoakRecord, seen: TrueCoverage) -> dict[str, Any]:
    """The file of the scene is written before anything is sent, so it has whoever heard any."""
    heard = {name for name, windows in record.heard.items() if windows}
    named = _in_scene(record)
    told = {name: {key: f[key] for key in _TOLD if key in f} for name, f in record.told.items()}
    return {
        'frames_that_left': seen.frames,
        'windows_heard': seen.windows,
        'unknown_windows': seen.unknown,
        'unknown_windows_list': seen.unknown_list,
        'cap_violations': seen.violations,
        'cap_violations_list': seen.violations_list,
        'most_above_cap': seen.above,
        'slivers_above_cap': seen.slivers,
        'largest_coverage': seen.largest,
        'caps': seen.caps,
        'told_by_the_edge': told,
        'scene': {key: record.figures[key] for key in _SCENE if key in record.figures},
        'not_in_ledger': sorted(heard - named),
        'not_heard': sorted(named - heard),
    }


def _in_scene(record: SoakRecord) -> set[str]:
    """The workers that have seen anything of any view that the edge remembers."""
    scene = scene_record.read(record.scene)
    seen = {name: 1 << bit for bit, name in enumerate(scene.identities)}
    return {
        worker
        for worker, names in record.identities.items()
        if any((view.seen & seen.get(name, 0)).any() for view in scene.keyframes for name in names)
    }


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
