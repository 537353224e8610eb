"""The harmonic fill: exact on small pictures, and fast on large ones."""

import time

import numpy as np
import pytest

from pedsam_ros.audit import laplace

ROWS, COLUMNS = 11, 17


def direct(picture, seen):
    """Solves the same equations as one dense system."""
    height, width = seen.shape
    matrix = np.eye(height * width)
    wanted = picture.reshape(-1, 3).astype(float).copy()
    for place in np.flatnonzero(~seen):
        row, column = divmod(place, width)
        near = [(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)]
        near = [r * width + c for r, c in near if 0 <= r < height and 0 <= c < width]
        matrix[place, near] = -1 / len(near)
        wanted[place] = 0
    return np.linalg.solve(matrix, wanted).reshape(picture.shape)


@pytest.mark.parametrize('share', [0.02, 0.3, 0.9])
def test_it_equals_a_direct_solution(share):
    """For seen pixels anywhere."""
    rng = np.random.default_rng(int(100 * share))
    picture = rng.uniform(0, 255, (ROWS, COLUMNS, 3)).astype(np.float32)
    seen = rng.random((ROWS, COLUMNS)) < share
    seen[0, 0] = True
    found = laplace.fill(picture, seen, tolerance=1e-3)
    assert np.abs(found - direct(picture, seen)).max() < 0.05
    assert (found[seen] == picture[seen]).all()


def test_a_gap_in_a_ramp_is_filled_with_the_ramp():
    """A linear picture is harmonic."""
    rows, columns = np.indices((64, 96))
    picture = np.dstack([2.0 * columns, columns + rows, 255 - 2.0 * rows]).astype(np.float32)
    seen = np.ones((64, 96), bool)
    seen[10:50, 20:80] = False
    assert np.abs(laplace.fill(picture, seen, tolerance=0.01) - picture).max() < 0.1


def test_nothing_flows_over_the_edge():
    """Beside a seen strip of one colour, everything has that colour."""
    picture = np.zeros((40, 60, 3), np.float32)
    seen = np.zeros((40, 60), bool)
    seen[:, :8] = True
    picture[:, :8] = (10, 100, 200)
    assert np.abs(laplace.fill(picture, seen, 0.01) - (10, 100, 200)).max() < 0.1


def test_the_default_tolerance_is_below_a_grey_level():
    """At the size of the product's canvas, with the gaps of its layout."""
    rng = np.random.default_rng(1)
    picture = rng.uniform(0, 255, (216, 288, 3)).astype(np.float32)
    rows, columns = np.indices((216, 288)) // 64
    seen = (rows + columns) % 3 == 0
    exact = laplace.fill(picture, seen, 1e-3)
    began = time.process_time()
    assert np.abs(laplace.fill(picture, seen) - exact).max() < 0.5
    assert time.process_time() - began < 2  # about 0.1 s on one free core


def test_nothing_seen_is_an_error():
    """Every constant would do."""
    with pytest.raises(ValueError, match='nothing was seen'):
        laplace.fill(np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), bool))
