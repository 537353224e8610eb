"""The whole pipeline in one process: what the distributed one must equal, and what is left when
nobody may help."""

from __future__ import annotations

from dataclasses import dataclass

from pedsam_ros.core.edge import Edge
from pedsam_ros.core.model.worker_half import WorkerHalf
from pedsam_ros.core.types import Frame, Masks


@dataclass(frozen=True, slots=True, eq=False)
class LocalPipeline:
    """An edge with one worker beside it. Windows take the same way, codec included, as over the
    network."""

    edge: Edge
    worker: WorkerHalf

    def segment(self, frame: Frame) -> Masks:
        """Masks for the prompts of the edge's config. Raises PedsamError."""
        self.edge.arrive()
        everybody = set(self.edge.router.homes.values())
        started, assignments = self.edge.start(frame, 0.0, everybody)
        windows = [assignment.window for assignment in assignments]
        for assignment, reply in zip(assignments, self.worker.encode(windows), strict=True):
            self.edge.accept(assignment.worker, reply)
        self.edge.completed.clear()
        masks = self.edge.decode(self.edge.encode(started), self.edge.config.prompts)
        self.edge.finish(started, 'done')
        return masks
