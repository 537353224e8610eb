"""Random weights and inputs of a model's shape."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from pedsam_ros.bench.plan import shape_of
from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.model import checkpoint
from pedsam_ros.core.types import Pixels, Values

_SEED = 0


def halves(model: str, folder: Path) -> dict[str, Path]:
    """Writes both halves of a random model, unless they are there; returns their files by name.

    Positions are random as well: SAM starts with zeros, with which a wrong attention looks right.
    """
    files = {half: folder / f'{model}-{half}.safetensors' for half in checkpoint.HALVES}
    if not all(file.is_file() for file in files.values()):
        weights = whole(model)
        padding = torch.from_numpy(tokens(weights.arch))  # computing it takes as long as a frame
        weights = replace(weights, tensors={**weights.tensors, checkpoint.PADDING: padding})
        for half, file in files.items():
            checkpoint.write(weights.half(half), file)
    return files


def whole(model: str) -> checkpoint.Weights:
    """The random weights of both halves of a model."""
    return checkpoint.random_weights(shape_of(model), _SEED)


def tokens(arch: Architecture) -> Values:
    """(T, T, C) float32 tokens, as if the window blocks had made them."""
    shape = arch.tokens, arch.tokens, arch.dim
    return np.random.default_rng(_SEED).standard_normal(shape, np.float32)


def image(height: int, width: int) -> Pixels:
    """(H, W, 3) uint8 noise: no two windows are alike."""
    return np.random.default_rng(_SEED).integers(0, 256, (height, width, 3), np.uint8)


def points(arch: Architecture, count: int) -> torch.Tensor:
    """(count, 1, 3) prompts of one point each: x, y in canvas px, and label 1."""
    rng = np.random.default_rng(_SEED)
    places = rng.uniform(0, arch.image_px, (count, 1, 2)).astype(np.float32)
    return torch.from_numpy(np.concatenate([places, np.ones_like(places[..., :1])], -1))
