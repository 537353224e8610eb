"""Frames are laid on the canvas, cut into windows and joined again as SAM does."""

import numpy as np
import pytest
import torch

from fakes import TINY
from pedsam_ros.core.architecture import ARCHITECTURES
from pedsam_ros.core.errors import BadBatch, BadImage, ConfigError
from pedsam_ros.core.model import preprocess, sam
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.windows import (
    Canvas,
    Grid,
    drawn_shift,
    merge,
    partition,
    pixel_grid,
    token_grid,
)

FRAMES = [(480, 640), (640, 480), (1080, 1920), (333, 777), (288, 288), (1, 640), (97, 31)]


@pytest.mark.parametrize('grid', [Grid(64, 14), Grid(18, 4), Grid(16, 4), Grid(5, 7)])
def test_merge_is_the_inverse_of_partition(grid):
    """merge(partition(x)) == x, whether or not the window's side divides the size."""
    x = np.random.default_rng(0).random((grid.extent, grid.extent, 3))
    parts = partition(x, grid)
    assert len(parts) == grid.count
    assert (merge(parts, grid, np.zeros_like(x)) == x).all()


@pytest.mark.parametrize('offset', [(0, 0), (1, 3), (2, 0), (0, 2), (3, 3)])
@pytest.mark.parametrize(('extent', 'window'), [(18, 4), (16, 4), (5, 7), (64, 14)])
def test_a_grid_may_start_anywhere(extent, window, offset):
    """Windows still cover everything once, and only those on the rim are smaller."""
    grid = Grid(extent, window, offset)
    x = np.random.default_rng(0).random((extent, extent, 3))
    parts = partition(x, grid)
    assert len(parts) == grid.count == grid.rows * grid.columns
    assert sum(part[..., 0].size for part in parts.values()) == extent**2
    assert (merge(parts, grid, np.zeros_like(x)) == x).all()
    for index, (row, column) in enumerate(map(grid.place, range(grid.count))):
        assert (row - offset[0]) % window == (column - offset[1]) % window == 0
        inside = 0 <= row <= extent - window and 0 <= column <= extent - window
        assert (grid.shape(index) == (window, window)) == inside


@pytest.mark.parametrize('offset', [(-1, 0), (0, 4), (9, 9)])
def test_an_offset_is_a_part_of_a_window(offset):
    """Others would give a grid that somebody else has under another name."""
    with pytest.raises(ConfigError, match='offset='):
        Grid(18, 4, offset)


@pytest.mark.parametrize('shape', [(7, 18), (18, 1), (4, 4), (5, 13)])
def test_content_that_fills_a_part_of_the_grid_comes_back(shape):
    """Places without content keep the values of the base."""
    x = np.random.default_rng(0).random((*shape, 3))
    whole = merge(partition(x, Grid(18, 4)), Grid(18, 4), np.full((18, 18, 3), 9.0))
    assert (whole[: shape[0], : shape[1]] == x).all()
    assert (whole[shape[0] :] == 9).all()
    assert (whole[:, shape[1] :] == 9).all()


def test_windows_are_those_of_sam():
    """The cut and the order are those of SAM's own window_partition."""
    grid = Grid(64, 14)
    x = np.random.default_rng(0).random((64, 64, 3))
    theirs, _ = sam.image_encoder.window_partition(torch.from_numpy(x)[None], 14)
    for index, part in partition(x, grid).items():
        height, width = grid.shape(index)
        assert (theirs[index, :height, :width].numpy() == part).all()
        assert (theirs[index, height:] == 0).all()


def test_grids_of_sam_have_small_last_windows():
    """64 tokens make 5x5 windows of 14, of which the last row and column have 8.

    In vit_tiny, 18 tokens make 5x5 windows of 4, of which the last row and column have 2.
    """
    assert (
        token_grid(ARCHITECTURES['vit_h']).side == token_grid(ARCHITECTURES['vit_tiny']).side == 5
    )
    assert token_grid(ARCHITECTURES['vit_h']).shape(24) == (8, 8)
    assert token_grid(ARCHITECTURES['vit_tiny']).shape(4) == (4, 2)
    assert pixel_grid(ARCHITECTURES['vit_h']).shape(0) == (224, 224)


@pytest.mark.parametrize(
    ('frame', 'sent'), [((1080, 1920), 15), ((480, 640), 20), ((640, 480), 20)]
)
def test_windows_of_canvas_padding_are_not_sent(frame, sent):
    """10 of 25 windows are padding at 16:9, and 5 of 25 at 4:3."""
    assert len(list(Canvas.fit(ARCHITECTURES['vit_h'], *frame).windows())) == sent


