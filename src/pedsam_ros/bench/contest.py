"""Runs the sides of a comparison in turn, and compares what they took and what came out."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from pedsam_ros.bench.plan import Plan
from pedsam_ros.bench.side import Order, Took, side
from pedsam_ros.core.types import Values

SAM, TUNED, OURS = 'sam', 'sam_tuned', 'ours'  # SAM's code; with a tuned allocator; ours


def contest(plan: Plan, half: str, model: str, file: Path, bar: tqdm[Any]) -> dict[str, Any]:
    """Figures of a half, 'edge' or 'worker', of a model whose weights are in a file. Raises
    SideEnded."""
    jobs = {SAM: f'{half}_by_sam', TUNED: f'{half}_by_sam', OURS: f'{half}_by_us'}
    figures, results = measured(plan, jobs, file, bar)
    return {
        'model': model,
        'rounds': plan.rounds,
        'sides': figures,
        'speedup': _ratio(figures, SAM, 'cpu_s'),
        'speedup_wall': _ratio(figures, SAM, 'wall_s'),
        'speedup_to_tuned': _ratio(figures, TUNED, 'cpu_s'),
        'max_abs_difference': differences(results[OURS], results[SAM]),
        'peak_rss_bytes': figures[OURS]['peak_rss_bytes'],
    }


def measured(
    plan: Plan, jobs: Mapping[str, str], file: Path, bar: tqdm[Any]
) -> tuple[dict[str, Any], dict[str, dict[str, Values]]]:
    """What each side took, and its results; a side's name -> its job, one of JOBS.

    Each side runs once to warm up; then all run `rounds` times, one after the other. Raises
    SideEnded.
    """
    took: dict[str, list[Took]] = {name: [] for name in jobs}
    with ExitStack() as open_sides:
        sides = {}
        for name, job in jobs.items():
            order = Order(job, str(file), plan.prompts, plan.threads, tuned=name == TUNED)
            sides[name] = open_sides.enter_context(side(order))
            sides[name].run()
            bar.update()
        first = {name: each.about() for name, each in sides.items()}
        results = {name: each.results(plan.folder / f'{name}.npz') for name, each in sides.items()}
        for _ in range(plan.rounds):
            for name, each in sides.items():
                took[name].append(each.run())
                bar.update()
        last = {name: each.about() for name, each in sides.items()}
    return {name: _figures(took[name], first[name], last[name]) for name in jobs}, results


def differences(ours: Mapping[str, Values], theirs: Mapping[str, Values]) -> dict[str, float]:
    """The largest difference of each result; `relative` is the worst as a share of the largest
    value of its result."""
    found = {name: float(np.abs(ours[name] - theirs[name]).max()) for name in theirs}
    shares = (found[name] / float(np.abs(theirs[name]).max()) for name in theirs)
    return {**found, 'relative': max(shares)}


def _figures(
    took: list[Took], first: Mapping[str, Any], last: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        'cpu_s': statistics.median(each.cpu_s for each in took),
        'wall_s': statistics.median(each.wall_s for each in took),
        'cpu_s_of_rounds': [each.cpu_s for each in took],
        'peak_rss_bytes': last['peak_rss_bytes'],
        'rss_after_a_frame_bytes': first['rss_bytes'],
        'settings': {k: v for k, v in last.items() if not k.endswith('_bytes')},
    }


def _ratio(figures: Mapping[str, Mapping[str, Any]], theirs: str, what: str) -> float:
    return float(figures[theirs][what] / figures[OURS][what])
