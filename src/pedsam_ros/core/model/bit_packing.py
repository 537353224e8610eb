"""How a fitted codec packs tokens at one ratio: a matrix product, rounding, and a pack of bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pedsam_ros.core.errors import BadBatch

OCTET = 8  # coordinates that share their number of bits
MOST_BITS = 8  # of a coordinate


@dataclass(frozen=True, slots=True, eq=False)
class Packing:
    """Packs tokens of C channels into T bytes, along K directions.

    The bytes of a token are the lowest bits of all coordinates, eight to a byte, then the next
    higher bits of those that have one, and so on.
    """

    forward: Tensor  # (C, K): a token, times this, plus `lift`, is its coordinates in steps
    lift: Tensor  # (K,)
    lowest: Tensor  # (1,) 0
    highest: Tensor  # (K,) the highest step of each coordinate
    backward: Tensor  # (K, C): coordinates in steps, times this, plus `base`, are a token
    base: Tensor  # (C,)
    planes: tuple[int, ...]  # how many coordinates have a first bit, a second, and so on

    @classmethod
    def of(cls, mean: Tensor, basis: Tensor, steps: Tensor, bits: Tensor) -> Packing:
        """Folds mean, steps and the middle of each coordinate's values into the two products.

        `mean` is (C,), `basis` (C, K or more), `steps` (K or more,), `bits` those of each octet.
        """
        kept = OCTET * int((bits > 0).sum())
        mean, basis, steps = mean.double(), basis[:, :kept].double(), steps[:kept].double()
        highest = 2.0 ** bits[: kept // OCTET].double().repeat_interleave(OCTET) - 1
        forward, backward = basis / steps, (basis * steps).T
        widths = (OCTET * int((bits > bit).sum()) for bit in range(MOST_BITS))
        return cls(
            forward=_single(forward),
            lift=_single(highest / 2 - mean @ forward),
            lowest=torch.zeros(1),
            highest=_single(highest),
            backward=_single(backward),
            base=_single(mean - highest / 2 @ backward),
            planes=tuple(filter(None, widths)),
        )

    def pack(self, tokens: Tensor) -> NDArray[np.uint8]:
        """(N, C) float32 -> (N, T) uint8. Raises BadBatch if a token holds NaN, or
        infinite values of both signs."""
        places = torch.addmm(self.lift, tokens, self.forward)
        if places.sum().isnan():  # reads them once; isnan() of each takes ten times as long
            raise BadBatch('tokens hold NaN or infinite values: the codec has no number for them')
        steps = places.clamp_(self.lowest, self.highest).round_().numpy().astype(np.uint8)
        planes = [
            np.packbits(steps[:, :width] & np.uint8(1 << bit), axis=1)
            for bit, width in enumerate(self.planes)
        ]
        return np.concatenate(planes, axis=1)

    def unpack(self, data: NDArray[np.uint8]) -> Tensor:
        """(N, T) uint8 -> (N, C) float32. Inverse of `pack`, up to rounding and clipping."""
        steps = np.zeros((len(data), len(self.lift)), np.uint8)
        begin = 0
        for bit, width in enumerate(self.planes):
            end = begin + width // OCTET
            plane = np.unpackbits(data[:, begin:end], axis=1)
            steps[:, :width] |= plane << np.uint8(bit)
            begin = end
        return torch.addmm(self.base, torch.from_numpy(steps).float(), self.backward)


def _single(values: Tensor) -> Tensor:
    return values.float().contiguous()
