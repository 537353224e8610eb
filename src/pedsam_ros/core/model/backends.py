"""Loads a half as the settings of a node say: what computes it, and how exactly."""

from __future__ import annotations

from typing import Any, Protocol

from pedsam_ros.core.model import loading
from pedsam_ros.core.model.checkpoint import Weights
from pedsam_ros.core.model.edge_half import EdgeHalf
from pedsam_ros.core.model.onnx_file import Exported
from pedsam_ros.core.model.worker_half import WorkerHalf


class Settings(Protocol):
    """Those of an edge or a worker that are about computing."""

    @property
    def checkpoint(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def backend(self) -> str: ...
    @property
    def precision(self) -> str: ...


def worker_half(weights: Weights, settings: Settings) -> WorkerHalf:
    """See loading.load_worker. Raises PedsamError."""
    return loading.load_worker(weights, **_chosen(settings))


def edge_half(weights: Weights, settings: Settings, with_worker: bool) -> EdgeHalf:
    """See loading.load_edge; `with_worker` adds the worker's half. Raises PedsamError."""
    return loading.load_edge(weights, **_chosen(settings), worker_half=with_worker)


def _chosen(settings: Settings) -> dict[str, Any]:
    if settings.backend == 'torch':
        return {'device': settings.device, 'dtype': loading.DTYPES[settings.precision]}
    exported = Exported(settings.checkpoint, settings.precision)
    return {'device': settings.device, 'exported': exported}
