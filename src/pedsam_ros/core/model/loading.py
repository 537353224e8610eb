"""Builds what runs from weights: the worker's half, the edge's half, or a whole model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.common_settings import BACKENDS
from pedsam_ros.core.errors import ConfigError, WeightsError
from pedsam_ros.core.model.checkpoint import (
    HALVES,
    MEAN,
    PADDING,
    Weights,
    check_half,
    write,
)
from pedsam_ros.core.model.decoder import Decoder
from pedsam_ros.core.model.edge_half import EdgeHalf
from pedsam_ros.core.model.encoder import IMAGE, GlobalEncoder, WindowEncoder
from pedsam_ros.core.model.monolithic import MonolithicEncoder, MonolithicPipeline
from pedsam_ros.core.model.onnx_file import Exported
from pedsam_ros.core.model.onnx_half import opened, told_of
from pedsam_ros.core.model.worker_half import WorkerHalf
from pedsam_ros.core.shown import shown, written
from pedsam_ros.core.types import Values
from pedsam_ros.core.windows import merge, token_grid

DTYPES = {name: getattr(torch, name) for name in BACKENDS['torch']}
ModuleT = TypeVar('ModuleT', bound=nn.Module)

_PADDING_BYTES = 2**27  # what encoding some windows of padding together may take
_MAPS = 16  # float32 copies of a window's tokens that encoding it takes


def check_device(device: str) -> None:
    """Raises ConfigError unless torch can compute on this device."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f'device={written(device)}: {shown(error, 200)}') from None


def split(weights: Weights, folder: Path, stem: str) -> tuple[Path, Path]:
    """Writes FOLDER/STEM-worker.safetensors and FOLDER/STEM-edge.safetensors; returns both paths.

    Raises WeightsError if a half is missing.
    """
    check_half(weights, *HALVES)
    return (
        write(weights.half('worker'), folder / f'{stem}-worker.safetensors'),
        write(with_padding(weights).half('edge'), folder / f'{stem}-edge.safetensors'),
    )


def load_worker(
    weights: Weights,
    device: str = 'cpu',
    dtype: torch.dtype = torch.float32,
    exported: Exported | None = None,
) -> WorkerHalf:
    """The worker's half, ready to run: by torch, or by ONNX Runtime if it is exported.

    Raises WeightsError if `weights` does not hold it, and what onnx_half.opened raises.
    """
    check_half(weights, 'worker')
    encoder: nn.Module
    if exported:
        encoder = opened(exported, 'worker', weights, device)
    else:
        names = {k.removeprefix(IMAGE): t for k, t in weights.half('worker').tensors.items()}
        encoder = _fill(WindowEncoder, weights.arch, names).to(device, dtype)
    by = told_of(encoder)
    return WorkerHalf(weights.arch, weights.model_id, encoder, weights.codec, by)


def load_edge(
    weights: Weights,
    device: str = 'cpu',
    dtype: torch.dtype = torch.float32,
    worker_half: bool = False,
    exported: Exported | None = None,
) -> EdgeHalf:
    """The edge's half, ready to run; `worker_half` adds the worker's half to it.

    `dtype` is that of the encoder, and `exported` is for it, too; the decoder always computes in
    float32, by torch. Raises WeightsError if `weights` does not hold a half that is needed, and
    what onnx_half.opened raises.
    """
    check_half(weights, 'edge')
    image, rest = _by_part(weights.half('edge'))
    encoder: nn.Module
    if exported:
        encoder = opened(exported, 'edge', weights, device)
    else:
        encoder = _fill(GlobalEncoder, weights.arch, image).to(device, dtype)
    decoder = _fill(Decoder, weights.arch, rest).to(device, torch.float32)
    padding = padding_tokens(weights, device).numpy().copy()  # or it keeps the whole file mapped
    worker = load_worker(weights, device, dtype, exported) if worker_half else None
    parts = encoder, decoder, padding, worker, weights.codec, told_of(encoder)
    return EdgeHalf(weights.arch, weights.model_id, *parts)


