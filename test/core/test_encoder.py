"""The cut is exact: both halves together give SAM's encoder with its blocks reordered."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import fakes
from pedsam_ros.core.architecture import ARCHITECTURES
from pedsam_ros.core.model import checkpoint, loading, preprocess
from pedsam_ros.core.model.monolithic import vacant_tokens
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.windows import Canvas, merge, partition, pixel_grid, token_grid

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-12}
SHIFTS = [
    Shift((0, 1)),
    Shift((1, 0), (15, 4)),
    Shift((2, 2), (0, 15)),
    Shift((3, 1), (8, 0)),
    Shift((1, 3), (7, 15)),
]
FRAMES = [(96, 128), (128, 96), (90, 160), (77, 131), (288, 288)]


def thin(name):
    """The named architecture with its true depth, blocks and windows, but few channels, SAM's
    modules only, and a canvas of at most 384 px.
    """
    canvas = {} if name == 'vit_tiny' else {'image_px': 384}
    sams = {'fine_dim': 0, 'refine_px': 0}
    return replace(ARCHITECTURES[name], dim=8, heads=1, embedding_dim=16, **sams, **canvas)


def split_result(weights, rgb, dtype, shift=None):
    """The embedding of a frame through the worker's half, window by window, and the edge's.

    Windows without content get the padding of SAM's own partition, as on the edge.
    """
    worker = loading.load_worker(weights, dtype=dtype)
    edge = loading.load_edge(weights, dtype=dtype)
    canvas = Canvas.fit(weights.arch, *rgb.shape[:2], shift=shift)
    content = preprocess.resize(rgb, canvas.content)
    tokens = _tokens(worker, partition(content, canvas.grid, canvas.corner), dtype, canvas)
    padding = edge.padding if dtype is torch.float32 else _padding(worker, dtype)
    merged = merge(tokens, token_grid(weights.arch, canvas.offset), padding)
    with torch.inference_mode():
        return edge.encoder(torch.from_numpy(merged)[None])


def _tokens(worker, contents, dtype, canvas):
    """The tokens of each window alone; with float64 no step rounds to float32."""
    tokens, grid = {}, token_grid(worker.arch, canvas.offset)
    for index, pixels in contents.items():
        place, corner = grid.place(index), canvas.content_corner(index)
        if dtype is torch.float32:
            tokens[index] = worker.tokens([place], [pixels], [corner])[0]
            continue
        image = _exact(pixels, worker.arch.window_px, corner)
        with torch.inference_mode():
            out = worker.encoder(image[None], torch.tensor([place]))
        top, left = (max(0, -at) for at in place)
        height, width = grid.shape(index)
        tokens[index] = out[0, top : top + height, left : left + width].numpy()
    return tokens


def _exact(pixels, side, corner):
    mean, std = (
        torch.tensor(v, dtype=torch.float32).double()
        for v in (preprocess.PIXEL_MEAN, preprocess.PIXEL_STD)
    )
    image = torch.zeros(side, side, 3, dtype=torch.float64)
    rows, columns = (slice(at, at + n) for at, n in zip(corner, pixels.shape, strict=False))
    image[rows, columns] = (torch.from_numpy(pixels).double() - mean) / std
    return image.permute(2, 0, 1)


def _padding(worker, dtype):
    """The tokens of a canvas that is all padding, in float64."""
    arch, grid = worker.arch, token_grid(worker.arch)
    canvas = Canvas.fit(arch, 1, 1)
    empty = {i: np.zeros((0, 0, 3), np.uint8) for i in range(grid.count)}
    base = np.zeros((arch.tokens, arch.tokens, arch.dim))
    return merge(_tokens(worker, empty, dtype, canvas), grid, base)


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


def shifted_result(weights, rgb, dtype, shift):
    """The embedding of a frame by the whole encoder, and what it is without constant padding."""
    whole = loading.load_monolithic(weights).encoder.to(dtype)
    canvas = Canvas.fit(weights.arch, *rgb.shape[:2], shift=shift)
    content = preprocess.resize(rgb, canvas.content)
    on_canvas = _exact if dtype is torch.float64 else preprocess.on_canvas
    pixels = on_canvas(content, weights.arch.image_px, canvas.corner)[None]
    with torch.inference_mode():
        vacant = vacant_tokens(weights.arch, canvas)[None]
        return whole(pixels, shift.offset, vacant), whole(pixels, shift.offset), whole(pixels)


@pytest.mark.parametrize('dtype', TOLERANCE)
@pytest.mark.parametrize('shift', SHIFTS, ids=str)
@pytest.mark.parametrize('size', [(96, 128), (77, 131), (288, 288)])
@pytest.mark.parametrize('arch', [fakes.TINY, fakes.FINE], ids=lambda arch: arch.name)
def test_the_partition_may_start_anywhere(arch, size, shift, dtype):
    """Assembled windows give what the whole encoder gives with the same partition, where windows
    without content are the same constants."""
    weights, rgb = checkpoint.random_weights(arch, 0), fakes.frame(*size).rgb
    expected, computed, usual = shifted_result(weights, rgb, dtype, shift)
    found = split_result(weights, rgb, dtype, shift)
    assert (found - expected).abs().max() < TOLERANCE[dtype]
    assert (expected - usual).abs().max() > 0.01  # so that the offset does something
    square = size[0] == size[1]  # then every window has content
    assert square == ((expected - computed).abs().max() < TOLERANCE[dtype])


@pytest.mark.parametrize('arch', map(thin, ARCHITECTURES), ids=lambda arch: arch.name)
def test_the_partition_may_start_anywhere_in_every_architecture(arch):
    """Offsets up to a whole window, with windows that are cut on every side."""
    weights, rgb = checkpoint.random_weights(arch, 0), fakes.frame(90, 160).rgb
    for shift in (Shift((arch.window - 1, 1), (0, 9)), Shift((1, arch.window // 2), (15, 0))):
        expected, _, _ = shifted_result(weights, rgb, torch.float32, shift)
        assert (split_result(weights, rgb, torch.float32, shift) - expected).abs().max() < 1e-4


def test_an_offset_that_mirrors_sams_grid_gives_the_mirrored_result():
    """SAM's grid has its small windows last. With them first, on mirrored weights, the same comes
    out mirrored, by SAM's own code."""
    weights = fakes.weights()
    theirs = fakes.reference(weights, torch.float64).image_encoder
    ours = loading.load_monolithic(weights).encoder.double()
    with torch.inference_mode():
        for name, tensor in ours.named_parameters():
            if name.endswith(('rel_pos_h', 'rel_pos_w')):
                tensor.copy_(tensor.flip(0))
        ours.pos_embed.copy_(ours.pos_embed.flip(1, 2))
        for conv in (
            ours.patch_embed.proj,
            *(each for each in ours.neck if hasattr(each, 'stride')),
        ):
            conv.weight.copy_(conv.weight.flip(2, 3))
        pixels = torch.randn(
            1, 3, 288, 288, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
        )
        expected = theirs(pixels).flip(2, 3)
        assert (ours(pixels.flip(2, 3), (2, 2)) - expected).abs().max() < 1e-12
        assert (ours(pixels.flip(2, 3)) - expected).abs().max() > 0.01


