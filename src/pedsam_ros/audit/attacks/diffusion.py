"""Any in-painting pipeline of diffusers, from a folder of the user.

The paper attacks with Adobe Firefly, which nobody can run at home. Source: diffusers,
pipelines/auto_pipeline.py.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from pedsam_ros.audit import laplace
from pedsam_ros.audit.attack import History, Needs, Picture, Seen
from pedsam_ros.audit.attacks import mean
from pedsam_ros.audit.local_weights import checked, loaded
from pedsam_ros.core.types import Pixels

NEEDS = Needs.WEIGHTS
_PROMPT = ''  # the adversary knows nothing of the scene
_STEPS = 30
_SEED = 0
_USUAL_PX = 512  # side of the pictures of a pipeline that does not tell


def attack(view: Pixels, seen: Seen, history: History) -> Picture:
    """Scales the view to about the pipeline's own size, and lets it paint what was not seen.

    `history.weights` is a folder that `save_pretrained` of a pipeline wrote. Raises ConfigError.
    """
    paint = _pipeline(checked('diffusion', history.weights))
    if not seen.any() or seen.all():
        return mean.filled(view, seen)
    width, height = _size(paint, view.shape[1], view.shape[0])
    filled = laplace.fill(view.astype(np.float32), seen)
    large = cv2.resize(filled, (width, height), interpolation=cv2.INTER_CUBIC)
    unseen = cv2.resize((~seen).astype(np.float32), (width, height))
    told = paint(
        prompt=_PROMPT,
        image=Image.fromarray(np.clip(large, 0, 255).astype(np.uint8)),
        mask_image=Image.fromarray(np.where(unseen > 0, 255, 0).astype(np.uint8)),
        width=width,
        height=height,
        num_inference_steps=_STEPS,
        generator=torch.Generator().manual_seed(_SEED),
        output_type='np',
    )
    painted = np.asarray(told.images[0], np.float32) * 255
    small = cv2.resize(painted, view.shape[1::-1], interpolation=cv2.INTER_AREA)
    return np.where(seen[..., None], view, small).astype(np.float32)


def _size(paint: Any, width: int, height: int) -> tuple[int, int]:
    """Width and height, multiples of 8 latents, of about the area the pipeline was trained on."""
    latent_px = int(paint.vae_scale_factor)
    network = getattr(paint, 'unet', None) or getattr(paint, 'transformer', None)
    side = getattr(getattr(network, 'config', None), 'sample_size', None)
    own_px = side * latent_px if isinstance(side, int) else _USUAL_PX
    scale, step = own_px / (width * height) ** 0.5, 8 * latent_px
    wide, high = (max(step, round(each * scale / step) * step) for each in (width, height))
    return wide, high


@lru_cache(maxsize=1)
def _pipeline(folder: Path) -> Any:
    return loaded('diffusion', folder, _load)


def _load(folder: Path) -> Any:
    from diffusers import AutoPipelineForInpainting  # only who asks for it needs it
    from diffusers.utils import logging

    logging.disable_progress_bar()
    paint: Any = AutoPipelineForInpainting
    paint = paint.from_pretrained(
        folder,
        local_files_only=True,
        use_safetensors=True,
        low_cpu_mem_usage=False,  # else accelerate is needed
    )
    paint.set_progress_bar_config(disable=True)
    return paint
