"""SAM's image encoder, cut in two: WindowEncoder runs on workers, GlobalEncoder on the edge.

Architecture.worker_blocks and .edge_blocks say which block runs where. Running all window blocks
first is the paper's approximation of SAM. The cut itself is exact, because no window block mixes
windows. Source: SAM image_encoder.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pedsam_ros.core.architecture import FINE_PER_SIDE, Architecture
from pedsam_ros.core.model import sam
from pedsam_ros.core.model.attention import attend, is_exporting
from pedsam_ros.core.model.stem import Stem

IMAGE = 'image_encoder.'  # prefix of the encoder's tensors in SAM's checkpoints
_HIDDEN_VALUES = 2**22  # values of an MLP's hidden layer held at once: more leave the cache


def half_of(name: str, arch: Architecture) -> str:
    """The half, 'worker' or 'edge', that a tensor with this name in SAM belongs to."""
    if name.startswith((f'{IMAGE}patch_embed.', f'{IMAGE}pos_embed')):
        return 'worker'
    if name.startswith(f'{IMAGE}blocks.'):
        return 'worker' if int(name.split('.')[2]) in arch.worker_blocks else 'edge'
    return 'edge'


class WindowEncoder(nn.Module):
    """The worker's half: patch embedding, positions, window blocks.

    Parameters carry SAM's names.
    """

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        whole = sam.image_encoder_of(arch)
        self.window, self.has_stem = arch.window, arch.fine_dim > 0
        self.patch_embed = patch_embed_of(arch, whole)
        self.pos_embed = whole.pos_embed
        self.blocks = nn.ModuleDict({str(i): whole.blocks[i] for i in arch.worker_blocks})

    def forward(self, pixels: Tensor, places: Tensor) -> Tensor:
        """(N, 3, P, P) normalised windows -> (N, S, S, C) tokens.

        `places` (N, 2) is the row and column of each window's first token on the canvas, which
        may lie outside of it. Tokens outside the canvas (window padding) have no meaning.
        """
        alike = self.has_stem and not is_exporting()  # a graph takes any number at once
        embed = self.patch_embed.in_any_batch if alike else self.patch_embed
        tokens = embed(pixels) + self._at(self.pos_embed, places)
        inside = inside_of(self._at(torch.ones_like(self.pos_embed[..., :1]), places) > 0)
        some = taken(tokens, inside)
        for block in self.blocks.values():
            some = run_block(block, some, tokens.shape[:3], inside)
        return laid(some, torch.zeros_like(tokens), inside)

    def _at(self, canvas: Tensor, places: Tensor) -> Tensor:
        """(1, T, T, C) -> (N, S, S, C) at the places (N, 2), zero outside the canvas."""
        around = F.pad(canvas[0], (0, 0, *(self.window,) * 4))
        along = torch.arange(self.window, 2 * self.window, device=places.device)
        rows, columns = (places[:, i, None] + along for i in (0, 1))
        return around[rows[:, :, None], columns[:, None, :]]


class GlobalEncoder(nn.Module):
    """The edge's half: global blocks and neck. Parameters carry SAM's names."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        whole = sam.image_encoder_of(arch)
        self.blocks = nn.ModuleDict({str(i): whole.blocks[i] for i in arch.edge_blocks})
        self.neck = whole.neck
        self.fine_dim = arch.fine_dim

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T, T, C) tokens after the window blocks -> image embedding: see `embedding_of`."""
        all_of_them = tokens.flatten(0, 2)
        for block in self.blocks.values():
            all_of_them = run_block(block, all_of_them, tokens.shape[:3])
        return embedding_of(self.neck, all_of_them.view(tokens.shape), self.fine_dim)


def patch_embed_of(arch: Architecture, whole: Any) -> Any:
    """What makes tokens of pixels: the patch embedding of SAM's encoder `whole`, or a stem."""
    return Stem(arch) if arch.fine_dim else whole.patch_embed


def embedding_of(neck: Any, tokens: Tensor, fine_dim: int) -> Tensor:
    """(B, T, T, C) tokens after all blocks -> (B, E, T, T) image embeddings.

    A model with a stem has (B, E + F, T, T): the first F channels of the tokens follow, which the
    stem filled with its features; see stem.fine_of.
    """
    maps = tokens.permute(0, 3, 1, 2)
    if not fine_dim:
        return cast(Tensor, neck(maps))
    return torch.cat([neck(maps), maps[:, : fine_dim * FINE_PER_SIDE**2]], 1)


def inside_of(canvas: Tensor) -> Tensor | None:
    """The places of the tokens on the canvas, (V,), among those of N windows: (N, H, W, 1) bool,
    False for window padding. None if there is no padding.

    An exported graph, whose shapes cannot depend on values, has `canvas` itself in their place:
    it computes window padding, too, and `laid` drops it.
    """
    if is_exporting():
        return canvas
    places = canvas.flatten().nonzero()[:, 0]
    return places if len(places) < canvas.numel() else None


def taken(tokens: Tensor, inside: Tensor | None) -> Tensor:
    """(N, H, W, C) -> (V, C): those inside, and zeros up to a multiple of H x W.

    The last rows of a matrix may round differently than others. As many rows as whole windows
    have give a window the same result in every batch, to the last bit.
    """
    flat = tokens.flatten(0, 2)
    if inside is None or inside.dtype == torch.bool:
        return flat
    return F.pad(flat[inside], (0, 0, 0, -len(inside) % (tokens.shape[1] * tokens.shape[2])))


def laid(some: Tensor, ground: Tensor, inside: Tensor | None) -> Tensor:
    """Inverse of `taken`: (V, C) -> (N, H, W, C), with those of `ground` outside."""
    if inside is None:
        return some.view(ground.shape)
    if inside.dtype == torch.bool:
        return torch.where(inside, some.view(ground.shape), ground)
    flat = ground.flatten(0, 2).to(some.dtype)  # another under autocast
    return flat.index_copy(0, inside, some[: len(inside)]).view(ground.shape)


def run_block(
    block: Any, tokens: Tensor, shape: Sequence[int], inside: Tensor | None = None
) -> Tensor:
    """Runs one SAM block on (V, C) tokens, `taken` from windows of a shape, (N, H, W). Attention
    spans all of a window.

    SAM pads windows with zeros *after* norm1 in every block, and the padded keys take part in
    attention: `qkv` makes its bias of zeros. Nothing else sees them.
    """
    n, height, width = shape[:3]
    qkv = block.attn.qkv
    ground = qkv.bias.expand(n, height, width, -1)
    made = laid(qkv(block.norm1(tokens)), ground, inside)
    attended = taken(attend(block.attn, made), inside)
    del made
    tokens = tokens + block.attn.proj(attended)
    return _by_mlp(block, tokens, height * width)


def _by_mlp(block: Any, tokens: Tensor, whole: int) -> Tensor:
    """The second half of a block, of some (V, C) tokens at a time: whole windows of so many, if
    they are small enough."""
    if is_exporting():
        return cast(Tensor, tokens + block.mlp(block.norm2(tokens)))
    rows = max(1, _HIDDEN_VALUES // block.mlp.lin1.out_features)
    rows = rows // whole * whole or rows
    return torch.cat([part + block.mlp(block.norm2(part)) for part in tokens.split(rows)])
