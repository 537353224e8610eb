"""The whole encoder in one piece, in either block order, for training and evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.edge_compute import finished
from pedsam_ros.core.errors import BadPrompt
from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.model import preprocess, sam
from pedsam_ros.core.model.decoder import Decoder
from pedsam_ros.core.model.encoder import (
    embedding_of,
    inside_of,
    laid,
    patch_embed_of,
    run_block,
    taken,
)
from pedsam_ros.core.model.masks import answered
from pedsam_ros.core.prompts import sift, told
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.types import Frame, Masks, Prompt
from pedsam_ros.core.windows import Canvas, merge, token_grid

ORDERS = ('ped', 'sam')  # 'ped' runs all window blocks first; 'sam' is SAM's own order


def block_order(arch: Architecture, order: str) -> tuple[int, ...]:
    """The blocks in the order in which they run. Raises ValueError if the order is unknown."""
    if order not in ORDERS:
        raise ValueError(f'order={order!r}: one of {ORDERS}')
    return arch.block_order if order == 'ped' else tuple(range(arch.depth))


def vacant_tokens(arch: Architecture, canvas: Canvas) -> Tensor:
    """(T, T) bool: the tokens of the windows without content."""
    grid = token_grid(arch, canvas.offset)
    filled = {index: np.zeros((*grid.shape(index), 1), np.bool_) for index in canvas.windows()}
    everywhere = np.ones((arch.tokens, arch.tokens, 1), np.bool_)
    return torch.from_numpy(merge(filled, grid, everywhere))[..., 0]


class MonolithicEncoder(nn.Module):
    """SAM's image encoder with its blocks in a chosen order. Parameters carry SAM's names."""

    def __init__(self, arch: Architecture, order: str = 'ped') -> None:
        super().__init__()
        whole = sam.image_encoder_of(arch)
        blocks = block_order(arch, order)
        self.reordered = order == 'ped'
        last = max(blocks.index(i) for i in arch.worker_blocks)
        self.first, self.rest = blocks[: last + 1], blocks[last + 1 :]
        self.edge_blocks, self.window, self.image_px = arch.edge_blocks, arch.window, arch.image_px
        self.patch_embed, self.pos_embed = patch_embed_of(arch, whole), whole.pos_embed
        self.blocks, self.neck, self.fine_dim = whole.blocks, whole.neck, arch.fine_dim

    def forward(
        self, pixels: Tensor, offset: tuple[int, int] = (0, 0), vacant: Tensor | None = None
    ) -> Tensor:
        """(B, 3, P, P) normalised canvases -> (B, E, T, T) image embeddings.

        `offset` is that of the partition, in tokens: see windows.Grid. SAM's own is (0, 0).
        `vacant`, (B, T, T) bool, marks the tokens of windows without content: after the window
        blocks they become `padding`, whatever the offset, as on the edge. In SAM's own order,
        where global blocks come between window blocks, it changes nothing.
        """
        return self.embedding(self.tokens(pixels, offset, vacant))

    def tokens(
        self, pixels: Tensor, offset: tuple[int, int] = (0, 0), vacant: Tensor | None = None
    ) -> Tensor:
        """(B, T, T, C) tokens after the last window block; the arguments are those of `forward`.

        Reordered, they are what workers send.
        """
        tokens = self._run(self.first, self._embedded(pixels, offset) + self.pos_embed, offset)
        if vacant is not None and self.reordered and any(offset):  # else they are that already
            tokens = torch.where(vacant[..., None], self.padding(), tokens)
        return tokens

    def embedding(self, tokens: Tensor) -> Tensor:
        """(B, T, T, C) tokens after the last window block -> (B, E, T, T) image embeddings."""
        after = self._run(self.rest, tokens, (0, 0))  # global blocks, which have no partition
        return embedding_of(self.neck, after, self.fine_dim)

    def without_image(self, token: Tensor) -> Tensor:
        """(1, E, T, T): the embedding if every token after the last window block is `token`, (C,).

        Nothing of an image is in it.
        """
        side = self.pos_embed.shape[1]
        return self.embedding(token.expand(1, side, side, -1))

    @torch.no_grad()
    def padding(self) -> Tensor:
        """(1, T, T, C): what the window blocks make of a canvas that is all padding, with SAM's
        own partition. An edge has it as EdgeHalf.padding. It is a constant to training as well:
        keeping one more canvas for the backward pass would cost the memory of an image.
        """
        empty = self.pos_embed.new_zeros(1, 3, self.image_px, self.image_px)
        return self._run(self.first, self._embedded(empty, (0, 0)) + self.pos_embed, (0, 0))

    def _embedded(self, pixels: Tensor, offset: tuple[int, int]) -> Tensor:
        """(B, 3, P, P) -> (B, T, T, C). A stem sees each window by itself, as on a worker."""
        if not self.fine_dim:
            return cast(Tensor, self.patch_embed(pixels))
        patch = self.image_px // self.pos_embed.shape[1]
        windows = self._cut(pixels.permute(0, 2, 3, 1), offset, patch).permute(0, 3, 1, 2)
        tokens = self.patch_embed(windows)
        # Nothing is learnt from padding, through which normalisation would make gradients explode.
        filled = windows.flatten(1).any(1)[:, None, None, None]
        tokens = torch.where(filled, tokens, tokens.detach())
        return self._joined(tokens, self.pos_embed.expand(len(pixels), -1, -1, -1), offset)

    def _run(self, blocks: Sequence[int], tokens: Tensor, offset: tuple[int, int]) -> Tensor:
        """Runs blocks on (B, T, T, C) tokens, in the order given."""
        inside = self._inside(tokens, offset)
        for i in blocks:
            block: Any = self.blocks[i]
            if i in self.edge_blocks:
                some = run_block(block, tokens.flatten(0, 2), tokens.shape[:3])
                tokens = some.view(tokens.shape)
            else:
                windows = self._cut(tokens, offset)
                some = run_block(block, taken(windows, inside), windows.shape[:3], inside)
                tokens = self._joined(laid(some, windows, inside), tokens, offset)
        return tokens

    def _inside(self, tokens: Tensor, offset: tuple[int, int]) -> Tensor | None:
        canvas = torch.ones(*tokens.shape[:3], 1, device='cpu')  # a 'meta' one has no places
        inside = inside_of(self._cut(canvas, offset) > 0)
        return None if inside is None else inside.to(tokens.device)

    def _cut(self, tokens: Tensor, offset: tuple[int, int], px: int = 1) -> Tensor:
        """(B, T, T, C) -> (B * count, S, S, C), zero outside the canvas. T and S are in tokens, or
        in pixels if a token has a side of `px`."""
        above, before = (each * px for each in self._missing(offset))
        shifted = F.pad(tokens, (0, 0, before, 0, above, 0))
        windows, _ = sam.image_encoder.window_partition(shifted, self.window * px)
        return cast(Tensor, windows)

    def _joined(self, windows: Tensor, like: Tensor, offset: tuple[int, int]) -> Tensor:
        """Inverse of `_cut`; `like` has the shape of the result."""
        missing = self._missing(offset)
        sizes = [like.shape[1] + each for each in missing]
        padded = [-(-size // self.window) * self.window for size in sizes]
        joined = sam.image_encoder.window_unpartition(windows, self.window, padded, sizes)
        return cast(Tensor, joined[:, missing[0] :, missing[1] :])

    def _missing(self, offset: tuple[int, int]) -> tuple[int, int]:
        """The rows and columns of tokens that the first windows lack."""
        return -offset[0] % self.window, -offset[1] % self.window


@dataclass(frozen=True, slots=True, eq=False)
class MonolithicPipeline:
    """A whole model in one process that never cuts windows out of the image.

    The distributed system is measured against it.
    """

    arch: Architecture
    model_id: str
    encoder: MonolithicEncoder
    decoder: Decoder

    def encode(self, frame: Frame, shift: Shift | None = None) -> Encoded:
        """Encodes a frame once, for any number of prompts. Raises BadImage if it is empty."""
        canvas = Canvas.fit(self.arch, *frame.rgb.shape[:2], shift=shift)
        weight = self.encoder.pos_embed
        content = preprocess.resize(frame.rgb, canvas.content)
        pixels = preprocess.on_canvas(content, self.arch.image_px, canvas.corner).to(weight)
        vacant = vacant_tokens(self.arch, canvas).to(weight.device)
        with torch.inference_mode():
            embedding = self.encoder(pixels[None], canvas.offset, vacant[None]).float()
        return Encoded(frame.key, canvas, embedding, frame.rgb)

    def decode(self, encoded: Encoded, prompts: Sequence[Prompt]) -> Masks:
        """One mask for each prompt, in order, at the camera's size. Raises BadPrompt."""
        good, refused = sift(prompts, encoded.canvas.frame)
        if refused:
            raise BadPrompt(told(refused))
        with torch.inference_mode():
            masks = finished(answered(self.decoder, encoded, good))
        return Masks(encoded.key, *encoded.canvas.frame, self.model_id, masks)
