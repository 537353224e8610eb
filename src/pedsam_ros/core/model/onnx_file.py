"""What an exported half of the encoder looks like as a file, and what is refused before it runs.

An .onnx file may come from anybody. It is bounded here before a runtime looks at it: in bytes, in
nodes and in what its nodes may be.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.errors import ConfigError, WeightsError
from pedsam_ros.core.model.checkpoint import SHIPPED, Weights
from pedsam_ros.core.shown import shown, written

FORMAT = 'pedsam-onnx-1'
OPSET = 18
MOST_BYTES = 2**31 - 2**24  # of a file: protobuf holds 2 GiB
INPUTS = {'worker': ('pixels', 'places'), 'edge': ('tokens',)}
OUTPUTS = {'worker': 'tokens', 'edge': 'embedding'}
MISSING = 'backend=onnx: {} is not installed: pip install -r requirements/onnx.txt'
_MOST_NODES = 20_000  # vit_h has some hundreds
_MOST_METADATA_BYTES = 2**25  # vit_h's tokens take half of it
_ADDED_BYTES = 2**26  # of a graph, beside its weights
_DOMAINS = ('', 'ai.onnx')  # two names of the standard one
_FLOAT, _INT64 = 1, 7  # TensorProto.DataType
_OPEN, _ANY = 'N', 'any'  # a dimension that is chosen at each run; one that is not looked at
_GRAPHS = (5, 10)  # AttributeProto.AttributeType: GRAPH and GRAPHS, which If, Loop and Scan have


@dataclass(frozen=True, slots=True)
class Exported:
    """The exported halves of a checkpoint, in one precision. They lie beside it."""

    checkpoint: str  # a file
    precision: str  # one of parity.TOLERANCES

    def path(self, half: str) -> Path:
        """Where a half is: m.pth, m.safetensors and m-worker.safetensors have m-worker.onnx,
        m-worker.float16.onnx and m-worker.int8.onnx. Raises ConfigError if there is no file
        beside which it could be."""
        file = Path(self.checkpoint).expanduser()
        if self.checkpoint == SHIPPED.stem or self.checkpoint.startswith('random:'):
            raise ConfigError(
                f'checkpoint={written(self.checkpoint)}: a name has no file beside it; write a '
                'file with pedsam split, and export that'
            )
        kind = '' if self.precision == 'float32' else f'.{self.precision}'
        return file.with_name(f'{re.sub("-(worker|edge)$", "", file.stem)}-{half}{kind}.onnx')


def parsed(packed: bytes) -> Any:
    """The onnx.ModelProto of a file's bytes. Raises WeightsError, or ConfigError without onnx."""
    try:
        import onnx
    except ImportError:
        raise ConfigError(MISSING.format('onnx')) from None
    try:
        return onnx.ModelProto.FromString(packed)
    except Exception as error:  # the parser's own; which, depends on its version
        raise WeightsError(f'no ONNX file ({shown(error, 100)})') from None


def read(path: Path, half: str, weights: Weights) -> tuple[bytes, dict[str, str]]:
    """The bytes and the metadata of an exported half of these weights.

    The bytes that are checked are those that run: nothing is read twice. Raises WeightsError if it
    is anything else, ConfigError without onnx.
    """
    arch, tensors = weights.arch, weights.half(half).tensors.values()
    most = min(MOST_BYTES, _ADDED_BYTES + 5 * sum(tensor.numel() for tensor in tensors))
    try:
        packed = _bytes(path, most)
        model = parsed(packed)
        check(model, half, arch)
        told = metadata(model)
        wanted = {'format': FORMAT, 'half': half, 'model_id': weights.model_id}
        for name, value in wanted.items():
            if told.get(name) != value:
                raise WeightsError(f'{name}={written(told.get(name))}, {value} expected')
    except (OSError, WeightsError) as error:
        hint = 'pedsam export makes one'
        raise WeightsError(f'{path}: {shown(error, 300)}; {hint}') from None
    return packed, told


