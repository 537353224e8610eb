"""Noise on tokens as a fitted codec makes it, so that a model learns to do without what it drops.

Source: reverse water-filling; a codec's bits go to the directions in which tokens differ most.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_RATE = 0.02  # share of each batch in the running covariance
_AFRESH = 50  # every how many steps the directions are found anew
_LOSS = 1.5  # of a real codec's error against the least possible
_BITS = 16.0  # of a float16 value


class CodecNoise(nn.Module):
    """Follows the mean and the covariance of tokens, (C,) and (C, C)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mean = nn.Buffer(torch.zeros(channels))
        self.covariance = nn.Buffer(torch.eye(channels))
        self.basis = nn.Buffer(torch.eye(channels))
        self.spread = nn.Buffer(torch.ones(channels))  # along the columns of the basis, falling

    @torch.no_grad()
    def follow(self, tokens: Tensor, step: int) -> None:
        """Learns from tokens (n, C)."""
        with torch.autocast(tokens.device.type, enabled=False):
            self._follow(tokens.float(), step)

    def _follow(self, flat: Tensor, step: int) -> None:
        self.mean.lerp_(flat.mean(0), _RATE if step else 1.0)
        apart = flat - self.mean
        self.covariance.lerp_(apart.T @ apart / len(apart), _RATE if step else 1.0)
        if step % _AFRESH == 0:
            spread, basis = torch.linalg.eigh(self.covariance)
            self.spread.copy_(spread.flip(0).clamp(min=1e-8))
            self.basis.copy_(basis.flip(1))

    def forward(self, tokens: Tensor, ratio: float, rng: torch.Generator) -> Tensor:
        """(..., C) float32 tokens -> the same as after a codec of `ratio` against float16."""
        error = self._error(_BITS / ratio * len(self.mean))
        kept = (self.spread > error).to(tokens)
        noise = torch.randn(tokens.shape, generator=rng, device=tokens.device)
        with torch.autocast(tokens.device.type, enabled=False):
            parts = (tokens - self.mean) @ self.basis
            parts = (parts + noise * (_LOSS * error) ** 0.5) * kept
            lossy: Tensor = parts @ self.basis.T + self.mean
        return lossy

    def _error(self, bits: float) -> float:
        """The variance that a codec of so many bits a token leaves in each direction it keeps."""
        logs = self.spread.double().log2()
        counts = torch.arange(1, len(logs) + 1, device=logs.device)
        levels = (logs.cumsum(0) - 2 * bits) / counts  # if the first n directions are kept
        fits = (levels < logs).nonzero()
        return float(2 ** levels[fits[-1, 0]]) if len(fits) else float(self.spread[0])
