"""Placement gives every window one home and keeps its rules, or names the rule that fails."""

import pytest

from fakes import TINY
from pedsam_ros.core.architecture import ARCHITECTURES
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.placement import LOCAL, neighbours, place, share, windows_by_worker
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.windows import Canvas, pixel_grid
from pedsam_ros.core.workers_file import WorkerEntry

GRID = pixel_grid(ARCHITECTURES['vit_h'])


def workers(count, **windows):
    return [
        WorkerEntry(name=f'w{i}', domain_id=i, windows=windows.get(f'w{i}')) for i in range(count)
    ]


@pytest.mark.parametrize('count', range(2, 17))
def test_every_window_has_one_home(count):
    """This holds for any number of workers, and each of them gets a window."""
    homes = place(GRID, workers(count))
    assert sorted(homes) == list(range(25))
    assert len(set(homes.values())) == count


@pytest.mark.parametrize('count', range(3, 17))
def test_no_worker_holds_two_windows_that_share_a_side(count):
    """With 4 or more workers, no two of its windows touch at a corner either."""
    homes = place(GRID, workers(count))
    near = [(0, 1), (1, 0)] + ([(1, 1), (1, -1)] if count >= 4 else [])
    for row in range(5):
        for column in range(5):
            for down, right in near:
                if row + down < 5 and 0 <= column + right < 5:
                    other = (row + down) * 5 + column + right
                    assert homes[row * 5 + column] != homes[other]


@pytest.mark.parametrize('frame', [(1080, 1920), (480, 640), (640, 480), (500, 500)])
def test_three_workers_see_about_a_third_each(frame):
    """Each sees 30 to 37 % of the content, for frames of four shapes."""
    homes = place(GRID, workers(3))
    canvas = Canvas.fit(ARCHITECTURES['vit_h'], *frame)
    shares = [share(w, canvas) for w in windows_by_worker(homes, canvas.windows()).values()]
    assert sum(shares) == pytest.approx(1)
    assert 0.3 < min(shares) <= max(shares) < 0.37


def test_placement_is_the_same_every_time():
    """It depends only on the grid and the workers, and not on any frame."""
    assert (
        place(GRID, workers(3)) == place(GRID, workers(3)) == place(pixel_grid(TINY), workers(3))
    )


def test_a_worker_gets_only_windows_it_is_allowed():
    """The windows that it may not see go to workers that may."""
    homes = place(GRID, workers(3, w1=(0, 1, 2)))
    assert set(windows_by_worker(homes, range(25))['w1']) <= {0, 1, 2}
    assert sorted(homes) == list(range(25))


def test_impossible_demands_are_named():
    """The error names a window that nobody may see, or a worker that would see everything."""
    with pytest.raises(ConfigError, match='window=5'):
        place(GRID, workers(2, w0=(0, 1, 2, 3, 4), w1=tuple(range(5)) + tuple(range(6, 25))))
    with pytest.raises(ConfigError, match=r'w1: windows=\[25\]: the grid has 0..24'):
        place(GRID, workers(2, w1=(0, 25)))
    with pytest.raises(ConfigError, match='1 worker'):
        place(GRID, workers(1))
    with pytest.raises(ConfigError, match='w0: would see every window that leaves'):
        place(GRID, workers(2, w1=(3,)), PlacementConfig(local_windows=(3,)))


@pytest.mark.parametrize('count', [3, 9])
def test_max_share_holds_for_every_camera_shape(count):
    """A share that placement accepted is kept in frames of every shape, wide ones too."""
    lattice = max(shares(place(GRID, workers(count)), count))
    homes = place(GRID, workers(count), PlacementConfig(max_share=round(lattice + 0.005, 3)))
    assert max(shares(homes, count)) <= lattice + 0.005


def shares(homes, count):
    canvases = [Canvas.fit(ARCHITECTURES['vit_h'], *size) for size in ((9, 16), (3, 4), (1, 1))]
    by_worker = windows_by_worker(homes, range(25)).values()
    return [share(windows, canvas) for windows in by_worker for canvas in canvases]


@pytest.mark.parametrize(
    ('rules', 'count', 'named'),
    [
        ({'max_share': 0.2}, 3, r'max_share=0.2: .* 0\.\d+ can be kept'),
        ({'adjacency': 8}, 3, 'adjacency=8: .* adjacency=4 can be kept'),
        ({'adjacency': 8, 'max_share': 0.2}, 2, 'adjacency=8, max_share=0.2'),
    ],
)
def test_what_cannot_hold_is_named_with_what_can(rules, count, named):
    """The error names the rule that cannot be kept and, if there is one, a weaker rule."""
    with pytest.raises(ConfigError, match=named):
        place(GRID, workers(count), PlacementConfig(**rules))


@pytest.mark.parametrize('adjacency', [4, 8])
def test_adjacency_is_kept_where_it_can_be(adjacency):
    """This holds even if a worker may see only some windows."""
    homes = place(GRID, workers(6, w1=(0, 7, 14)), PlacementConfig(adjacency=adjacency))
    for index, home in homes.items():
        assert home not in {homes[i] for i in neighbours(GRID, index, adjacency)}


def test_local_windows_and_spares_have_no_home_elsewhere():
    """Local windows have their home on the edge, and a spare gets no window."""
    spare = WorkerEntry(name='spare', domain_id=50, spare=True)
    homes = place(GRID, [*workers(3), spare], PlacementConfig(local_windows=(3, 12)))
    assert {index for index, home in homes.items() if home == LOCAL} == {3, 12}
    assert 'spare' not in homes.values()


def test_another_session_key_may_give_other_homes():
    """Different keys give several placements, and the same key gives the same one again."""
    found = {
        key: tuple(place(GRID, workers(3), PlacementConfig(session_key=key)).values())
        for key in 'abcdefgh'
    }
    assert len(set(found.values())) > 2
    again = place(GRID, workers(3), PlacementConfig(session_key='a'))
    assert tuple(again.values()) == found['a']
