"""The network of the learned attack: what to add to a smooth fill, from all that was seen.

Pixels are folded 4x4 into channels, so that the network sees every pixel and still computes at a
quarter of the size. Attention at the coarsest level looks at the whole picture.
Source: U-Net, Ronneberger et al. 2015; pixel shuffle, Shi et al. 2016.
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CANVAS_PX = 144  # long side of the pictures it is made for: colours far away need no more
FOLD = 4  # px of a side that become channels
WIDTHS = (64, 96, 128)  # channels at a 4th, an 8th and a 16th of the size
_MULTIPLE = FOLD * 2 ** (len(WIDTHS) - 1)  # sides are padded to multiples of it
_PLANES = 3 + 1  # fill and seen, folded
_POOLED = 2  # distance and inside, averaged


class _Block(nn.Module):
    """Two convolutions beside a short cut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.normal_(self.second.weight, std=0.3 / (3 * width**0.5))

    def forward(self, x: Tensor) -> Tensor:
        return x + cast(Tensor, self.second(F.relu(self.first(F.relu(x)))))


class _Attention(nn.Module):
    """Every place looks at every other."""

    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.ask = nn.Linear(width, 3 * width)
        self.tell = nn.Linear(width, width)
        nn.init.zeros_(self.tell.weight)

    def forward(self, x: Tensor) -> Tensor:
        batch, width, height, length = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        parts = self.ask(self.norm(tokens)).reshape(batch, -1, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        heard = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        out = tokens + self.tell(heard)
        return cast(Tensor, out.transpose(1, 2).reshape(batch, width, height, length))


class UNet(nn.Module):
    """1.4 M parameters. A new one adds nothing to the fill."""

    def __init__(self) -> None:
        super().__init__()
        first, *_, last = WIDTHS
        self.stem = nn.Conv2d(_PLANES * FOLD**2 + _POOLED, first, 3, padding=1)
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(WIDTHS)
        )
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(WIDTHS))
        self.falling = nn.ModuleList(_Block(width) for width in WIDTHS[:-1])
        self.bottom = nn.Sequential(_Block(last), _Attention(last), _Block(last))
        self.rising = nn.ModuleList(_Block(width) for width in WIDTHS[:-1])
        self.out = nn.Conv2d(first, 3 * FOLD**2, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(cast(Tensor, self.out.bias))

    def forward(self, fill: Tensor, seen: Tensor, distance: Tensor) -> Tensor:
        """What to add: (B, 3, H, W) float32.

        `fill` is (B, 3, H, W), standardised; `seen` (B, 1, H, W) is 0 or 1; `distance` of the
        same shape is that to the nearest seen pixel, in px.
        """
        height, width = fill.shape[2:]
        x = F.relu(self.stem(_folded(fill, seen, distance)))
        kept = []
        for block, down in zip(self.falling, self.down, strict=True):
            kept.append(block(x))
            x = down(F.relu(kept[-1]))
        x = self.bottom(x)
        for block, up in reversed([*zip(self.rising, self.up, strict=True)]):
            x = block(F.interpolate(up(x), scale_factor=2.0) + kept.pop())
        return F.pixel_shuffle(self.out(F.relu(x)), FOLD)[..., :height, :width]


def _folded(fill: Tensor, seen: Tensor, distance: Tensor) -> Tensor:
    height, width = fill.shape[2:]
    padding = (0, -width % _MULTIPLE, 0, -height % _MULTIPLE)
    planes = F.pad(torch.cat([fill, seen], 1), padding)
    inside = torch.ones_like(distance)
    pooled = F.avg_pool2d(F.pad(torch.cat([distance / 16, inside], 1), padding), FOLD)
    x = torch.cat([F.pixel_unshuffle(planes, FOLD), pooled], 1)
    return x.contiguous(memory_format=torch.channels_last)
