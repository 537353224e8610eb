"""What the processes of a comparison run: a half of a model, by our code and by SAM's own.

Both take the same weights in the same modules, which are SAM's; only who runs them differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from pedsam_ros.bench import lively
from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.model import checkpoint, loading, preprocess
from pedsam_ros.core.model.decoder import Decoder
from pedsam_ros.core.model.onnx_file import Exported
from pedsam_ros.core.types import Pixels, Values
from pedsam_ros.core.windows import merge, partition, pixel_grid, token_grid

Run: TypeAlias = Callable[[], dict[str, Values]]  # computes once; its results by name


def edge_by_us(file: Path, prompts: int, precision: str = '') -> Run:
    """Global blocks, neck, and the masks of some points, as an edge computes them: by torch, or
    exported in a precision."""
    half = loading.load_edge(checkpoint.read(str(file)), exported=_exported(file, precision))
    given, points = lively.tokens(half.arch), lively.points(half.arch, prompts)

    def run() -> dict[str, Values]:
        embedding = half.embed(given)
        return _told(embedding, half.decoder(embedding, points, None))

    return run


def edge_by_sam(file: Path, prompts: int) -> Run:
    """The same by the `forward` of SAM's blocks, prompt encoder and mask decoder."""
    half = loading.load_edge(checkpoint.read(str(file)))
    given = torch.from_numpy(lively.tokens(half.arch))[None]
    points = lively.points(half.arch, prompts)

    def run() -> dict[str, Values]:
        tokens = given
        for block in half.encoder.blocks.values():
            tokens = block(tokens)
        embedding = half.encoder.neck(tokens.permute(0, 3, 1, 2))
        return _told(embedding, _decoded_by_sam(half.decoder, embedding, points))

    return run


def worker_by_us(file: Path, prompts: int, precision: str = '') -> Run:
    """All windows of a square image in one batch, as a worker computes them: by torch, or exported
    in a precision."""
    half = loading.load_worker(checkpoint.read(str(file)), exported=_exported(file, precision))
    grid = token_grid(half.arch)
    parts = partition(_square(half.arch), pixel_grid(half.arch))
    places, corners = [grid.place(index) for index in parts], [(0, 0)] * len(parts)
    ground = np.zeros((half.arch.tokens, half.arch.tokens, half.arch.dim), np.float32)

    def run() -> dict[str, Values]:
        tokens = half.tokens(places, [*parts.values()], corners)
        return {'tokens': merge(dict(zip(parts, tokens, strict=True)), grid, ground)}

    return run


def worker_by_sam(file: Path, prompts: int) -> Run:
    """The same by the `forward` of SAM's patch embedding and blocks, on the whole canvas."""
    half = loading.load_worker(checkpoint.read(str(file)))
    rgb = torch.from_numpy(_square(half.arch)).permute(2, 0, 1)

    def run() -> dict[str, Values]:
        encoder = half.encoder
        tokens = encoder.patch_embed(preprocess.normalise(rgb.float())[None]) + encoder.pos_embed
        for block in encoder.blocks.values():
            tokens = block(tokens)
        return {'tokens': tokens[0].numpy()}

    return run


JOBS: Mapping[str, Callable[[Path, int], Run]] = {
    job.__name__: job for job in (edge_by_us, edge_by_sam, worker_by_us, worker_by_sam)
} | {
    f'{half}_by_onnx_{precision}': partial(job, precision=precision)
    for half, job in (('edge', edge_by_us), ('worker', worker_by_us))
    for precision in ('float32', 'int8')
}


def _exported(file: Path, precision: str) -> Exported | None:
    return Exported(str(file), precision) if precision else None


def _square(arch: Architecture) -> Pixels:
    return lively.image(arch.image_px, arch.image_px)


def _decoded_by_sam(decoder: Decoder, embedding: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    given = points[..., :2], points[..., 2]
    sparse, dense = decoder.prompt_encoder(points=given, boxes=None, masks=None)
    decoded: tuple[Tensor, Tensor] = decoder.mask_decoder(
        image_embeddings=embedding,
        image_pe=decoder.prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=True,
    )
    return decoded


def _told(embedding: Tensor, decoded: tuple[Tensor, Tensor]) -> dict[str, Values]:
    named = {'embedding': embedding, 'logits': decoded[0], 'scores': decoded[1]}
    return {name: tensor.numpy() for name, tensor in named.items()}
