"""SAM's attention with decomposed relative positions: exact, and without large temporaries.

Source: SAM image_encoder.py (Attention, add_decomposed_rel_pos).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from pedsam_ros.core.model import sam

_SCORES = 2**20  # of pairs of a query and a key, held at once: what a cache holds
_SMALL = 1024  # tokens of a window; SAM's have 196
_GRAPH_SCORES = 2**24  # the same in a graph that is exported: one head of SAM's global attention
is_exporting = getattr(torch.compiler, 'is_exporting', lambda: False)  # torch 2.7 and newer export
_Span: TypeAlias = 'slice[int, int, None]'


def attend(attn: Any, qkv: Tensor) -> Tensor:
    """Attention over all of H x W: (N, H, W, 3C) queries, keys and values -> (N, H, W, C).

    `attn` is SAM's Attention, whose `qkv` has run and whose `proj` is still to run. Raises
    ValueError if its tables of relative positions are for another size.
    """
    n, height, width, _ = qkv.shape
    tables = _tables(attn, height, width)
    parts = qkv.view(n, height * width, 3, attn.num_heads, -1).permute(2, 0, 3, 1, 4)
    q, k, v = parts.unbind(0)
    attended = _way(qkv)(q, k, v, *tables)
    return attended.transpose(1, 2).reshape(n, height, width, -1)


def in_pieces(q: Tensor, k: Tensor, v: Tensor, rel_h: Tensor, rel_w: Tensor) -> Tensor:
    """Attention for a CPU: of some windows, or heads, or rows of queries at a time.

    q, k, v and the result are (N, heads, H * W, c); rel_h (H, H, c) and rel_w (W, W, c) are the
    relative positions of the rows and of the columns of a query and a key.
    """
    n, heads, count, channels = q.shape
    out = q.new_empty(n, count, heads, channels)
    few = max(1, _SCORES // count**2)  # heads, of as many windows as make that many
    for windows in _spans(n, max(1, few // heads)):
        for some in _spans(heads, few):
            own_q, own_k, own_v = (part[windows, some].flatten(0, 1) for part in (q, k, v))
            found = _in_rows(own_q, own_k, own_v, rel_h, rel_w)
            out[windows, :, some] = found.view(q[windows, some].shape).transpose(1, 2)
    return out.transpose(1, 2)


def whole(q: Tensor, k: Tensor, v: Tensor, rel_h: Tensor, rel_w: Tensor) -> Tensor:
    """The same for a GPU and few tokens, all at once, as SAM does it: there its code was faster
    than `fused`."""
    by_row, by_column = _biases(q.flatten(0, 1), rel_h, rel_w)
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
    split = scores.view(*by_row.shape, len(rel_w)) + by_row[..., None]
    weights: Tensor = (split + by_column[..., None, :]).view(scores.shape).softmax(-1)
    return weights @ v


def fused(q: Tensor, k: Tensor, v: Tensor, rel_h: Tensor, rel_w: Tensor) -> Tensor:
    """The same for a GPU and all of an image: the bias becomes further channels of queries and
    keys, so that a fused kernel takes it. Such kernels have up to 256 channels; ViT-H comes to
    208.

    q' = [q / sqrt(c), q . rel_h, q . rel_w] and k' = [k, one-hot row, one-hot column], so q' . k'
    is the product with its bias.
    """
    height, width, channels = len(rel_h), len(rel_w), q.shape[-1]
    by_row, by_column = _biases(q.flatten(0, 1), rel_h, rel_w)
    biases = torch.cat([by_row, by_column], -1).flatten(1, 2).view(*q.shape[:3], -1)
    queries = torch.cat([q * channels**-0.5, biases], -1)
    at = torch.arange(height * width, device=q.device)
    where = torch.cat([F.one_hot(at // width, height), F.one_hot(at % width, width)], -1).to(k)
    keys = torch.cat([k, where.expand(*k.shape[:3], -1)], -1)
    values = F.pad(v, (0, height + width))
    return F.scaled_dot_product_attention(queries, keys, values, scale=1.0)[..., :channels]


def exported(q: Tensor, k: Tensor, v: Tensor, rel_h: Tensor, rel_w: Tensor) -> Tensor:
    """The same for a graph that is exported, of some heads at a time: products and a softmax,
    which every runtime has and fuses as it can."""
    few = max(1, _GRAPH_SCORES // q.shape[2] ** 2)
    spans = [*_spans(q.shape[1], few)]
    parts = [whole(q[:, some], k[:, some], v[:, some], rel_h, rel_w) for some in spans]
    return parts[0] if len(parts) == 1 else torch.cat(parts, 1)


def _way(qkv: Tensor) -> Callable[..., Tensor]:
    """How attention of (N, H, W, 3C) is computed where that is."""
    if is_exporting():
        return exported
    if not qkv.is_cuda:
        return in_pieces
    return whole if qkv.shape[1] * qkv.shape[2] <= _SMALL else fused


def _in_rows(q: Tensor, k: Tensor, v: Tensor, rel_h: Tensor, rel_w: Tensor) -> Tensor:
    """Attention of B heads, (B, H * W, c), of some rows of queries at a time."""
    height, width = len(rel_h), len(rel_w)
    by_row, by_column = _biases(q, rel_h, rel_w)
    q, k = q * q.shape[-1] ** -0.5, k.transpose(1, 2).contiguous()
    found = []
    for rows in _spans(height, max(1, _SCORES // (len(q) * width * height * width))):
        scores = by_row[:, rows, :, :, None] + by_column[:, rows, :, None, :]
        scores = scores.view(len(q), -1, height * width).to(q.dtype)  # another under autocast
        scores.baddbmm_(q[:, rows.start * width : rows.stop * width], k)
        found.append(torch.bmm(scores.softmax(-1), v))
    return torch.cat(found, 1)


def _tables(attn: Any, height: int, width: int) -> tuple[Tensor, Tensor]:
    if (len(attn.rel_pos_h), len(attn.rel_pos_w)) != (2 * height - 1, 2 * width - 1):
        raise ValueError(f'{height}x{width} tokens do not fit the tables of relative positions')
    of = sam.image_encoder.get_rel_pos
    return of(height, height, attn.rel_pos_h), of(width, width, attn.rel_pos_w)


def _biases(q: Tensor, rel_h: Tensor, rel_w: Tensor) -> tuple[Tensor, Tensor]:
    """The bias of (B, H * W, c) queries, not scaled, by the row and by the column of the key:
    (B, H, W, rows) and (B, H, W, columns)."""
    q = q.unflatten(1, (len(rel_h), len(rel_w)))
    by_row = torch.einsum('bhwc,hkc->bhwk', q, rel_h).contiguous()
    return by_row, torch.einsum('bhwc,wkc->bhwk', q, rel_w).contiguous()


def _spans(count: int, most: int) -> Iterator[_Span]:
    return (slice(at, min(at + most, count)) for at in range(0, count, most))
