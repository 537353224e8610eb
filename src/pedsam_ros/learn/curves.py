"""A picture of a training run's log."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_SMOOTH = 50  # steps
_NOT_LOST = {'step', 'step_s', 'iou', 'box', 'point'}


def draw_curves(log: Path, picture: Path) -> None:
    """LOG (JSON lines) -> PNG: loss, and IoU under box and point prompts, by step."""
    from matplotlib.figure import Figure  # slow to load; needed here only

    rows = {row['step']: row for row in map(json.loads, log.read_text().splitlines())}
    steps = sorted(rows)  # a resumed run may have logged a step twice
    figure = Figure(figsize=(9, 4), layout='constrained')
    left, right = figure.subplots(1, 2)
    lost = sorted({name for row in rows.values() for name in row} - _NOT_LOST)
    for axes, names in ((left, lost), (right, ('box', 'point'))):
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
    """Running means; as many values as before."""
    sums = np.cumsum(np.insert(np.nan_to_num(values), 0, 0.0))
    last = np.arange(1, len(values) + 1)
    first = np.maximum(0, last - _SMOOTH)
    return np.asarray((sums[last] - sums[first]) / (last - first))
