"""Turns embeddings back into pixels with a small network, which corrects the guess of `ridge`.

It learns from the adversary's own windows, in memory, and is not kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from pedsam_ros.audit.attack import History, Needs, Own, Picture, Seen
from pedsam_ros.audit.attacks import ridge
from pedsam_ros.audit.inversion import known, laid
from pedsam_ros.core.types import Pixels, Values

NEEDS = Needs.EMBEDDINGS
_WIDTH, _FINE = 256, 32  # channels at the size of tokens, and at a quarter of a token's side
_STEPS, _BATCH, _RATE = 40, 32, 2e-3
_MOST_WINDOWS = 800  # that are learned from
_FLOOR = 1e-5  # of a window's squared error, whose logarithm is learned
_SEED = 0


def attack(view: Pixels, seen: Seen, history: History) -> Picture:
    """Guesses the pixels of each embedding. Raises ValueError without windows to learn from."""
    return laid(view, seen, history, fitted(known(history)))


@dataclass(frozen=True, slots=True, eq=False)
class Decoder:
    """The matrix of `ridge`, and the network that corrects it."""

    first: ridge.Ridge
    network: nn.Module
    mean: Values  # (C,) of tokens
    spread: Values  # (C,)

    def __call__(self, tokens: Values) -> Picture:
        """(rows, columns, C) float32 tokens -> (rows * P, columns * P, 3) float32, 0..255."""
        with torch.inference_mode():
            change = self.network(self.scaled([tokens]))[0].permute(1, 2, 0).numpy()
        guess = np.clip(self.first(tokens) + 255 * change, 0, 255)
        return np.asarray(guess, np.float32)

    def scaled(self, tokens: list[Values]) -> Tensor:
        """(N, C, rows, columns): tokens of N windows of one size, with a spread of one."""
        scaled = (np.stack(tokens) - self.mean) / self.spread
        return torch.from_numpy(scaled).permute(0, 3, 1, 2).contiguous()


@lru_cache(maxsize=1)  # the same windows serve for many frames
def fitted(own: Own) -> Decoder:
    """Learns from the whole windows among the adversary's own. Seeded."""
    first = ridge.fitted(own)
    size = max(pixels.shape[:2] for pixels in own.pixels)
    pairs = zip(own.pixels, own.tokens, strict=True)
    whole = [(pixels, tokens) for pixels, tokens in pairs if pixels.shape[:2] == size]
    whole = whole[:: -(-len(whole) // _MOST_WINDOWS)]
    values = np.concatenate([tokens.reshape(-1, tokens.shape[-1]) for _, tokens in whole])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        network = _network(values.shape[-1], first.patch_px)
        made = Decoder(first, network, values.mean(0), values.std(0) + np.float32(1e-6))
        tokens = made.scaled([tokens for _, tokens in whole])
        guess = _stacked([first(tokens) for _, tokens in whole])
        _learn(network, tokens, _stacked([pixels for pixels, _ in whole]) - guess)
    return made


def _network(channels: int, patch_px: int) -> nn.Module:
    """(N, C, rows, columns) tokens -> (N, 3, rows * P, columns * P); zero before it learned."""
    coarse = 4 if patch_px % 4 == 0 else 1
    fine = patch_px // coarse
    last = nn.Conv2d(_FINE, 3 * fine**2, 3, padding=1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias) if last.bias is not None else None
    return nn.Sequential(
        nn.Conv2d(channels, _WIDTH, 3, padding=1),
        nn.GELU(),
        nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1),
        nn.GELU(),
        nn.Conv2d(_WIDTH, _FINE * coarse**2, 1),
        nn.PixelShuffle(coarse),
        nn.GELU(),
        nn.Conv2d(_FINE, _FINE, 3, padding=1),
        nn.GELU(),
        last,
        nn.PixelShuffle(fine),
    )


def _learn(network: nn.Module, tokens: Tensor, missing: Tensor) -> None:
    """Learns what the first guess misses, so that the mean PSNR of a window rises."""
    optimizer = torch.optim.AdamW(network.parameters(), _RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, _STEPS)
    for _ in range(_STEPS):
        chosen = torch.randint(len(tokens), (_BATCH,))
        error = (network(tokens[chosen]) - missing[chosen]).square().mean((1, 2, 3))
        loss = (error + _FLOOR).log().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def _stacked(pictures: list[Picture] | list[Pixels]) -> Tensor:
    """(N, 3, H, W) float32, 0..1."""
    stacked = np.stack(pictures).astype(np.float32) / 255
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).contiguous()