def load_monolithic(
    weights: Weights, order: str = 'ped', device: str = 'cpu'
) -> MonolithicPipeline:
    """A whole model in one of monolithic.ORDERS. Raises WeightsError if a half is missing."""
    check_half(weights, *HALVES)
    image, rest = _by_part(weights)
    encoder = _fill(partial(MonolithicEncoder, order=order), weights.arch, image)
    decoder = _fill(Decoder, weights.arch, rest)
    encoder, decoder = encoder.to(device).float(), decoder.to(device).float()
    return MonolithicPipeline(weights.arch, weights.model_id, encoder, decoder)


def with_padding(weights: Weights) -> Weights:
    """The same weights with the tokens of canvas padding, which an edge would have to compute.

    The model_id stays. Raises WeightsError if the worker's half is missing.
    """
    return replace(weights, tensors={**weights.tensors, PADDING: padding_tokens(weights)})


def with_mean(weights: Weights, token: Tensor) -> Weights:
    """The same weights with their mean token, (C,). The model_id stays."""
    return replace(weights, tensors={**weights.tensors, MEAN: token.detach().cpu().float()})


def mean_token(weights: Weights) -> Tensor | None:
    """(C,) float32: the mean token that is stored with the weights; None without one.

    Raises WeightsError if it is damaged.
    """
    return _checked(weights, MEAN, (weights.arch.dim,)) if MEAN in weights.tensors else None


def padding_tokens(weights: Weights, device: str = 'cpu') -> Tensor:
    """(T, T, C) float32 tokens of a canvas that is all padding.

    They are in an edge's file and in vit_tiny. Without them they are computed with the worker's
    half, which takes as long as one frame. Raises WeightsError if they are damaged or cannot be
    computed.
    """
    if PADDING in weights.tensors:
        side = weights.arch.tokens
        return _checked(weights, PADDING, (side, side, weights.arch.dim))
    arch, grid = weights.arch, token_grid(weights.arch)
    worker, empty = load_worker(weights, device), np.empty((0, 0, 3), np.uint8)
    most = max(1, _PADDING_BYTES // (_MAPS * 4 * arch.window**2 * arch.dim))
    tokens: dict[int, Values] = {}
    for first in range(0, grid.count, most):
        some = range(first, min(first + most, grid.count))
        places = [grid.place(index) for index in some]
        tokens |= zip(
            some, worker.tokens(places, [empty] * len(some), [(0, 0)] * len(some)), strict=True
        )
    base = np.zeros((arch.tokens, arch.tokens, arch.dim), np.float32)
    return torch.from_numpy(merge(tokens, grid, base))


def _checked(weights: Weights, name: str, shape: tuple[int, ...]) -> Tensor:
    found = weights.tensors[name].float()
    if tuple(found.shape) != shape or not found.isfinite().all():
        raise WeightsError(f'{name} of {tuple(found.shape)}: finite values of {shape} expected')
    return found


def _by_part(weights: Weights) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The tensors of the image encoder, without prefix, and those of the decoder."""
    image, rest = {}, {}
    for name, tensor in weights.tensors.items():
        if name.startswith(IMAGE):
            image[name.removeprefix(IMAGE)] = tensor
        elif name not in (PADDING, MEAN):
            rest[name] = tensor
    return image, rest


def _fill(
    module: Callable[[Architecture], ModuleT], arch: Architecture, tensors: Mapping[str, Tensor]
) -> ModuleT:
    """A module with these weights. No memory is spent on its random initial ones."""
    with torch.device('meta'):
        made = module(arch)
    # Tensors of a file are not aligned; aligned copies give the same last bit in every process.
    made.load_state_dict({name: tensor.clone() for name, tensor in tensors.items()}, assign=True)
    return made.eval().requires_grad_(False)