@pytest.mark.parametrize('frame', FRAMES)
def test_content_areas_add_up(frame):
    """Every pixel of the content lies in exactly one window."""
    canvas = Canvas.fit(TINY, *frame)
    assert sum(map(canvas.content_area, range(25))) == canvas.content[0] * canvas.content[1]
    assert max(canvas.content) == TINY.image_px


@pytest.mark.parametrize('corner', [(0, 0), (15, 7), (3, 15)])
@pytest.mark.parametrize('frame', FRAMES)
def test_shifted_content_lies_in_its_windows(frame, corner):
    """Each part has the shape and the corner that the canvas says, and together they are the
    content, wherever it begins. Its size does not depend on the corner."""
    canvas = Canvas.fit(TINY, *frame, shift=Shift((3, 1), corner))
    assert canvas.content == Canvas.fit(TINY, *frame, shift=Shift()).content
    assert max(canvas.content) == TINY.image_px - 15
    content = np.random.default_rng(0).random((*canvas.content, 3))
    parts = partition(content, canvas.grid, canvas.corner)
    assert {i: part.shape[:2] for i, part in parts.items()} == {
        i: canvas.content_shape(i) for i in canvas.windows()
    }
    whole = np.zeros((TINY.image_px, TINY.image_px, 3))
    for index, part in parts.items():
        row, column = (
            a + b
            for a, b in zip(canvas.grid.place(index), canvas.content_corner(index), strict=True)
        )
        whole[row : row + part.shape[0], column : column + part.shape[1]] += part
    top, left = corner
    assert (whole[top : top + canvas.content[0], left : left + canvas.content[1]] == content).all()
    assert np.isclose(whole.sum(), content.sum())


def test_a_corner_is_less_than_a_token():
    """Else it would be an offset."""
    with pytest.raises(ConfigError, match='corner='):
        Canvas.fit(TINY, 10, 10, shift=Shift((0, 0), (16, 0)))


def test_any_shift_is_drawn_and_fits():
    """Each offset of the partition and each corner of the content comes up."""
    rng = np.random.default_rng(0)
    drawn = [drawn_shift(TINY, rng) for _ in range(500)]
    for shift in drawn:
        Canvas.fit(TINY, 90, 160, shift=shift)
    assert {each.offset for each in drawn} == {(i, j) for i in range(4) for j in range(4)}
    for i in (0, 1):
        assert {each.corner[i] for each in drawn} == set(range(16))
    assert drawn_shift(TINY, np.random.default_rng(0)) == drawn[0]


def test_frame_and_shifted_canvas_agree_on_points_and_regions():
    """A point of the frame lies in the window that shows it."""
    canvas = Canvas.fit(TINY, 240, 320, shift=Shift((1, 2), (9, 4)))
    x, y = canvas.to_canvas(160.0, 120.0)
    (index,) = canvas.windows_of((160.0, 120.0, 160.0, 120.0))
    rows, columns = canvas.grid.span(index)
    assert rows.start <= y < rows.stop
    assert columns.start <= x < columns.stop
    assert canvas.windows_of((0, 0, 320, 240)) == set(canvas.windows())


@pytest.mark.parametrize('frame', FRAMES)
def test_resize_gives_the_content_size(frame):
    """An image of one colour keeps that colour."""
    canvas = Canvas.fit(TINY, *frame)
    content = preprocess.resize(np.full((*frame, 3), 77, np.uint8), canvas.content)
    assert content.shape == (*canvas.content, 3)
    assert content.dtype == np.uint8
    assert (content == 77).all()


def test_resize_does_not_alias():
    """A fine checkerboard shrinks to its mean, and not to one of its two colours."""
    board = np.indices((1152, 1152)).sum(0) % 2 * 255
    rgb = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
    assert abs(preprocess.resize(rgb, (TINY.image_px, TINY.image_px)).astype(int) - 127).max() <= 2


def test_points_follow_the_frame_to_the_canvas():
    """A corner goes to the corner of the content, and the centre to its centre."""
    canvas = Canvas.fit(TINY, 480, 640)
    assert canvas.to_canvas(640, 480) == (288, 216)
    assert canvas.to_canvas(320, 240) == (144, 108)


def test_wrong_sizes_are_named():
    """The error names an empty frame, content that is too large, or a window beyond the grid."""
    with pytest.raises(BadImage, match='0x640'):
        Canvas.fit(TINY, 0, 640)
    with pytest.raises(BadBatch, match='larger'):
        partition(np.zeros((19, 18, 3)), Grid(18, 4))
    with pytest.raises(BadBatch, match='window=25'):
        Grid(18, 4).span(25)
    with pytest.raises(BadBatch, match='window=24'):
        merge({24: np.zeros((3, 2, 1))}, Grid(18, 4), np.zeros((18, 18, 1)))
