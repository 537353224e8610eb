"""Reads and writes weights: SAM's .pth, our .safetensors, and random weights from a seed.

No other file opens weights; onnx_file.py opens graphs. A model's `model_id` is a hash of its
architecture and of both halves. The file of one half also holds the other half's hash, so that
each end can check its own weights and still name the whole model.
"""

from __future__ import annotations

import hashlib
import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from pedsam_ros.core.architecture import ARCHITECTURES, Architecture
from pedsam_ros.core.errors import PedsamError, WeightsError
from pedsam_ros.core.model import sam, tensors_file
from pedsam_ros.core.model.encoder import IMAGE, half_of
from pedsam_ros.core.model.fine_decoder import FineMaskDecoder
from pedsam_ros.core.model.fitted_codec import FittedCodec
from pedsam_ros.core.model.monolithic import ORDERS
from pedsam_ros.core.model.refiner import Refiner
from pedsam_ros.core.model.stem import Stem
from pedsam_ros.core.shown import shown, written

HALVES = ('worker', 'edge')
SHIPPED = Path(__file__).parents[2] / 'weights' / 'vit_tiny.safetensors'
PADDING = 'padding_tokens'  # (T, T, C) float32: the tokens of a canvas that is all padding
MEAN = 'mean_token'  # (C,) float32: the mean of what the worker's half made in training
_ADDED = {PADDING, MEAN}  # a file may have them; the model is the same without
_FORMAT = 'pedsam-1'
_DIGEST = r'[0-9a-f]{64}'
CHOICE = "a file, 'vit_tiny' for the model that comes along, or 'random:ARCH:SEED'"


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """The tensors of one half or of both, under SAM's names, and the hashes of both halves."""

    arch: Architecture
    tensors: Mapping[str, Tensor]
    hashes: Mapping[str, str]
    order: str = 'sam'  # the block order they were trained in, one of ORDERS
    codec: FittedCodec | None = None  # the same for both halves; no part of the model_id

    @property
    def model_id(self) -> str:
        """16 hexadecimal digits on which both ends must agree."""
        text = '|'.join((self.arch.to_json(), *(self.hashes[half] for half in HALVES)))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def half(self, half: str) -> Weights:
        """The same weights with the tensors of one half, 'worker' or 'edge', only."""
        chosen = {k: t for k, t in self.tensors.items() if half_of(k, self.arch) == half}
        return replace(self, tensors=chosen)


