"""SAM's image encoder, cut in two: WindowEncoder runs on workers, GlobalEncoder on the edge.

Architecture.worker_blocks and .edge_blocks say which block runs where. Running all window blocks
first is the paper's approximation of SAM. The cut itself is exact, because no window block mixes
windows. Source: SAM image_encoder.py.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.model import sam

IMAGE = 'image_encoder.'  # prefix of the encoder's tensors in SAM's checkpoints
_BIAS_VALUES = 2**24  # values of attention bias held at once; holding more gains no speed


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
        self.window = arch.window
        self.patch_embed = whole.patch_embed
        self.pos_embed = whole.pos_embed
        self.blocks = nn.ModuleDict({str(i): whole.blocks[i] for i in arch.worker_blocks})

    def forward(self, pixels: Tensor, places: Tensor) -> Tensor:
        """(N, 3, P, P) normalised windows -> (N, S, S, C) tokens.

        `places` (N, 2) is the row and column of each window's first token on the canvas, which
        may lie outside of it. Tokens outside the canvas (window padding) have no meaning.
        """
        tokens = self.patch_embed(pixels) + self._at(self.pos_embed, places)
        inside = self._at(torch.ones_like(self.pos_embed[..., :1]), places).bool()
        for block in self.blocks.values():
            tokens = run_block(block, tokens, inside)
        return cast(Tensor, tokens)

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

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T, T, C) tokens after the window blocks -> (B, E, T, T) image embedding."""
        for block in self.blocks.values():
            tokens = run_block(block, tokens, None)
        return cast(Tensor, self.neck(tokens.permute(0, 3, 1, 2)))


def run_block(block: Any, tokens: Tensor, inside: Tensor | None) -> Tensor:
    """Runs one SAM block on (N, H, W, C) tokens; its attention spans all of H x W.

    `inside` (N, H, W, 1) bool is False for window padding; None means that there is no padding.
    SAM pads windows with zeros *after* norm1 in every block, and the padded keys take part in
    attention.
    """
    normed = block.norm1(tokens)
    if inside is not None:
        normed = normed.masked_fill(~inside, 0.0)
    tokens = tokens + _attend(block.attn, normed)
    return cast(Tensor, tokens + block.mlp(block.norm2(tokens)))


def _attend(attn: Any, tokens: Tensor) -> Tensor:
    """SAM's attention with decomposed relative positions, (N, H, W, C) -> (N, H, W, C).

    Some query rows at a time, to save memory; the result is exact.
    """
    n, height, width, _ = tokens.shape
    heads = attn.num_heads
    qkv = attn.qkv(tokens).reshape(n, height * width, 3, heads, -1).permute(2, 0, 3, 1, 4)
    q, k, v = qkv.unbind(0)
    rows = max(1, _BIAS_VALUES // (n * heads * width * height * width))
    by_row = q.view(n, heads, height, width, -1)
    attended = [
        F.scaled_dot_product_attention(
            by_row[:, :, top : top + rows].flatten(2, 3), k, v, _bias(attn, by_row, top, rows)
        )
        for top in range(0, height, rows)
    ]
    out = torch.cat(attended, dim=2).transpose(1, 2).reshape(n, height, width, -1)
    return cast(Tensor, attn.proj(out))


def _bias(attn: Any, q: Tensor, top: int, rows: int) -> Tensor:
    """Relative-position bias of query rows top..top+rows: (N, heads, rows * W, H * W).

    `q` (N, heads, H, W, C) is not scaled. Raises ValueError if the tables are for another size.
    Source: SAM add_decomposed_rel_pos.
    """
    height, width = q.shape[2:4]
    if (len(attn.rel_pos_h), len(attn.rel_pos_w)) != (2 * height - 1, 2 * width - 1):
        raise ValueError(f'{height}x{width} tokens do not fit the tables of relative positions')
    table_h = sam.image_encoder.get_rel_pos(height, height, attn.rel_pos_h)[top : top + rows]
    table_w = sam.image_encoder.get_rel_pos(width, width, attn.rel_pos_w)
    q = q[:, :, top : top + rows]
    rel_h = torch.einsum('nbhwc,hkc->nbhwk', q, table_h)
    rel_w = torch.einsum('nbhwc,wkc->nbhwk', q, table_w)
    return (rel_h[..., :, None] + rel_w[..., None, :]).flatten(4, 5).flatten(2, 3)
