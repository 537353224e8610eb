"""A section: both halves of each model by torch and by ONNX Runtime, beside SAM's own code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from pedsam_ros.bench import lively
from pedsam_ros.bench.contest import OURS, SAM, measured
from pedsam_ros.bench.plan import Plan
from pedsam_ros.core.model import checkpoint, onnx_export, onnx_int8
from pedsam_ros.core.model.onnx_file import Exported
from pedsam_ros.core.types import Values

NEEDS: tuple[str, ...] = ()
ONNX = {'onnx': 'float32', 'onnx_int8': 'int8'}  # side -> precision


def steps(plan: Plan) -> int:
    """How often `run` updates its bar."""
    return 2 * (2 + len(ONNX)) * (1 + plan.rounds) * len(plan.models)


def run(plan: Plan, bar: tqdm[Any]) -> dict[str, Any]:
    """Figures by model and half. Raises PedsamError."""
    return {model: _of(plan, model, bar) for model in plan.models}


def _of(plan: Plan, model: str, bar: tqdm[Any]) -> dict[str, Any]:
    files, weights, found = lively.halves(model, plan.folder), lively.whole(model), {}
    for half, file in files.items():
        _export(weights, half, file)
        jobs = {SAM: f'{half}_by_sam', OURS: f'{half}_by_us'}
        jobs |= {side: f'{half}_by_onnx_{precision}' for side, precision in ONNX.items()}
        figures, results = measured(plan, jobs, file, bar)
        cpu_s = {side: figures[side]['cpu_s'] for side in jobs}
        first = 'tokens' if half == 'worker' else 'embedding'
        exact = results[OURS][first]
        found[half] = {
            'sides': figures,
            'speedup': {side: cpu_s[SAM] / cpu_s[side] for side in jobs},
            'speedup_to_ours': {side: cpu_s[OURS] / cpu_s[side] for side in jobs},
            'error': {side: _error(results[side][first], exact) for side in ONNX},
        }
    return found


def _export(weights: checkpoint.Weights, half: str, file: Path) -> None:
    """Writes graphs beside the weights of a half. The ranges of int8 are those of the picture that
    the graphs are tested with: that is enough for times, and its error here says little."""
    graph = onnx_export.graph_of(weights, half, 'float32')
    given = onnx_export.probes_of(weights, half)
    for precision in ONNX.values():
        path = Exported(str(file), precision).path(half)
        own = onnx_int8.quantised(graph, [given]) if precision == 'int8' else graph
        onnx_export.write(own, path, weights, half, precision)


def _error(found: Values, expected: Values) -> float:
    """The root mean square of the difference, as a share of that of the values."""
    return float(np.sqrt(np.square(found - expected).mean() / np.square(expected).mean()))
