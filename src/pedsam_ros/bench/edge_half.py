"""The edge's half against SAM's own code: global blocks, neck, and the masks of some points."""

from __future__ import annotations

from typing import Any

from tqdm import tqdm

from pedsam_ros.bench import lively
from pedsam_ros.bench.contest import contest
from pedsam_ros.bench.plan import Plan

NAME = 'edge_half'
NEEDS: tuple[str, ...] = ()


def steps(plan: Plan) -> int:
    """How often `run` updates its bar."""
    return 3 * (1 + plan.rounds) * len(plan.models)


def run(plan: Plan, bar: tqdm[Any]) -> dict[str, Any]:
    """Figures by model. Raises PedsamError."""
    files = {model: lively.halves(model, plan.folder)['edge'] for model in plan.models}
    return {model: contest(plan, 'edge', model, file, bar) for model, file in files.items()}