def metadata(model: Any) -> dict[str, str]:
    """The metadata of a model. Raises WeightsError if it is large."""
    told = {each.key: each.value for each in model.metadata_props}
    size = sum(len(key) + len(value) for key, value in told.items())
    if size > _MOST_METADATA_BYTES:
        raise WeightsError(f'{size} bytes of metadata; at most {_MOST_METADATA_BYTES}')
    return told


def check(model: Any, half: str, arch: Architecture) -> None:
    """Raises WeightsError unless a model has our opset, the inputs and the output of this half,
    and plain nodes of the standard domain, whose tensors are in the file itself."""
    opsets = {each.domain: each.version for each in model.opset_import}
    if opsets not in [{domain: OPSET} for domain in _DOMAINS]:
        raise WeightsError(f'opsets={written(opsets)}: {OPSET} of the standard domain only')
    graph = model.graph
    if model.functions or model.training_info or graph.sparse_initializer:
        raise WeightsError('has functions, training or sparse tensors; a plain graph is expected')
    if len(graph.node) > _MOST_NODES:
        raise WeightsError(f'{len(graph.node)} nodes; at most {_MOST_NODES}')
    for tensor in (*graph.initializer, *(each for node in graph.node for each in _within(node))):
        if tensor.data_location or tensor.external_data:
            raise WeightsError(f'{written(tensor.name)}: its values are outside of the file')
    _check_ends(graph, half, arch)


def _within(node: Any) -> list[Any]:
    """The tensors among the attributes of a node. Raises WeightsError unless it is plain."""
    if node.domain not in _DOMAINS:
        raise WeightsError(f'a node of domain={written(node.domain)}: not the standard one')
    tensors = []
    for each in node.attribute:
        if each.type in _GRAPHS or each.HasField('g') or each.graphs:
            raise WeightsError(f'{written(node.op_type)}: a graph within the graph')
        if each.HasField('sparse_tensor') or each.sparse_tensors:
            raise WeightsError(f'{written(node.op_type)}: a sparse tensor')
        tensors += [*each.tensors, *([each.t] if each.HasField('t') else [])]
    return tensors


def _check_ends(graph: Any, half: str, arch: Architecture) -> None:
    """Raises WeightsError unless inputs and output have their names, types and shapes."""
    found = {each.name: _shape(each) for each in (*graph.input, *graph.output)}
    wanted = _ends(half, arch)
    for name in [*wanted, *found]:
        kind, shape = wanted.get(name, (None, ()))
        own_kind, own = found.get(name, (None, ()))
        pairs = zip(shape, own, strict=False)
        if own_kind != kind or len(own) != len(shape) or any(a not in (_ANY, b) for a, b in pairs):
            told = f'type {own_kind} of {own}, {kind} of {shape} expected'
            raise WeightsError(f'{written(name)}: {told}')


def _ends(half: str, arch: Architecture) -> Mapping[str, tuple[int, tuple[int | str, ...]]]:
    """Inputs and output of a half: name -> element type and shape."""
    side, px, size = arch.window, arch.window_px, arch.tokens
    if half == 'worker':
        return {
            'pixels': (_FLOAT, (_OPEN, 3, px, px)),
            'places': (_INT64, (_OPEN, 2)),
            'tokens': (_FLOAT, (_OPEN, side, side, arch.dim)),
        }
    return {
        'tokens': (_FLOAT, (1, size, size, arch.dim)),
        'embedding': (_FLOAT, (1, _ANY, size, size)),
    }


def _shape(value: Any) -> tuple[int, tuple[int | str, ...]]:
    kind = value.type.tensor_type
    return kind.elem_type, tuple(
        each.dim_value if each.HasField('dim_value') else _OPEN for each in kind.shape.dim
    )


def _bytes(path: Path, most: int) -> bytes:
    """All of a plain file. Raises WeightsError if it is larger than `most` bytes, OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(descriptor, 'rb') as file:
        told = os.fstat(descriptor)
        if not stat.S_ISREG(told.st_mode):
            raise WeightsError('no plain file')
        if told.st_size > most:
            raise WeightsError(f'{told.st_size} bytes; at most {most} for this model')
        return file.read(most)
