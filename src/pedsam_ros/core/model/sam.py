"""The only door to segment_anything: its modules and the tools of its automatic mask generator.

Its package's own start imports torchvision, which its model does not need and a robot may not
have; so the submodules are reached without running that start.
"""

from __future__ import annotations

import importlib.util
import sys
from functools import partial
from types import ModuleType
from typing import Any

import torch

from pedsam_ros.core.architecture import Architecture

_PACKAGE = 'segment_anything'


def _import(*names: str) -> list[Any]:
    """Submodules of segment_anything; afterwards `import segment_anything` is as free as
    before."""
    if _PACKAGE in sys.modules:
        return [importlib.import_module(f'{_PACKAGE}.{name}') for name in names]
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None:
        raise ImportError('segment_anything is not installed: pip install segment-anything')
    hollow = ModuleType(_PACKAGE)
    hollow.__path__ = list(spec.submodule_search_locations or ())
    sys.modules[_PACKAGE] = hollow
    try:
        return [importlib.import_module(f'{_PACKAGE}.{name}') for name in names]
    finally:
        del sys.modules[_PACKAGE]


modeling, image_encoder, amg = _import('modeling', 'modeling.image_encoder', 'utils.amg')

# The small parts are never made on 'meta': initialising them there imports torch's compiler, 2 s.
_CPU = torch.device('cpu')
_norm = partial(torch.nn.LayerNorm, eps=1e-6)


def image_encoder_of(arch: Architecture) -> Any:
    """SAM's own, whole image encoder with the architecture's sizes, newly initialised."""
    return modeling.ImageEncoderViT(
        img_size=arch.image_px,
        patch_size=arch.patch_px,
        embed_dim=arch.dim,
        depth=arch.depth,
        num_heads=arch.heads,
        mlp_ratio=4,
        out_chans=arch.embedding_dim,
        qkv_bias=True,
        norm_layer=_norm,
        use_rel_pos=True,
        window_size=arch.window,
        global_attn_indexes=arch.global_blocks,
    )


def prompt_encoder_of(arch: Architecture) -> Any:
    """SAM's prompt encoder, newly initialised, on the CPU (see `_CPU`)."""
    with _CPU:
        return modeling.PromptEncoder(
            embed_dim=arch.embedding_dim,
            image_embedding_size=(arch.tokens, arch.tokens),
            input_image_size=(arch.image_px, arch.image_px),
            mask_in_chans=16,
        )


def mask_decoder_of(arch: Architecture) -> Any:
    """SAM's mask decoder, newly initialised, on the CPU (see `_CPU`)."""
    with _CPU:
        transformer = modeling.TwoWayTransformer(
            depth=2, embedding_dim=arch.embedding_dim, mlp_dim=2048, num_heads=8
        )
        return modeling.MaskDecoder(
            num_multimask_outputs=3,
            transformer=transformer,
            transformer_dim=arch.embedding_dim,
            iou_head_depth=3,
            iou_head_hidden_dim=256,
        )


def sam_of(arch: Architecture) -> Any:
    """SAM's own whole model in its original block order, newly initialised; its keys are those of
    a .pth."""
    return modeling.Sam(
        image_encoder=image_encoder_of(arch),
        prompt_encoder=prompt_encoder_of(arch),
        mask_decoder=mask_decoder_of(arch),
    )
