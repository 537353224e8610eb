"""Which points are asked for automatic masks: coarse ones, then those that promise new masks."""

import numpy as np
import pytest

from pedsam_ros.core.points_to_ask import PointsToAsk, spread

EVERYTHING = np.ones((1, 32, 32), bool)


def asked(points, promise=1.0, batch=64):
    """All points that are handed out, if each promises the same."""
    found = []
    while len(some := points.next(batch)):
        points.heard(some, np.full(len(some), promise, np.float32))
        found += map(tuple, some.tolist())
    return found


@pytest.mark.parametrize('side', [1, 2, 5, 16, 33, 128])
def test_without_masks_every_promising_point_is_asked_once(side):
    """Whatever the side of the grid."""
    found = asked(PointsToAsk(side, least=0.5))
    assert len(found) == len(set(found)) == side * side


def test_the_first_points_are_spread_evenly():
    """The first 64 of 32x32 are a grid of 8x8, four points apart; the first 256 one of 16x16."""
    for count, apart in ((16, 8), (64, 4), (256, 2)):
        for along in spread(32)[:count].T:
            assert set(np.diff(np.unique(along))) == {apart}
            assert abs(np.mean(along) - 15.5) <= apart / 2


def test_fine_points_are_asked_only_around_coarse_ones_that_promise():
    """A single coarse point that promises enough has its neighbours asked, and nothing else."""
    points = PointsToAsk(32, least=0.5)
    coarse = points.next(64)
    promised = np.full(64, 0.4, np.float32)
    (row, column) = coarse[9]
    promised[9] = 0.6
    points.heard(coarse, promised)
    fine = np.array(asked(points, promise=0.4))
    assert 0 < len(fine) < 30
    assert np.abs(fine - (row, column)).max() <= 4


def test_if_nothing_promises_enough_only_the_coarse_points_are_asked():
    """64 of 1024."""
    assert len(asked(PointsToAsk(32, least=0.5), promise=0.49)) == 64


def test_few_points_are_asked_in_a_mask_that_was_found():
    """The others would give it again."""
    points = PointsToAsk(32, least=0.5)
    first = points.next(64)
    points.heard(first, np.ones(64, np.float32))
    points.explain(np.pad(np.ones((1, 10, 10), bool), ((0, 0), (0, 22), (0, 22))))
    later = asked(points, batch=1)
    inside = [cell for cell in [*map(tuple, first.tolist()), *later] if max(cell) < 10]
    assert len(inside) == 2 + 3 * 10
    assert len(first) + len(later) == 1024 - 100 + len(inside)


def test_a_small_mask_in_a_large_one_is_explained_on_its_own():
    """Enough points in the large one do not end the search in the small one."""
    points = PointsToAsk(32, least=0.5)
    for _ in range(2):
        points.heard(points.next(64), np.ones(64, np.float32))
    small = np.zeros((1, 32, 32), bool)
    small[0, 8:14, 8:14] = True
    points.explain(np.concatenate([small, EVERYTHING]))
    later = asked(points)
    assert later
    assert all(8 <= row < 14 and 8 <= column < 14 for row, column in later)
