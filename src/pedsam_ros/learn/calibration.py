"""What images make of the inputs of both halves: the ranges of int8 are taken from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from numpy.random import Generator
from torch import Tensor, nn

from pedsam_ros.core.model import loading, preprocess
from pedsam_ros.core.model.checkpoint import Weights
from pedsam_ros.core.model.onnx_file import INPUTS
from pedsam_ros.core.model.onnx_int8 import Feed
from pedsam_ros.core.types import Pixels
from pedsam_ros.core.windows import Canvas, drawn_shift, merge, partition, token_grid


class _Recorded(nn.Module):
    """A worker's encoder that keeps its last inputs."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.given: Feed = {}

    def forward(self, *given: Tensor) -> Tensor:
        pairs = zip(INPUTS['worker'], given, strict=True)
        self.given = {name: each.numpy() for name, each in pairs}
        found: Tensor = self.encoder(*given)
        return found


def feeds(weights: Weights, images: Iterable[Pixels], rng: Generator) -> Iterator[dict[str, Feed]]:
    """Yields the inputs of both halves for each image, (H, W, 3) uint8, in a random partition.

    Raises WeightsError if a half is missing.
    """
    edge = loading.load_edge(weights, worker_half=True)
    assert edge.worker is not None
    recorded = _Recorded(edge.worker.encoder)
    worker = replace(edge.worker, encoder=recorded)
    for image in images:
        shift = drawn_shift(edge.arch, rng)
        canvas = Canvas.fit(edge.arch, *image.shape[:2], shift=shift)
        content = preprocess.resize(image, canvas.content)
        parts = partition(content, canvas.grid, canvas.corner)
        grid = token_grid(edge.arch, canvas.offset)
        corners = [canvas.content_corner(index) for index in parts]
        found = worker.tokens([grid.place(index) for index in parts], [*parts.values()], corners)
        tokens = merge(dict(zip(parts, found, strict=True)), grid, edge.padding)
        yield {'worker': recorded.given, 'edge': {'tokens': tokens[None]}}
