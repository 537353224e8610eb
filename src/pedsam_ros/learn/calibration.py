"""Quantises an exported half to int8: its weights, and the inputs of its linear layers, whose
ranges are those that images make."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model import loading, preprocess
from pedsam_ros.core.model.checkpoint import Weights
from pedsam_ros.core.model.onnx_file import INPUTS, MISSING
from pedsam_ros.core.types import Pixels
from pedsam_ros.core.windows import Canvas, drawn_shift, merge, partition, token_grid

Feed: TypeAlias = Mapping[str, NDArray[np.generic]]  # inputs of a half by name


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


def quantised(model: Any, given: Sequence[Feed]) -> Any:
    """The onnx.ModelProto of a float32 one, its linear layers in int8. Attention, normalisation and
    convolutions stay as they are.

    Weights have 7 bits, so that no processor's sums overflow: those without a dot product of bytes
    (AVX2, older AVX-512) would cut them off without a word. Raises ConfigError if a package is
    missing.
    """
    try:
        import onnx
        from onnxruntime import quantization
    except ImportError as error:
        raise ConfigError(MISSING.format(error.name)) from None
    with tempfile.TemporaryDirectory(prefix='pedsam-export-') as folder:
        path = Path(folder, 'int8.onnx')
        quantization.quantize_static(
            model,
            path,
            _reader(quantization, given),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=['Gemm', 'MatMul'],
            per_channel=True,
            reduce_range=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            calibrate_method=quantization.CalibrationMethod.MinMax,
            extra_options={'MatMulConstBOnly': True},
        )
        found = onnx.load(path)
    kept = [each for each in found.opset_import if each.domain in ('', 'ai.onnx')]
    del found.opset_import[:]
    found.opset_import.extend(kept)
    return found


def _reader(quantization: Any, given: Sequence[Feed]) -> Any:
    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc] # it wants this base
        def __init__(self) -> None:
            self.rest = iter(given)

        def get_next(self) -> Feed | None:
            return next(self.rest, None)

    return Reader()
