"""A masked autoencoder of the user: the seen windows are its unmasked patches.

The paper attacks with it. Sources: He et al., CVPR 2022; transformers, modeling_vit_mae.py.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pedsam_ros.audit import laplace
from pedsam_ros.audit.attack import History, Needs, Picture, Seen
from pedsam_ros.audit.attacks import mean
from pedsam_ros.audit.local_weights import checked, loaded
from pedsam_ros.core.types import Pixels

NEEDS = Needs.WEIGHTS
_MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]  # of ImageNet, RGB, 0..1
_STD = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
_WHOLE = 0.999  # share of a patch that must be seen


def attack(view: Pixels, seen: Seen, history: History) -> Picture:
    """Scales the view to the model's square, and takes what it predicts for masked patches.

    A patch counts as seen only if all of it is. `history.weights` is a folder that
    `ViTMAEForPreTraining.save_pretrained` wrote. Raises ConfigError.
    """
    model = _model(checked('vit-mae', history.weights))
    if not seen.any():
        return mean.filled(view, seen)
    side, patch = int(model.config.image_size), int(model.config.patch_size)
    filled = laplace.fill(view.astype(np.float32), seen)  # patches that are seen in part
    square = cv2.resize(filled, (side, side), interpolation=cv2.INTER_AREA)
    patches = seen_patches(seen, side, patch)
    if not patches.any():
        return filled
    pixels = (torch.from_numpy(square).permute(2, 0, 1) / 255 - _MEAN) / _STD
    told = _predicted(model, pixels[None], torch.from_numpy(patches.ravel()))
    guess = ((told[0] * _STD + _MEAN) * 255).permute(1, 2, 0).clamp(0, 255).numpy()
    known = patches.repeat(patch, 0).repeat(patch, 1)[..., None]
    whole = np.where(known, square, guess).astype(np.float32)
    large = cv2.resize(whole, view.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.where(seen[..., None], view, np.clip(large, 0, 255)).astype(np.float32)


def seen_patches(seen: Seen, side: int, patch: int) -> NDArray[np.bool_]:
    """(side // patch, side // patch): which patches of the scaled view were seen as a whole."""
    scaled = cv2.resize(seen.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
    count = side // patch
    tiles = scaled.reshape(count, patch, count, patch)
    return np.asarray(tiles.min(axis=(1, 3)) >= _WHOLE, np.bool_)


def _predicted(model: Any, pixels: Tensor, patches: Tensor) -> Tensor:
    """(1, 3, side, side): the model's picture. `patches` (N,) bool are those it may look at.

    The model keeps the patches with the least noise, and as many as its ratio says.
    """
    total, kept = len(patches), int(patches.sum())
    noise = (~patches).float()[None]
    _set_ratio(model, 1 - (kept + 0.5) / total)
    with torch.inference_mode():
        told = model(pixel_values=pixels, noise=noise)
    if not torch.equal(told.mask[0] == 0, patches):
        raise RuntimeError('the model looked at other patches than it was told to')
    logits = told.logits
    if model.config.norm_pix_loss:  # it tells each patch's pattern, not its level
        own = model.patchify(pixels)
        spread = own[:, patches].std(-1).mean()
        logits = logits * spread + own.mean(-1, keepdim=True)
    return torch.as_tensor(model.unpatchify(logits))


def _set_ratio(model: Any, ratio: float) -> None:
    model.config.mask_ratio = model.vit.embeddings.config.mask_ratio = ratio


@lru_cache(maxsize=1)
def _model(folder: Path) -> Any:
    return loaded('vit-mae', folder, _load)


def _load(folder: Path) -> Any:
    from transformers import ViTMAEForPreTraining  # only who asks for it needs it
    from transformers.utils import logging

    logging.disable_progress_bar()
    model: Any = ViTMAEForPreTraining
    return model.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()
