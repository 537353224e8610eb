"""What the processes must give: the same model and settings in one process, without messages."""

from __future__ import annotations

from collections.abc import Sequence

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.edge import Edge
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.model.local_pipeline import LocalPipeline
from pedsam_ros.core.placement import place
from pedsam_ros.core.windows import pixel_grid
from pedsam_ros.core.workers_file import WorkerEntry


def local_pipeline(
    weights: checkpoint.Weights, workers: Sequence[WorkerEntry], config: EdgeConfig
) -> LocalPipeline:
    """An edge and an honest worker, joined by function calls."""
    homes = place(pixel_grid(weights.arch), workers)
    edge = Edge(loading.load_edge(weights), homes, config)
    return LocalPipeline(edge, loading.load_worker(weights))
