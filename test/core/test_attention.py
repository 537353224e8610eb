"""All ways to compute attention give what SAM's own code gives."""

import pytest
import torch

from pedsam_ros.core.model import attention, sam

SIZES = [(1, 6, 9), (3, 4, 4), (2, 1, 5)]
WAYS = [attention.in_pieces, attention.whole, attention.fused, attention.exported]


def attentive(height, width):
    """SAM's attention of 2 heads of 8 channels, with lively positions."""
    torch.manual_seed(0)
    attn = sam.image_encoder.Attention(16, 2, use_rel_pos=True, input_size=(height, width))
    for table in (attn.rel_pos_h, attn.rel_pos_w):
        torch.nn.init.normal_(table)
    return attn.double()


def parts_of(attn, tokens):
    """Queries, keys and values, (N, heads, H * W, c), and the tables of positions."""
    n, height, width, _ = tokens.shape
    made = attn.qkv(tokens).view(n, height * width, 3, attn.num_heads, -1)
    return *made.permute(2, 0, 3, 1, 4), *attention._tables(attn, height, width)


@pytest.mark.parametrize('size', SIZES, ids=str)
@pytest.mark.parametrize('way', WAYS)
@torch.no_grad()
def test_attention_is_sams_own(way, size):
    """In float64 to 1e-12: for windows and for the whole canvas, square or not."""
    attn, tokens = attentive(*size[1:]), torch.randn(*size, 16, dtype=torch.float64)
    found = way(*parts_of(attn, tokens)).transpose(1, 2).reshape(tokens.shape)
    assert (attn.proj(found) - attn(tokens)).abs().max() < 1e-12


@pytest.mark.parametrize('most', [1, 60, 150, 700, 10**6])
@torch.no_grad()
def test_pieces_of_any_size_give_the_same(monkeypatch, most):
    """One row of queries, some, a head, a window or all at a time."""
    attn, tokens = attentive(3, 4), torch.randn(5, 3, 4, 16, dtype=torch.float64)
    monkeypatch.setattr(attention, '_SCORES', most)
    found = attention.attend(attn, attn.qkv(tokens))
    assert (attn.proj(found) - attn(tokens)).abs().max() < 1e-12


@pytest.mark.parametrize('most', [1, 144, 300])
@torch.no_grad()
def test_heads_that_are_exported_one_by_one_give_the_same(monkeypatch, most):
    """Or both together."""
    attn, tokens = attentive(3, 4), torch.randn(5, 3, 4, 16, dtype=torch.float64)
    monkeypatch.setattr(attention, '_GRAPH_SCORES', most)
    found = attention.exported(*parts_of(attn, tokens)).transpose(1, 2).reshape(tokens.shape)
    assert (attn.proj(found) - attn(tokens)).abs().max() < 1e-12


def test_tables_for_another_size_are_refused():
    """SAM's own code would silently stretch them."""
    attn = attentive(4, 4)
    with pytest.raises(ValueError, match='5x4 tokens'):
        attention.attend(attn, torch.zeros(1, 5, 4, 48))
