"""What is audited: an edge's settings and workers, its model, and the scenes in front of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pedsam_ros.audit.record import record, workers
from pedsam_ros.audit.recording import Recording
from pedsam_ros.audit.scenes import Scene
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.edge_compute import EdgeCompute
from pedsam_ros.core.model.checkpoint import Weights
from pedsam_ros.core.router import Region
from pedsam_ros.core.types import Pixels
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.evaluation.samples import Sample


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Subject:
    """Everything that the sections of an audit need.

    Stills are independent of each other if they are photographs. Those of a camera are frames of
    it, some apart: they may show the same things, so errors over them are too small.
    """

    weights: Weights  # both halves
    model: EdgeCompute  # the edge's half of them
    stills: Sequence[Scene]  # one frame each, for attacks on one frame
    motion: Sequence[Scene]  # cameras that move
    ideal: bool  # whether `motion` are pans that `scenes.pan` made
    samples: Sequence[Sample] = ()  # images with label maps, where they were given
    entries: Sequence[WorkerEntry] = field(default_factory=lambda: workers(3))
    config: EdgeConfig = field(default_factory=EdgeConfig)
    regions: Sequence[Region] = ()
    attackers: dict[str, Path] = field(default_factory=dict)  # attack -> a user's weights
    seed: int = 0
    real: dict[Scene, Recording] = field(default_factory=dict)  # of real processes

    def record(self, scene: Scene, entries: Sequence[WorkerEntry] | None = None) -> Recording:
        """What crosses the wire of a scene: between real processes if that was recorded, else in
        this one. With other workers than the subject's if given."""
        chosen = self.entries if entries is None else entries
        if chosen is self.entries and scene in self.real:
            return self.real[scene]
        return self.recorded(scene.name, scene.frames, chosen)

    def recorded(
        self, name: str, frames: Sequence[Pixels], entries: Sequence[WorkerEntry]
    ) -> Recording:
        """What crosses the wire of some frames, with these workers."""
        return record(name, frames, self.model, entries, self.config, self.regions)
