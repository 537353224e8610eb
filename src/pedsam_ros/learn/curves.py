"""Draws the log of a training run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_SMOOTH = 50  # steps in a running mean
_NO_LOSS = {'step', 'step_s', 'iou', 'box', 'point'}  # columns of the log that are not losses


def draw_curves(log: Path, picture: Path) -> None:
    """Draws a log (JSON lines) as a PNG: losses, and IoU under box and point prompts, by step."""
    from matplotlib.figure import Figure  # slow to load, and needed only here

    rows = {row['step']: row for row in map(json.loads, log.read_text().splitlines())}
    steps = sorted(rows)  # a resumed run may have logged a step twice; the last row counts
    figure = Figure(figsize=(9, 4), layout='constrained')
    left, right = figure.subplots(1, 2)
    losses = sorted({name for row in rows.values() for name in row} - _NO_LOSS)
    for axes, names in ((left, losses), (right, ('box', 'point'))):
        for name in names:
            values = [rows[step].get(name, np.nan) for step in steps]
            axes.plot(steps, _smooth(np.array(values)), label=name)
        axes.set_xlabel('step')
        axes.legend()
        axes.grid(alpha=0.3)
    left.set_ylabel('loss')
    right.set_ylabel('IoU on training scenes')
    figure.savefig(picture, dpi=120)


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Running means over the last _SMOOTH values; as many as there are values."""
    sums = np.cumsum(np.insert(np.nan_to_num(values), 0, 0.0))
    last = np.arange(1, len(values) + 1)
    first = np.maximum(0, last - _SMOOTH)
    return np.asarray((sums[last] - sums[first]) / (last - first))