def test_forgetting_to_zero_window_padding_is_noticed():
    """Without the zeros after norm1 the result is far off, so that the tests above can fail."""
    weights, rgb = fakes.weights(), fakes.frame(288, 288).rgb
    worker, grid = loading.load_worker(weights), token_grid(weights.arch)
    contents = partition(rgb, Canvas.fit(weights.arch, 288, 288).grid)
    right = worker.tokens([grid.place(24)], [contents[24]], [(0, 0)])[0]
    at = worker.encoder._at
    worker.encoder._at = lambda canvas, places: (
        at(canvas, places) if canvas.shape[-1] > 1 else torch.ones(len(places), 4, 4, 1)
    )
    wrong = worker.tokens([grid.place(24)], [contents[24]], [(0, 0)])[0]
    assert np.abs(wrong - right).max() > 0.1


def test_a_batch_gives_each_window_what_it_gets_alone():
    """Tokens are equal to the last bit, whatever windows and sizes a batch mixes."""
    worker = loading.load_worker(fakes.weights())
    rng = np.random.default_rng(0)
    places = [(16, 16), (0, 0), (4, 8), (0, 16), (16, 0), (0, 0)]
    sizes = [(32, 32), (64, 64), (10, 64), (50, 23), (1, 1), (64, 3)]
    pixels = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    corners = [(0, 0), (0, 0), (5, 0), (0, 9), (1, 1), (0, 0)]
    batch = worker.tokens(places, pixels, corners)
    each = zip(places, pixels, corners, strict=True)
    alone = [worker.tokens(*([one] for one in window))[0] for window in each]
    assert all((b == a).all() for b, a in zip(batch, alone, strict=True))


@pytest.mark.parametrize('offset', [(0, 0), (1, 3)])
@pytest.mark.parametrize('name', ['vit_tiny', 'vit_b'])
def test_as_wide_as_a_real_model_a_batch_changes_no_bit(name, offset):
    """Layers of few channels would not tell: how a wide product rounds depends on its rows."""
    arch = replace(ARCHITECTURES[name], image_px=288, depth=2, global_blocks=(1,), refine_px=0)
    worker = loading.load_worker(checkpoint.random_weights(arch, 0))
    pixels, tokens = pixel_grid(arch, offset), token_grid(arch, offset)
    draw = np.random.default_rng(0)
    parts = partition(draw.integers(0, 256, (288, 288, 3), np.uint8), pixels)
    corners = {i: tuple(max(0, -at) for at in pixels.place(i)) for i in parts}

    def computed(some):
        places = [tokens.place(i) for i in some]
        return worker.tokens(places, [parts[i] for i in some], [corners[i] for i in some])

    alone = {i: computed([i])[0] for i in parts}
    for size in {2, 3, len(parts)}:
        some = draw.permutation([*parts])[:size].tolist()
        assert all((t == alone[i]).all() for i, t in zip(some, computed(some), strict=True))


def test_a_window_depends_on_its_own_pixels_and_place():
    """The same pixels at another place, or other pixels, give another embedding."""
    worker = loading.load_worker(fakes.weights())
    pixels = fakes.frame(64, 64).rgb
    here, there, darker = worker.tokens(
        [(0, 0), (0, 4), (0, 0)], [pixels, pixels, pixels // 2], [(0, 0)] * 3
    )
    assert np.abs(here - there).max() > 0.1
    assert np.abs(here - darker).max() > 0.1


def test_which_block_runs_where():
    """Workers run 28 of ViT-H's 32 blocks in their order, and each block runs exactly once."""
    arch = ARCHITECTURES['vit_h']
    assert len(arch.worker_blocks) == 28
    assert arch.edge_blocks == (7, 15, 23, 31)
    assert arch.block_order[-4:] == arch.edge_blocks
    assert sorted(arch.block_order) == list(range(32))
