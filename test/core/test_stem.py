"""A stem sees one window; a window's tokens are the same in every batch."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import fakes
from pedsam_ros.core.architecture import ARCHITECTURES
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.model.encoder import IMAGE
from pedsam_ros.core.model.stem import Stem, fine_of

PX, TOKENS = fakes.FINE.image_px, fakes.FINE.tokens


@pytest.fixture
def threads():
    """Sets the number of torch's threads; afterwards it is what it was."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize('offset', [(0, 0), (1, 3)])
def test_a_pixel_changes_no_token_outside_of_its_window(offset):
    """Not even that beside it, wherever the partition begins."""
    encoder = loading.load_monolithic(checkpoint.random_weights(fakes.FINE, 0)).encoder
    pixels = noise(1, 3, PX, PX)
    row, column = (8 + at for at in offset)  # the first tokens of a window
    other = pixels.clone()
    other[0, :, 16 * row, 16 * column + 63] += 5  # at the edge of the window
    with torch.inference_mode():
        tokens, changed = (encoder.tokens(each, offset) for each in (pixels, other))
    same = torch.isclose(tokens, changed, rtol=0, atol=1e-9).all(-1)[0]
    window = torch.zeros(TOKENS, TOKENS, dtype=torch.bool)
    window[row : row + 4, column : column + 4] = True
    assert torch.equal(same, ~window)


@pytest.mark.parametrize('count', [1, 2])
@pytest.mark.parametrize('name', ['vit_tiny', 'fine'])
def test_a_window_has_the_same_tokens_in_every_batch(threads, name, count):
    """To the last bit, alone and with any number of others, whatever the number of threads."""
    threads(count)
    arch = replace(ARCHITECTURES.get(name, fakes.FINE), depth=2, global_blocks=(1,))
    encoder = loading.load_worker(checkpoint.random_weights(arch, 0)).encoder
    pixels = noise(25, 3, 64, 64)
    places = torch.tensor([(4 * (i // 5), 4 * (i % 5)) for i in range(25)])
    with torch.inference_mode():

        def encoded(size):
            parts = zip(pixels.split(size), places.split(size), strict=True)
            return torch.cat([encoder(*part) for part in parts])

        alone = encoded(1)
        assert all(torch.equal(encoded(size), alone) for size in (2, 7, 9, 25))


def test_a_stem_makes_the_same_tokens_in_a_batch_of_any_kind():
    """Training takes all windows at once, a worker a few of them."""
    stem, pixels = Stem(fakes.FINE), noise(11, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(stem(pixels), stem.in_any_batch(pixels), atol=1e-5)


def test_features_return_to_the_places_that_they_were_taken_from():
    """The first channels of the tokens hold what the stem saw at stride 4."""
    stem = Stem(fakes.FINE)
    torch.nn.init.zeros_(stem.down_16.weight)
    torch.nn.init.zeros_(stem.down_16.bias)
    taken = []
    stem.fine.register_forward_hook(lambda _, given, made: taken.append(made))
    with torch.inference_mode():
        tokens = stem(noise(2, 3, 64, 64)).permute(0, 3, 1, 2)
        embedding = torch.cat([noise(2, 7, 4, 4), tokens], 1)
        assert torch.equal(fine_of(embedding, 7), taken[0])
    assert taken[0].shape == (2, fakes.FINE.fine_dim, 16, 16)


def test_a_stem_is_the_workers_and_what_reads_its_features_the_edges():
    """Neither half's file has anything of the other."""
    weights = checkpoint.random_weights(fakes.FINE, 0)
    worker, edge = (set(weights.half(half).tensors) for half in checkpoint.HALVES)
    stem = {name for name in weights.tensors if name.startswith(f'{IMAGE}patch_embed.')}
    ours = {n for n in weights.tensors if n.startswith(('mask_decoder.', 'refiner.'))}
    assert {f'{IMAGE}patch_embed.fine.weight'} < stem < worker
    assert {'mask_decoder.image_4_fine.weight', 'refiner.image_2.weight'} < ours < edge


@pytest.mark.parametrize(
    'sizes',
    [
        {'fine_dim': -1},
        {'fine_dim': 65},
        {'fine_dim': True},
        {'fine_dim': 3},  # 48 channels of 32
        {'fine_dim': 2, 'patch_px': 8},
        {'fine_dim': 0},  # but there is a refiner
    ],
    ids=str,
)
def test_sizes_that_no_stem_has_are_refused(sizes):
    """The size is named."""
    with pytest.raises(ConfigError, match='fine_dim'):
        replace(fakes.FINE, **sizes)


def test_a_model_with_a_stem_answers_alike_in_two_halves_and_in_one_piece():
    """The worker encodes window by window, and the decoder reads the stem's features of all."""
    weights = checkpoint.random_weights(fakes.FINE, 0)
    worker, whole = loading.load_worker(weights), loading.load_monolithic(weights)
    edge, frame = loading.load_edge(weights), fakes.frame(PX, PX)
    cells = [(row, column) for row in range(0, TOKENS, 4) for column in range(0, TOKENS, 4)]
    tokens = np.zeros((TOKENS, TOKENS, fakes.FINE.dim), np.float32)
    for row, column in cells:
        here = frame.rgb[16 * row : 16 * row + 64, 16 * column : 16 * column + 64]
        (made,) = worker.tokens([(row, column)], [here], [(0, 0)])
        tokens[row : row + 4, column : column + 4] = made
    found, expected = edge.embed(tokens), whole.encode(frame).embedding
    assert found.shape == (1, fakes.FINE.embedding_dim + 16 * fakes.FINE.fine_dim, TOKENS, TOKENS)
    assert torch.allclose(found, expected, atol=1e-4)
