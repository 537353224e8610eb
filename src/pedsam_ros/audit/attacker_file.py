"""The file of a learned attacker: a network's weights, and where they come from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pedsam_ros.audit.unet import UNet
from pedsam_ros.core.errors import PedsamError, WeightsError
from pedsam_ros.core.foreign_text import parsed_json
from pedsam_ros.core.model import tensors_file
from pedsam_ros.core.shown import shown, written

SHIPPED = Path(__file__).parents[1] / 'weights' / 'attacker.safetensors'
FORMAT = 'pedsam-attacker-1'
_MAKER = 'pedsam audit --train-attacker'
_MOST_BYTES = 2**24  # of a file; ours has 2.8 MB
_MOST_ORIGIN_BYTES = 2**14
_FLOATS = (torch.float16, torch.float32)


def write(net: UNet, path: Path, origin: Mapping[str, Any]) -> Path:
    """Writes float16 weights; `origin` goes into the header as JSON. Raises OSError."""
    tensors = {name: value.half() for name, value in net.state_dict().items()}
    metadata = {'format': FORMAT, 'origin': json.dumps(origin, sort_keys=True)}
    return tensors_file.write(path, tensors, metadata)


def origin(path: Path = SHIPPED) -> dict[str, Any]:
    """Where the weights in a file that `read` can read come from."""
    metadata, _ = tensors_file.read(path, FORMAT, _MAKER)
    told: dict[str, Any] = parsed_json(metadata['origin'], _MOST_ORIGIN_BYTES)
    return told


@cache
def read(path: Path = SHIPPED) -> UNet:
    """The network in a file, ready to use. Raises WeightsError, which names the file."""
    try:
        return _read(path)
    except Exception as error:  # a damaged file can make its parser raise nearly anything
        reason = shown(error, 300) if isinstance(error, PedsamError) else 'not readable'
        raise WeightsError(f'attacker={written(str(path), 300)}: {reason}') from error


def _read(path: Path) -> UNet:
    if not path.is_file():
        raise WeightsError('no such file')
    if (size := path.stat().st_size) > _MOST_BYTES:
        raise WeightsError(f'{size} bytes; at most {_MOST_BYTES}')
    _, tensors = tensors_file.read(path, FORMAT, _MAKER)
    net = UNet()
    _check(tensors, net.state_dict())
    net.load_state_dict({name: value.float() for name, value in tensors.items()})
    return net.eval()


def _check(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Raises WeightsError unless every tensor is there, has its shape, and is finite."""
    if wrong := sorted(found.keys() ^ wanted.keys()):
        raise WeightsError(f'{written(wrong[0])}: missing, or none of this network')
    for name, value in found.items():
        if value.shape != wanted[name].shape or value.dtype not in _FLOATS:
            shapes = f'{tuple(value.shape)} {value.dtype}, not {tuple(wanted[name].shape)}'
            raise WeightsError(f'{name}: {shapes} of float16')
        if not torch.isfinite(value).all():
            raise WeightsError(f'{name}: not finite')
