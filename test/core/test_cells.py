"""Cells stay still in the scene, and each has one home."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedsam_ros.core.architecture import ARCHITECTURES
from pedsam_ros.core.cells import Lattice, cells_of, held, shift_of
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.windows import Canvas
from pedsam_ros.core.workers_file import WorkerEntry

ARCH = ARCHITECTURES['vit_tiny']
AROUND = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)]
ORIGINS = st.tuples(st.integers(-5000, 5000), st.integers(-5000, 5000))


def workers(count, **changed):
    """So many workers."""
    return [WorkerEntry(name=f'w{n}', domain_id=n + 1, **changed) for n in range(count)]


def lattice(count, **rules):
    """The lattice of so many workers."""
    return Lattice(workers(count), PlacementConfig(**rules))


@given(ORIGINS, st.sampled_from([(480, 640), (640, 480), (100, 900), (64, 64)]))
def test_windows_begin_where_cells_do(origin, frame):
    """Wherever the scene lies: the content of each window is that of its cell, to the pixel."""
    canvas = Canvas.fit(ARCH, *frame, shift=shift_of(origin, ARCH))
    cells = cells_of(canvas, origin)
    assert set(cells) == set(canvas.windows())
    for index, cell in cells.items():
        for axis, span in enumerate(canvas.grid.span(index)):
            low = cell[axis] * ARCH.window_px + origin[axis] + canvas.corner[axis]
            assert span.start == max(0, low)
            assert span.stop == min(low + ARCH.window_px, ARCH.image_px)


@given(ORIGINS, st.integers(-300, 300), st.integers(-300, 300))
def test_a_cell_keeps_its_home_when_the_view_moves(origin, down, right):
    """What two frames both show belongs to the same cell in both."""
    there = origin[0] - down, origin[1] - right
    first, second = (Canvas.fit(ARCH, 480, 640, shift=shift_of(o, ARCH)) for o in (origin, there))
    a, b = cells_of(first, origin), cells_of(second, there)
    for y in range(0, first.content[0], 29):
        for x in range(0, first.content[1], 29):
            if 0 <= y - down < second.content[0] and 0 <= x - right < second.content[1]:
                assert a[window_at(first, y, x)] == b[window_at(second, y - down, x - right)]


def window_at(canvas, y, x):
    """The window that holds a pixel of the content."""
    for index in canvas.windows():
        rows, columns = canvas.grid.span(index)
        y0, x0 = y + canvas.corner[0], x + canvas.corner[1]
        if rows.start <= y0 < rows.stop and columns.start <= x0 < columns.stop:
            return index
    raise AssertionError((y, x))


@pytest.mark.parametrize('count', range(2, 9))
def test_every_worker_gets_an_equal_part_of_the_plane(count):
    """In a large square, whose sides each lattice divides."""
    homes = [lattice(count).home((r, c)) for r in range(-count, count) for c in range(2 * count)]
    assert {homes.count(name) for name in set(homes)} == {4 * count}


@pytest.mark.parametrize('count', range(2, 9))
def test_cells_of_one_worker_lie_apart(count):
    """No two share a side; from four workers on no two touch, also where rows are negative."""
    near = [each for each in AROUND if count > 3 or 0 in each]
    for r in range(-6, 6):
        for c in range(-6, 6):
            own = lattice(count).home((r, c))
            assert own not in {lattice(count).home((r + a, c + b)) for a, b in near}


def test_the_session_key_decides_who_is_first():
    """As it does on a grid that does not move."""
    names = {lattice(5, session_key=key).names for key in ('', 'a', 'b', 'c')}
    assert len(names) > 1
    assert lattice(5).names == ('w0', 'w1', 'w2', 'w3', 'w4')


def test_a_spare_has_no_cell():
    """It would see what others do not."""
    spare = WorkerEntry(name='spare', domain_id=9, spare=True)
    assert 'spare' not in Lattice([*workers(2), spare], PlacementConfig()).names


@pytest.mark.parametrize(
    ('entries', 'rules', 'said'),
    [
        (workers(1), {}, 'whole scene'),
        (workers(3, windows=(1, 2)), {}, 'w0, w1, w2: names windows by index'),
        (workers(3), {'local_windows': (0,)}, r'placement\.local_windows: names windows'),
        (workers(3), {'adjacency': 8}, 'adjacency=4 can be kept'),
    ],
)
def test_a_rule_that_cells_cannot_keep_is_refused(entries, rules, said):
    """A plane has no indices, and no search could mend its lattice."""
    with pytest.raises(ConfigError, match=said):
        Lattice(entries, PlacementConfig(**rules))


def test_the_largest_share_is_that_of_the_worst_place():
    """A view of three cells by two, wherever it begins."""
    assert lattice(2).largest_share((128, 192), 64) == pytest.approx(0.5)
    assert lattice(4).largest_share((128, 192), 64) == pytest.approx(1 / 3)
    assert lattice(3).largest_share((64, 64), 64) == pytest.approx(1.0)


def test_noise_does_not_move_the_grid():
    """It stays until its place is 0.75 px away, and then goes to the nearest px."""
    origin = held((0.2, 0.4), None)
    assert origin == (0, 0)
    for noise in (0.49, 0.51, 0.7, -0.7):
        origin = held((noise, -noise), origin)
        assert origin == (0, 0)
    assert held((0.8, -5.4), origin) == (1, -5)
