"""The worker's half against SAM's own code: patch embedding and all windows of an image."""

from __future__ import annotations

from typing import Any

from tqdm import tqdm

from pedsam_ros.bench import lively
from pedsam_ros.bench.contest import contest
from pedsam_ros.bench.plan import Plan

NAME = 'worker_half'
NEEDS: tuple[str, ...] = ()


def steps(plan: Plan) -> int:
    """How often `run` updates its bar."""
    return 3 * (1 + plan.rounds) * len(plan.models)


def run(plan: Plan, bar: tqdm[Any]) -> dict[str, Any]:
    """Figures by model. Raises PedsamError."""
    files = {model: lively.halves(model, plan.folder)['worker'] for model in plan.models}
    return {model: contest(plan, 'worker', model, file, bar) for model, file in files.items()}
