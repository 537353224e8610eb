"""The only file that imports segment_anything: its modules and its automatic generator's tools.

The package's `__init__` imports torchvision, which the model does not need and a robot may not
have. So this file imports the submodules without running that `__init__`.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from functools import partial
from types import ModuleType
from typing import Any

import torch

from pedsam_ros.core.architecture import Architecture

_PACKAGE = 'segment_anything'


def _import(*names: str) -> list[Any]:
    """Imports submodules of segment_anything without its `__init__`.

    A later `import segment_anything` still runs the whole package. Raises ImportError if the
    package is not installed.
    """
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

# Small modules are always made on the CPU: on 'meta' their initialisation imports torch's
# compiler, which takes 2 s.
CPU = torch.device('cpu')
_norm = partial(torch.nn.LayerNorm, eps=1e-6)


def image_encoder_of(arch: Architecture) -> Any:
    """SAM's whole image encoder with the architecture's sizes, newly initialised."""
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
    """SAM's prompt encoder, newly initialised, on the CPU (see `CPU`)."""
    with CPU:
        return modeling.PromptEncoder(
            embed_dim=arch.embedding_dim,
            image_embedding_size=(arch.tokens, arch.tokens),
            input_image_size=(arch.image_px, arch.image_px),
            mask_in_chans=16,
        )


def mask_decoder_of(arch: Architecture) -> Any:
    """SAM's mask decoder, newly initialised, on the CPU (see `CPU`)."""
    with CPU:
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
    """SAM's whole model in its original block order, newly initialised.

    Its tensors have the names of a .pth file.
    """
    return modeling.Sam(
        image_encoder=image_encoder_of(arch),
        prompt_encoder=prompt_encoder_of(arch),
        mask_decoder=mask_decoder_of(arch),
    )


def automatic_generator(torchvision: Mapping[str, ModuleType]) -> Any:
    """SAM's own SamAutomaticMaskGenerator, to be compared with.

    It needs two modules of torchvision, which a robot may not have: `torchvision` maps their
    names, and those of the packages around them, to stand-ins.
    """
    before = dict(sys.modules)
    sys.modules.update(torchvision)
    try:
        (module,) = _import('automatic_mask_generator')
        return module.SamAutomaticMaskGenerator
    finally:  # what was loaded with the stand-ins is nobody else's
        for name in sys.modules.keys() - before.keys():
            del sys.modules[name]
        sys.modules.update({name: before[name] for name in torchvision.keys() & before.keys()})
