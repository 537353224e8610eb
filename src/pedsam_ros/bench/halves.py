"""Sections that compare a half of each model with SAM's own code: see jobs.py for what runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from pedsam_ros.bench import lively
from pedsam_ros.bench.contest import contest
from pedsam_ros.bench.plan import Plan


@dataclass(frozen=True, slots=True)
class Half:
    """The section of one half, 'edge' or 'worker'."""

    half: str
    NEEDS: tuple[str, ...] = ()

    def steps(self, plan: Plan) -> int:
        """How often `run` updates its bar."""
        return 3 * (1 + plan.rounds) * len(plan.models)

    def run(self, plan: Plan, bar: tqdm[Any]) -> dict[str, Any]:
        """Figures by model. Raises PedsamError."""
        files = {model: lively.halves(model, plan.folder)[self.half] for model in plan.models}
        return {model: contest(plan, self.half, model, file, bar) for model, file in files.items()}
