"""Tensors in a .safetensors file of one of our formats."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import save_file
from torch import Tensor

from pedsam_ros.core.errors import WeightsError
from pedsam_ros.core.files import replacing
from pedsam_ros.core.shown import written

_MOST_HEADER_BYTES = 2**20  # that of ViT-H has 60 kB
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def read(path: Path, form: str, maker: str) -> tuple[dict[str, str], dict[str, Tensor]]:
    """The metadata and the tensors of a file of this format. `maker` is the command for one.

    Raises WeightsError if it is no such file; a damaged one makes safetensors raise what it likes.
    """
    with path.open('rb') as start:
        length = int.from_bytes(start.read(8), 'little')
    if length > _MOST_HEADER_BYTES:
        raise WeightsError(f'not readable: a header of {length} bytes')
    with safetensors.safe_open(path, 'pt') as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    if metadata.get('format') != form:
        raise WeightsError(f'no {form} file; make one with {maker}')
    check_plain(tensors)
    return metadata, tensors


def write(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> Path:
    """Writes a file for `read`; `format` is in the metadata. Half a file never appears under this
    name. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        save_file({k: t.contiguous() for k, t in tensors.items()}, partial, dict(metadata))
    return path


def check_plain(tensors: Mapping[Any, Any]) -> None:
    """Raises WeightsError unless all are named, and dense tensors of real numbers."""
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise WeightsError(f'{written(name)} is {type(tensor).__name__}: no named tensor')
        if tensor.dtype not in _FLOATS or tensor.layout != torch.strided:
            raise WeightsError(f'{written(name)} is {tensor.dtype}: one of {[*_FLOATS]} expected')
