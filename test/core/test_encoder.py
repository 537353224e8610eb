"""The cut is exact: both halves together give SAM's encoder with its blocks reordered."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import fakes
from pedsam_ros.core.architecture import ARCHITECTURES
from pedsam_ros.core.model import checkpoint, loading, preprocess
from pedsam_ros.core.windows import Canvas, merge, partition, token_grid

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-12}
FRAMES = [(96, 128), (128, 96), (90, 160), (77, 131), (288, 288)]


def thin(name):
    """The named architecture with its true depth, blocks and windows, but few channels.

    Meta's models get a smaller canvas than their 1024 px, for speed.
    """
    canvas = {} if name == 'vit_tiny' else {'image_px': 384}
    return replace(ARCHITECTURES[name], dim=8, heads=1, embedding_dim=16, refine_px=0, **canvas)


def split_result(weights, rgb, dtype):
    """The embedding of a frame through the worker's half, window by window, and the edge's."""
    worker = loading.load_worker(weights, dtype=dtype)
    edge = loading.load_edge(weights, dtype=dtype)
    canvas = Canvas.fit(weights.arch, *rgb.shape[:2])
    contents = partition(preprocess.resize(rgb, canvas.content), canvas.grid)
    tokens = _tokens(worker, contents, dtype)
    base = edge.padding if dtype is torch.float32 else _padding(worker, dtype)
    merged = merge(tokens, token_grid(weights.arch), base)
    with torch.inference_mode():
        return edge.encoder(torch.from_numpy(merged)[None])


def _tokens(worker, contents, dtype):
    """The tokens of each window alone; with float64 no step rounds to float32."""
    tokens = {}
    for index, pixels in contents.items():
        side = worker.arch.window_px
        image = (
            _exact(pixels, side) if dtype is torch.float64 else preprocess.on_canvas(pixels, side)
        )
        with torch.inference_mode():
            out = worker.encoder(image[None].to(dtype), torch.tensor([index]))
        height, width = token_grid(worker.arch).shape(index)
        tokens[index] = out[0, :height, :width].numpy()
    return tokens


def _exact(pixels, side):
    mean, std = (
        torch.tensor(v, dtype=torch.float32).double()
        for v in (preprocess.PIXEL_MEAN, preprocess.PIXEL_STD)
    )
    image = torch.zeros(side, side, 3, dtype=torch.float64)
    image[: pixels.shape[0], : pixels.shape[1]] = (torch.from_numpy(pixels).double() - mean) / std
    return image.permute(2, 0, 1)


def _padding(worker, dtype):
    """The tokens of a canvas that is all padding; with float64 no step rounds to float32."""
    arch = worker.arch
    count = token_grid(arch).count
    empty = {i: np.zeros((0, 0, 3), np.uint8) for i in range(count)}
    base = np.zeros((arch.tokens, arch.tokens, arch.dim), np.dtype(str(dtype).split('.')[1]))
    return merge(_tokens(worker, empty, dtype), token_grid(arch), base)


def whole_result(weights, rgb, dtype):
    """The embedding by SAM's own preprocessing and encoder, with its blocks reordered."""
    canvas = Canvas.fit(weights.arch, *rgb.shape[:2])
    content = torch.from_numpy(preprocess.resize(rgb, canvas.content)).permute(2, 0, 1).to(dtype)
    whole = fakes.reference(weights, dtype)
    with torch.inference_mode():
        return whole.image_encoder(whole.preprocess(content)[None])


@pytest.mark.parametrize('dtype', TOLERANCE)
@pytest.mark.parametrize('size', FRAMES)
def test_split_encoder_is_the_whole_encoder(size, dtype):
    """This holds for every frame shape, in float32 and float64, with both kinds of padding."""
    weights, rgb = fakes.weights(), fakes.frame(*size).rgb
    whole = whole_result(weights, rgb, dtype)
    assert whole.std() > 0.1
    assert (split_result(weights, rgb, dtype) - whole).abs().max() < TOLERANCE[dtype]


@pytest.mark.parametrize(
    'arch',
    [
        *map(thin, ARCHITECTURES),
        replace(thin('vit_h'), name='canvas', image_px=1024, depth=2, global_blocks=(0,)),
    ],
    ids=lambda arch: arch.name,
)
def test_split_encoder_is_the_whole_encoder_for_every_architecture(arch):
    """This holds for SAM's own windows, depth and block order, and for SAM's own canvas."""
    weights, rgb = checkpoint.random_weights(arch, 0), fakes.frame(90, 160).rgb
    whole = whole_result(weights, rgb, torch.float32)
    assert (split_result(weights, rgb, torch.float32) - whole).abs().max() < 1e-4


def test_forgetting_to_zero_window_padding_is_noticed():
    """Without the zeros after norm1 the result is far off, so that the tests above can fail."""
    weights, rgb = fakes.weights(), fakes.frame(288, 288).rgb
    worker = loading.load_worker(weights)
    worker.encoder._by_window = lambda canvas: torch.ones(25, 4, 4, canvas.shape[-1])
    contents = partition(rgb, Canvas.fit(weights.arch, 288, 288).grid)
    wrong = _tokens(worker, {24: contents[24]}, torch.float32)[24]
    right = _tokens(loading.load_worker(weights), {24: contents[24]}, torch.float32)[24]
    assert np.abs(wrong - right).max() > 0.1


def test_a_batch_gives_each_window_what_it_gets_alone():
    """Tokens are equal to the last bit, whatever windows and sizes a batch mixes."""
    worker = loading.load_worker(fakes.weights())
    rng = np.random.default_rng(0)
    indices = [24, 0, 7, 4, 20, 0]
    sizes = [(32, 32), (64, 64), (10, 64), (64, 32), (1, 1), (64, 3)]
    pixels = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    batch = worker.tokens(indices, pixels)
    alone = [worker.tokens([i], [p])[0] for i, p in zip(indices, pixels, strict=True)]
    assert all((b == a).all() for b, a in zip(batch, alone, strict=True))


def test_a_window_depends_on_its_own_pixels_and_place():
    """The same pixels at another place, or other pixels, give another embedding."""
    worker = loading.load_worker(fakes.weights())
    pixels = fakes.frame(64, 64).rgb
    here, there, darker = worker.tokens([0, 1, 0], [pixels, pixels, pixels // 2])
    assert np.abs(here - there).max() > 0.1
    assert np.abs(here - darker).max() > 0.1


def test_which_block_runs_where():
    """Workers run 28 of ViT-H's 32 blocks in their order, and each block runs exactly once."""
    arch = ARCHITECTURES['vit_h']
    assert len(arch.worker_blocks) == 28
    assert arch.edge_blocks == (7, 15, 23, 31)
    assert arch.block_order[-4:] == arch.edge_blocks
    assert sorted(arch.block_order) == list(range(32))