def random_weights(arch: Architecture, seed: int) -> Weights:
    """SAM's initialisation, except that positions are random instead of zero.

    Equal seeds give equal weights; torch's global random state stays as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tensors = _model_of(arch).state_dict()
        for name, tensor in tensors.items():
            if 'pos' in name and 'gaussian' not in name:
                tensor.normal_(std=0.5)
    return _whole(arch, tensors)


def joined(
    arch: Architecture, encoder: Mapping[str, Tensor], decoder: Mapping[str, Tensor], order: str
) -> Weights:
    """Joins the tensors of a trained encoder and decoder into weights in float16.

    Names are those within each module; `order` is the block order that the encoder was trained in.
    float16 halves the file and costs no accuracy. Raises WeightsError if a tensor is missing.
    """
    named = {f'{IMAGE}{name}': tensor for name, tensor in encoder.items()} | dict(decoder)
    tensors = {name: tensor.half() for name, tensor in named.items()}
    weights = Weights(arch, tensors, {})
    check_half(weights, *HALVES)
    return _whole(arch, tensors, order)


def read(source: str) -> Weights:
    """Weights of a .pth, a .safetensors, our own model 'vit_tiny', or a seed 'random:vit_tiny:0'.

    Raises WeightsError, which names the source.
    """
    if source.startswith('random:'):
        return _read_seed(source)
    if not source:
        raise WeightsError(f"checkpoint='': not set; {CHOICE}")
    try:
        path = SHIPPED if source == SHIPPED.stem else Path(source).expanduser()
        if not path.is_file():
            raise WeightsError('no such file')
        return _read_safetensors(path) if path.suffix == '.safetensors' else _read_pth(path)
    except Exception as error:  # a corrupt file can make its parser raise nearly anything
        raise WeightsError(f'checkpoint={written(source, 300)}: {_reason(error)}') from error


def write(weights: Weights, path: Path) -> Path:
    """Writes a .safetensors file for `read`; half a file never appears under this name."""
    metadata = {'format': _FORMAT, 'architecture': weights.arch.to_json(), **weights.hashes}
    metadata |= {'model_id': weights.model_id, 'order': weights.order}
    codec = weights.codec.tensors if weights.codec else {}
    return tensors_file.write(path, {**weights.tensors, **codec}, metadata)


def _reason(error: Exception) -> str:
    """Why a file cannot be read, in one line."""
    if isinstance(error, PedsamError):
        return shown(error, 300)
    if isinstance(error, pickle.UnpicklingError):
        return 'not readable: a .pth must hold tensors only (torch.load, weights_only=True)'
    return f'not readable ({shown(" ".join(str(error)[:1000].split()), 200)})'


def _read_seed(source: str) -> Weights:
    told = re.fullmatch(r'random:([^:]*):([0-9]{1,18})', source)  # torch takes 64 bits
    if told is None or told[1] not in ARCHITECTURES:
        raise WeightsError(
            f'checkpoint={written(source)}: random:ARCH:SEED, ARCH one of {[*ARCHITECTURES]}, '
            'SEED of 1 to 18 digits'
        )
    return random_weights(ARCHITECTURES[told[1]], int(told[2]))


def _read_pth(path: Path) -> Weights:
    _check_zip(path)
    tensors = torch.load(path, map_location='cpu', weights_only=True)
    if not isinstance(tensors, dict) or f'{IMAGE}pos_embed' not in tensors:
        raise WeightsError(f'has no {IMAGE}pos_embed, so it is not a SAM')
    tensors_file.check_plain(tensors)
    dim = tensors[f'{IMAGE}pos_embed'].shape[-1]
    matching = [a for a in ARCHITECTURES.values() if a.dim == dim]
    if not matching:
        dims = {a.name: a.dim for a in ARCHITECTURES.values()}
        raise WeightsError(f'{dim} channels, known are {dims}')
    weights = Weights(matching[0], tensors, {})
    check_half(weights, *HALVES)
    return _whole(matching[0], tensors)


def _check_zip(path: Path) -> None:
    """Raises WeightsError unless a file is a zip that becomes no larger when it is read."""
    if not zipfile.is_zipfile(path):
        raise WeightsError(
            'not readable: no file of torch.save; one from before torch 1.6 must be saved again'
        )
    with zipfile.ZipFile(path) as packed:
        parts = packed.infolist()
    size, real = sum(part.file_size for part in parts), path.stat().st_size
    if size > real or any(part.compress_type != zipfile.ZIP_STORED for part in parts):
        raise WeightsError(f'not readable: {size} bytes once unpacked, in a file of {real}')


def _read_safetensors(path: Path) -> Weights:
    metadata, tensors = tensors_file.read(path, _FORMAT, 'pedsam split')
    arch = Architecture.from_json(metadata.get('architecture', ''))
    hashes = {half: metadata.get(half, '') for half in HALVES}
    order = metadata.get('order', '')
    if order not in ORDERS or not all(re.fullmatch(_DIGEST, each) for each in hashes.values()):
        raise WeightsError(f'order={written(order)}, hashes={written(hashes)}: damaged')
    codec = FittedCodec.taken(tensors, arch.dim)
    weights = Weights(arch, tensors, hashes, order, codec)
    for half in HALVES:
        own = weights.half(half)
        if own.tensors and _hash(own.tensors) != weights.hashes[half]:
            raise WeightsError(f'the {half} half is not what its hash says')
    return weights


def _whole(arch: Architecture, tensors: Mapping[str, Tensor], order: str = 'sam') -> Weights:
    """Weights of both halves, with their hashes computed."""
    weights = Weights(arch, tensors, {}, order)
    return replace(weights, hashes={half: _hash(weights.half(half).tensors) for half in HALVES})


def _hash(tensors: Mapping[str, Tensor]) -> str:
    """Hash of the names, types, shapes and values.

    The padding is left out: it is computed from the others, and may round differently elsewhere.
    So is the mean token, which masks do not depend on.
    """
    digest = hashlib.sha256()
    for name in sorted(tensors.keys() - _ADDED):
        tensor = tensors[name].contiguous()
        digest.update(f'{name} {tensor.dtype} {tuple(tensor.shape)}\n'.encode())
        digest.update(memoryview(tensor.flatten().view(torch.uint8).numpy()))  # type: ignore[arg-type]
    return digest.hexdigest()


def check_half(weights: Weights, *halves: str) -> None:
    """Raises WeightsError unless every tensor of the halves is present and has its shape."""
    for half in halves:
        own = weights.half(half).tensors
        wanted = {
            k: s for k, s in _shapes(weights.arch).items() if half_of(k, weights.arch) == half
        }
        found = {k: t.shape for k, t in own.items() if k not in _ADDED}
        wrong = sorted(k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k))
        if wrong:
            raise WeightsError(
                f'{weights.arch.name}: {len(wrong)} of {len(wanted)} tensors of the {half} half '
                f'are missing, strange or of another shape, {shown(wrong[0])} first'
            )


def _model_of(arch: Architecture) -> nn.Module:
    """A whole SAM, with our stem, mask decoder and refiner if the architecture has them."""
    model = sam.sam_of(arch)
    if arch.fine_dim:
        model.image_encoder.patch_embed = Stem(arch)
        model.mask_decoder = FineMaskDecoder(arch)
    if arch.refine_px:
        model.refiner = Refiner(arch)
    return cast(nn.Module, model)


@cache
def _shapes(arch: Architecture) -> dict[str, torch.Size]:
    """The shape of every tensor of a whole model, by name."""
    with torch.device('meta'):
        return {name: tensor.shape for name, tensor in _model_of(arch).state_dict().items()}
