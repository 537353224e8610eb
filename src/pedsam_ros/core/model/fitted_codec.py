"""A codec that is fitted to the tokens of one model: fewer bytes for nearly the same embedding.

A token is its mean, and a sum of orthogonal directions, those along which tokens differ most
first. Only the coordinates along these travel, each as a whole number of steps of a fixed size, in
a fixed number of bits: more bits where tokens differ more, none for the rest. So every token of a
model has the same number of bytes, whatever it shows. learn/codec_fit.py finds directions, steps
and bits; they travel with the weights, in both halves' files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from pedsam_ros.core import codec
from pedsam_ros.core.codec import RATIOS
from pedsam_ros.core.errors import BadBatch, ConfigError, WeightsError
from pedsam_ros.core.model.bit_packing import MOST_BITS, OCTET, Packing
from pedsam_ros.core.shown import written
from pedsam_ros.core.types import Values

PREFIX = 'codec.'  # of the names of its tensors in a file of weights
_NAMES = ('mean', 'basis', 'steps', 'bits')
_LARGEST = 1e6  # of a mean's value and of a step; tokens of SAM stay below 100
_SMALLEST = 1e-6  # of a step
_SKEW = 1e-3  # largest difference between basis.T @ basis and the unit matrix


@dataclass(frozen=True, eq=False)
class FittedCodec:
    """The codec of one model. Raises WeightsError if a part breaks its rule.

    Row i of `steps` and `bits` belongs to RATIOS[i].
    """

    mean: Tensor  # (C,) float32, that of all tokens
    basis: Tensor  # (C, K) float32, orthonormal columns, the widest spread first; K in octets
    steps: Tensor  # (3, K) float32, the distance between two values of a coordinate
    bits: Tensor  # (3, K / 8) float32, whole numbers: bits of each octet's coordinates

    def __post_init__(self) -> None:
        _check(self)

    @classmethod
    def taken(cls, tensors: dict[str, Tensor], channels: int) -> FittedCodec | None:
        """The codec among the tensors of a file, which are taken out of them; None if there is
        none. Raises WeightsError if it is damaged or does not fit tokens of so many channels."""
        found = {name: tensors.pop(name) for name in [*tensors] if name.startswith(PREFIX)}
        if not found:
            return None
        if found.keys() != {PREFIX + name for name in _NAMES}:
            raise WeightsError(f'{written(sorted(found))}: a codec has {", ".join(_NAMES)}')
        made = cls(**{name: _exact(found[PREFIX + name]) for name in _NAMES})
        if len(made.mean) != channels:
            raise WeightsError(f'codec of {len(made.mean)} channels: this model has {channels}')
        return made

    @property
    def tensors(self) -> dict[str, Tensor]:
        """What `taken` takes."""
        return {PREFIX + name: getattr(self, name) for name in _NAMES}

    @cached_property
    def id(self) -> str:
        """Hexadecimal digits on which both ends must agree: a hash of all values."""
        digest = hashlib.sha256()
        for name in _NAMES:
            values = getattr(self, name).numpy().astype('<f4')
            digest.update(f'{name} {values.shape}\n'.encode() + values.tobytes())
        return digest.hexdigest()[: codec.ID_DIGITS]

    @cached_property
    def dtypes(self) -> tuple[str, ...]:
        """Its names on the wire, one for each of RATIOS."""
        return tuple(codec.fitted_dtype(ratio, self.id) for ratio in RATIOS)

    def dtype(self, ratio: int) -> str:
        """Its name on the wire at one of RATIOS."""
        return self.dtypes[RATIOS.index(ratio)]

    def encode(self, tokens: Values, dtype: str) -> bytes:
        """(h, w, C) float32 -> bytes. Raises BadBatch if the dtype is not its own, or a token
        holds NaN."""
        flat = torch.from_numpy(tokens.reshape(-1, tokens.shape[-1])).clone()  # in aligned memory
        return self._packing(dtype).pack(flat).tobytes()

    def decode(
        self, values: bytes | memoryview, shape: tuple[int, int, int], dtype: str
    ) -> Values:
        """Inverse of `encode`, up to rounding and clipping: (h, w, C) float32, always finite.

        Raises BadBatch if the dtype is not its own or the size is wrong.
        """
        packing = self._packing(dtype)
        codec.check_size(values, shape, dtype)
        data = np.frombuffer(values, np.uint8).reshape(shape[0] * shape[1], -1)
        tokens: Values = packing.unpack(data).numpy().reshape(shape)
        return tokens

    def _packing(self, dtype: str) -> Packing:
        if dtype not in self._packings:
            own = ', '.join(self.dtypes)
            raise BadBatch(f'dtype={written(dtype)}: the codec of this model has {own}')
        return self._packings[dtype]

    @cached_property
    def _packings(self) -> Mapping[str, Packing]:
        rows = zip(self.dtypes, self.steps, self.bits, strict=True)
        return MappingProxyType(
            {dtype: Packing.of(self.mean, self.basis, *row) for dtype, *row in rows}
        )


def dtype_of(transport: str, ratio: int, fitted: FittedCodec | None) -> str:
    """The name on the wire of one of codec.TRANSPORTS. Raises ConfigError if that is the codec and
    the model has none."""
    if transport != codec.FITTED:
        return transport
    if fitted is None:
        raise ConfigError(
            'transport=codec: these weights have none; pedsam fit-codec adds one to a whole '
            'model, which is then split again'
        )
    return fitted.dtype(ratio)


def encode(tokens: Values, dtype: str, fitted: FittedCodec | None) -> bytes:
    """(h, w, C) float32 -> bytes, by the model's own codec if the dtype is one of its names.
    Raises BadBatch."""
    if fitted is not None and codec.ratio_of(dtype):
        return fitted.encode(tokens, dtype)
    return codec.encode(tokens, dtype)


def decode(
    values: bytes | memoryview,
    shape: tuple[int, int, int],
    dtype: str,
    fitted: FittedCodec | None,
) -> Values:
    """Inverse of `encode`, up to rounding: (h, w, C) float32. Raises BadBatch."""
    if fitted is not None and codec.ratio_of(dtype):
        return fitted.decode(values, shape, dtype)
    return codec.decode(values, shape, dtype)


def repacked(tokens: Values, dtype: str, fitted: FittedCodec | None) -> Values:
    """(h, w, C) float32 tokens as they are after their way over the wire. Raises BadBatch."""
    height, width, channels = tokens.shape
    packed = encode(tokens, dtype, fitted)
    return decode(packed, (height, width, channels), dtype, fitted)


def _exact(tensor: Tensor) -> Tensor:
    """In aligned memory, as float32."""
    return tensor.float().clone()


def _check(made: FittedCodec) -> None:
    """Raises WeightsError, first of all for shapes, so that nothing is computed of wrong ones."""
    _check_shapes(made)
    for name in _NAMES:
        if not getattr(made, name).isfinite().all():
            raise WeightsError(f'{PREFIX}{name}: holds NaN or infinite values')
    _check_values(made)
    skew = (made.basis.T @ made.basis - torch.eye(made.basis.shape[1])).abs().max()
    if skew > _SKEW:
        raise WeightsError(f'{PREFIX}basis: its columns are orthonormal but for {skew:.2g}')


def _check_shapes(made: FittedCodec) -> None:
    shapes = {name: tuple(getattr(made, name).shape) for name in _NAMES}
    channels = shapes['mean'][0] if len(shapes['mean']) == 1 else 0
    kept = shapes['basis'][1] if len(shapes['basis']) == 2 else 0
    rows, octets = len(RATIOS), kept // OCTET
    wanted = {
        'mean': (channels,),
        'basis': (channels, kept),
        'steps': (rows, kept),
        'bits': (rows, octets),
    }
    if shapes != wanted or not 0 < kept <= channels or kept % OCTET:
        raise WeightsError(
            f'codec of {shapes}: mean (C,), basis (C, K), steps ({rows}, K), bits ({rows}, K / 8) '
            'are expected, K a multiple of 8 and at most C'
        )


def _check_values(made: FittedCodec) -> None:
    """Raises WeightsError if a step, a mean or a number of bits breaks its rule."""
    if made.mean.abs().max() > _LARGEST:
        raise WeightsError(f'{PREFIX}mean: a value of {made.mean.abs().max():.3g}')
    if made.steps.min() < _SMALLEST or made.steps.max() > _LARGEST:
        low, high = made.steps.min(), made.steps.max()
        raise WeightsError(f'{PREFIX}steps={low:.3g}..{high:.3g}: {_SMALLEST}..{_LARGEST}')
    falling = (made.bits.diff(dim=1) <= 0).all()
    if not falling or (made.bits % 1).any() or made.bits.min() < 0 or made.bits.max() > MOST_BITS:
        raise WeightsError(
            f'{PREFIX}bits: whole numbers from {MOST_BITS} to 0, none larger than the one before'
        )
    for ratio, bits in zip(RATIOS, made.bits, strict=True):
        size = codec.token_bytes(len(made.mean), ratio)
        if int(bits.sum()) != size:
            raise WeightsError(f'{PREFIX}bits={int(bits.sum())} bytes a token at {ratio}: {size}')
