"""SAM's attention with decomposed relative positions: exact, and without large temporaries.

Source: SAM image_encoder.py (Attention, add_decomposed_rel_pos).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from pedsam_ros.core.model import sam

_BIAS_VALUES = 2**22  # values of attention bias held at once: more leave the cache
_Span: TypeAlias = 'slice[int, int, None]'


def attend(attn: Any, qkv: Tensor) -> Tensor:
    """Attention over all of H x W: (N, H, W, 3C) queries, keys and values -> (N, H, W, C).

    `attn` is SAM's Attention, whose `qkv` has run and whose `proj` is still to run. Raises
    ValueError if its tables of relative positions are for another size.
    """
    n, height, width, _ = qkv.shape
    tables = _tables(attn, height, width)
    parts = qkv.view(n, height * width, 3, attn.num_heads, -1).permute(2, 0, 3, 1, 4)
    attended = fused(*parts, *tables) if qkv.is_cuda else in_pieces(*parts, *tables)
    return attended.transpose(1, 2).reshape(n, height, width, -1)


def in_pieces(q: Tensor, k: Tensor, v: Tensor, rel_h: Tensor, rel_w: Tensor) -> Tensor:
    """Attention for a CPU: of some windows or heads or query rows at a time.

    q, k, v and the result are (N, heads, H * W, c); rel_h (H, H, c) and rel_w (W, W, c) are the
    relative positions of a query's and a key's row or column.
    """
    n, heads, _, channels = q.shape
    height, width = len(rel_h), len(rel_w)
    by_row = q.unflatten(2, (height, width))
    out = q.new_empty(n, height * width, heads, channels)
    for some, few, rows in _pieces(n, heads, height, width):
        asked = by_row[some, few, rows]
        keys, values = k[some, few], v[some, few]
        bias = _added(*_biases(asked, rel_h[rows], rel_w))
        found = F.scaled_dot_product_attention(asked.flatten(2, 3), keys, values, bias)
        out[some, rows.start * width : rows.stop * width, few] = found.transpose(1, 2)
    return out.transpose(1, 2)


def fused(q: Tensor, k: Tensor, v: Tensor, rel_h: Tensor, rel_w: Tensor) -> Tensor:
    """The same for a GPU: the bias becomes further channels of queries and keys, so that a fused
    kernel takes it. Such kernels have up to 256 channels; ViT-H comes to 208.

    q' = [q / sqrt(c), q . rel_h, q . rel_w] and k' = [k, one-hot row, one-hot column], so q' . k'
    is the product with its bias.
    """
    height, width, channels = len(rel_h), len(rel_w), q.shape[-1]
    by_row, by_column = _biases(q.unflatten(2, (height, width)), rel_h, rel_w)
    queries = torch.cat([q * channels**-0.5, by_row.flatten(2, 3), by_column.flatten(2, 3)], -1)
    at = torch.arange(height * width, device=q.device)
    where = torch.cat([F.one_hot(at // width, height), F.one_hot(at % width, width)], -1).to(k)
    keys = torch.cat([k, where.expand(*k.shape[:3], -1)], -1)
    values = F.pad(v, (0, height + width))
    return F.scaled_dot_product_attention(queries, keys, values, scale=1.0)[..., :channels]


def _tables(attn: Any, height: int, width: int) -> tuple[Tensor, Tensor]:
    if (len(attn.rel_pos_h), len(attn.rel_pos_w)) != (2 * height - 1, 2 * width - 1):
        raise ValueError(f'{height}x{width} tokens do not fit the tables of relative positions')
    of = sam.image_encoder.get_rel_pos
    return of(height, height, attn.rel_pos_h), of(width, width, attn.rel_pos_w)


def _pieces(n: int, heads: int, height: int, width: int) -> Iterator[tuple[_Span, _Span, _Span]]:
    """Cuts (N, heads, H) so that the bias of each piece stays within its bound."""
    row = width * height * width  # values of the bias of one row of queries
    rows = max(1, min(height, _BIAS_VALUES // row))
    few = max(1, min(heads, _BIAS_VALUES // (height * row)))
    some = max(1, min(n, _BIAS_VALUES // (heads * height * row)))
    for first in _spans(n, some):
        for second in _spans(heads, few):
            for third in _spans(height, rows):
                yield first, second, third


def _spans(count: int, most: int) -> Iterator[_Span]:
    return (slice(at, min(at + most, count)) for at in range(0, count, most))


def _biases(q: Tensor, rel_h: Tensor, rel_w: Tensor) -> tuple[Tensor, Tensor]:
    """The bias of (N, heads, H, W, c) queries by the row and by the column of the key:
    (N, heads, H, W, rows) and (N, heads, H, W, columns). The queries are not scaled."""
    by_row = torch.einsum('nbhwc,hkc->nbhwk', q, rel_h)
    by_column = torch.einsum('nbhwc,wkc->nbhwk', q, rel_w)
    return by_row, by_column


def _added(by_row: Tensor, by_column: Tensor) -> Tensor:
    """The whole bias, (N, heads, queries, keys)."""
    return (by_row[..., :, None] + by_column[..., None, :]).flatten(4, 5).flatten(2, 3)
