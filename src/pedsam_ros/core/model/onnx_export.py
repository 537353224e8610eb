"""Writes a half of the encoder as an ONNX graph, unless the graph computes something else."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from pedsam_ros.core.errors import ConfigError, WeightsError
from pedsam_ros.core.files import replacing
from pedsam_ros.core.model import loading, onnx_file, onnx_half, parity
from pedsam_ros.core.model.checkpoint import HALVES, Weights, check_half
from pedsam_ros.core.model.onnx_file import INPUTS, MISSING, OPSET, OUTPUTS
from pedsam_ros.core.types import Values
from pedsam_ros.core.windows import merge, partition, pixel_grid, token_grid

_MOST_WINDOWS = 1024  # of a batch


class _InFloat16(nn.Module):
    """A half that computes in float16, and takes and gives float32."""

    def __init__(self, half: nn.Module) -> None:
        super().__init__()
        self.half_of_it = half.half()

    def forward(self, values: Tensor, *more: Tensor) -> Tensor:
        return cast(Tensor, self.half_of_it(values.half(), *more).float())


def encoder_of(weights: Weights, half: str) -> nn.Module:
    """The torch module of a half, in float32. Raises WeightsError if it is not there."""
    if half == 'worker':
        return cast(nn.Module, loading.load_worker(weights).encoder)
    return cast(nn.Module, loading.load_edge(weights).encoder)


def graph_of(weights: Weights, half: str, precision: str) -> Any:
    """The onnx.ModelProto of a half in float32 or float16. Raises WeightsError if the half is not
    there, ConfigError if it is too large or a package is missing."""
    check_half(weights, half)
    _check_size(weights, half, precision)
    module, arch = encoder_of(weights, half), weights.arch
    given: tuple[Tensor, ...] = (torch.zeros(1, arch.tokens, arch.tokens, arch.dim),)
    shapes: Any = None
    if half == 'worker':
        probes = onnx_half.probes(half, arch, {})
        given = tuple(torch.from_numpy(each) for each in probes.values())
        some = {0: torch.export.Dim('windows', min=1, max=_MOST_WINDOWS)}
        shapes = some, some
    if precision == 'float16':
        module, shapes = _InFloat16(module), shapes and (some, (some,))
    try:
        import onnx  # noqa: F401 (the exporter asks for both, but late)
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ConfigError(MISSING.format(error.name)) from None
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of torch about its own exporter
        program: Any = torch.onnx.export(
            module,
            given,
            dynamo=True,
            opset_version=OPSET,
            input_names=INPUTS[half],
            output_names=[OUTPUTS[half]],
            dynamic_shapes=shapes,
            verbose=False,
        )
    return program.model_proto


def _check_size(weights: Weights, half: str, precision: str) -> None:
    """Raises ConfigError if a half is too large for an ONNX file."""
    count = sum(tensor.numel() for tensor in weights.half(half).tensors.values())
    size = count * (2 if precision == 'float16' else 4)
    if size > onnx_file.MOST_BYTES:
        raise ConfigError(
            f'{half} half of {weights.arch.name}: {size} bytes in {precision}; an ONNX file holds '
            f'{onnx_file.MOST_BYTES}'
        )


def write(model: Any, path: Path, weights: Weights, half: str, precision: str) -> float:
    """Writes a graph for onnx_half.opened; half a file never appears under this name.

    Returns how far its results are from torch's: see parity.error. Raises WeightsError, and writes
    nothing, if they are further than the precision allows, if the graph would be refused where it
    is read, or if a half of the model is missing; OSError.
    """
    check_half(weights, *HALVES)
    told = {
        'format': onnx_file.FORMAT,
        'half': half,
        'model_id': weights.model_id,
        'precision': precision,
        **_probed(weights, half),
    }
    del model.metadata_props[:]
    for key, value in told.items():
        model.metadata_props.add(key=key, value=value)
    onnx_file.check(model, half, weights.arch)
    packed = model.SerializeToString()
    found = onnx_half.session(packed, half, 'cpu', precision)
    error = onnx_half.check(found, half, weights.arch, told)
    if half == 'worker':
        _check_batches(found, weights)
    with replacing(path) as partial:
        partial.write_bytes(packed)
    return error


def _probed(weights: Weights, half: str) -> dict[str, str]:
    """The metadata by which onnx_half.check compares: what torch computes."""
    given, told = probes_of(weights, half), {}
    if half == 'edge':
        told['tokens'] = parity.packed(given['tokens'], '<f2')
    with torch.inference_mode():
        inputs = (torch.from_numpy(each) for each in given.values())
        result = encoder_of(weights, half)(*inputs)
    told['expected'] = parity.packed(parity.compared(result.numpy(), half))
    return told


def probes_of(weights: Weights, half: str) -> dict[str, Any]:
    """The inputs on which a half is compared, by name: of parity.picture. Raises WeightsError if
    the worker's half is missing."""
    told = {'tokens': parity.packed(_tokens(weights), '<f2')} if half == 'edge' else {}
    return onnx_half.probes(half, weights.arch, told)


def _tokens(weights: Weights) -> Values:
    """(T, T, C): what the worker's half makes of parity.picture."""
    arch, worker = weights.arch, loading.load_worker(weights)
    grid = token_grid(arch)
    parts = partition(parity.picture(arch.image_px), pixel_grid(arch))
    places, corners = [grid.place(index) for index in parts], [(0, 0)] * len(parts)
    found = worker.tokens(places, [*parts.values()], corners)
    ground = np.zeros((arch.tokens, arch.tokens, arch.dim), np.float32)
    return merge(dict(zip(parts, found, strict=True)), grid, ground)


def _check_batches(found: onnx_half.OnnxHalf, weights: Weights) -> None:
    """Raises WeightsError unless windows give the same alone as in one batch, to what float32
    rounds."""
    given = onnx_half.probes('worker', weights.arch, {})
    together = found.run(given)
    for i in range(len(together)):
        alone = found.run({name: each[i : i + 1] for name, each in given.items()})
        pair = (parity.compared(each, 'worker') for each in (alone, together[i : i + 1]))
        error = parity.error(*pair)
        if not error <= parity.TOLERANCES['float32']:
            raise WeightsError(f'window {i} alone differs by {error:.2g} from that in a batch')
