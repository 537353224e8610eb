"""A convolutional patch embedding that never looks out of its window, for small models.

Its features at stride 4 are the first channels of the tokens. So they reach the edge with the
tokens, and the mask decoder can read them again.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pedsam_ros.core.architecture import FINE_PER_SIDE, Architecture

_CHANNELS = (24, 48, 96)  # at strides 2, 4 and 8
_AT_ONCE = 8  # windows


class Stem(nn.Module):
    """Turns windows of pixels into tokens of 16 x 16 px. It normalises each window by itself."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        first, middle, last = _CHANNELS
        self.dim, self.step = arch.dim, FINE_PER_SIDE
        self.down_2 = _Conv(3, first, 2)
        self.down_4 = _Conv(first, middle, 2)
        self.same_4 = _Conv(middle, middle, 1)
        self.down_8 = _Conv(middle, last, 2)
        self.same_8 = _Conv(last, last, 1)
        self.down_16 = nn.Conv2d(last, arch.dim, 3, 2, 1)
        self.fine = nn.Conv2d(middle, arch.fine_dim, 1)

    def forward(self, windows: Tensor) -> Tensor:
        """(N, 3, P, P) normalised windows -> (N, P/16, P/16, C) tokens."""
        at_4 = self.down_4(self.down_2(windows))
        at_4 = at_4 + self.same_4(at_4)
        at_8 = self.down_8(at_4)
        at_8 = at_8 + self.same_8(at_8)
        tokens = self.down_16(at_8).permute(0, 2, 3, 1)
        fine = F.pixel_unshuffle(self.fine(at_4), self.step).permute(0, 2, 3, 1)
        return cast(Tensor, tokens + F.pad(fine, (0, self.dim - fine.shape[-1])))

    def in_any_batch(self, windows: Tensor) -> Tensor:
        """As `forward`, but a window's tokens are the same in every batch, to the last bit.

        On a CPU torch has one way to convolve a single small image, another for some images, and
        a third for many, and they round differently. So a few windows are taken at a time, and a
        single one twice.
        """
        parts = windows.split(_AT_ONCE)
        made = (self(part.expand(max(2, len(part)), -1, -1, -1))[: len(part)] for part in parts)
        return torch.cat([*made])


class _Conv(nn.Sequential):
    """Convolution, normalisation, activation."""

    def __init__(self, a: int, b: int, stride: int) -> None:
        super().__init__(
            nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.GroupNorm(max(1, b // 16), b), nn.GELU()
        )


def fine_of(embedding: Tensor, dim: int) -> Tensor:
    """The stem's features at their places, (B, F / 16, 4T, 4T), of image embeddings (B, E + F, T,
    T) whose first E channels, `dim`, are the neck's."""
    return F.pixel_shuffle(embedding[:, dim:], FINE_PER_SIDE)
