"""What each worker has seen, and what it may see."""

import re

import pytest

from fakes import TINY, WORKERS
from pedsam_ros.core.errors import ConfigError, ExposureError
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.placement import place, windows_by_worker
from pedsam_ros.core.windows import Canvas, pixel_grid

GRID = pixel_grid(TINY)
HOMES = place(GRID, WORKERS)
SQUARE, WIDE, TALL = (Canvas.fit(TINY, *size) for size in ((100, 100), (90, 160), (160, 90)))


def ledger(**rules):
    return Ledger(GRID, HOMES, **rules)


def taken_over(kept, homes=HOMES, **rules):
    """What another edge reads from the file of this ledger."""
    return Ledger.from_json(kept.to_json(), homes, grid=GRID, **rules)


def at_home(canvas):
    return windows_by_worker(HOMES, canvas.windows())


def test_everyone_may_see_its_own_windows_forever():
    """With every camera shape, in any order. The share stays the one that the lattice gives."""
    kept = ledger()
    for canvas in (WIDE, SQUARE, TALL, WIDE):
        kept.admit(at_home(canvas), canvas, 1, 0.0)
    assert sum(kept.share(worker.name) for worker in WORKERS) == pytest.approx(1)
    assert max(kept.share(worker.name) for worker in WORKERS) <= kept.cap() < 0.36
    assert kept.workers['alice'].frames == 4


def test_a_window_of_anothers_breaks_the_cap_and_is_not_noted():
    """Nothing that was to be sent with it is noted either."""
    kept = ledger()
    kept.admit(at_home(SQUARE), SQUARE, 1, 0.0)
    before = kept.to_json(), kept.changes
    foreign = {'alice': at_home(SQUARE)['bob'], 'bob': at_home(SQUARE)['bob']}
    with pytest.raises(
        ExposureError, match=r'alice: would have seen .*% of all window positions; its cap'
    ):
        kept.admit(foreign, SQUARE, 1, 1.0)
    assert (kept.to_json(), kept.changes) == before


def test_max_share_is_a_cap_of_its_own():
    """If it is below what the lattice gives, the frame is refused."""
    with pytest.raises(ExposureError, match=r'20\.0%'):
        ledger(max_share=0.2).admit(at_home(SQUARE), SQUARE, 1, 0.0)
    ledger(max_share=0.4).admit(at_home(SQUARE), SQUARE, 1, 0.0)


def test_only_what_is_new_must_be_written_down():
    """The same windows again change only counts and times. More content of a window is new."""
    kept = ledger()
    kept.admit(at_home(WIDE), WIDE, 1, 0.0)
    after_first = kept.changes
    kept.admit(at_home(WIDE), WIDE, 1, 5.0)
    assert kept.changes == after_first > 0
    assert (kept.workers['bob'].first_s, kept.workers['bob'].last_s) == (0.0, 5.0)
    assert kept.exposure('bob') == kept.workers['bob']
    kept.admit(at_home(SQUARE), SQUARE, 1, 6.0)
    assert kept.changes > after_first


def test_all_of_a_ledger_is_taken_over():
    """With its shares, spares and times."""
    kept = ledger()
    kept.admit(at_home(SQUARE), SQUARE, 1, 1.5)
    kept.bind('dave', 'bob')
    other = taken_over(kept)
    assert other.to_json() == kept.to_json()
    assert other.share('carol') == kept.share('carol') > 0
    assert other.stands_in == {'dave': 'bob'}


@pytest.mark.parametrize('text', ['', '[]', '{"version": 1}', '{"version": 9, "workers": 3}'])
def test_what_is_no_ledger_is_refused(text):
    """A corrupt file, or one that holds something else."""
    with pytest.raises(ConfigError, match='not an exposure ledger'):
        Ledger.from_json(text, HOMES)


@pytest.mark.parametrize('grid', [None, GRID])
@pytest.mark.parametrize('wrong', ['"288"', '288.9', 'Infinity', '0', '-5', 'true'])
@pytest.mark.parametrize('name', ['extent', 'window'])
def test_a_grid_that_is_not_of_whole_numbers_above_0_is_refused(name, wrong, grid):
    """Also where the file alone says what the grid is."""
    text, replaced = re.subn(rf'"{name}": \d+', f'"{name}": {wrong}', ledger().to_json())
    assert replaced == 1
    with pytest.raises(ConfigError):
        Ledger.from_json(text, HOMES, grid=grid)


def test_a_ledger_of_another_grid_is_refused():
    """The windows of another model are other windows."""
    text = ledger().to_json().replace('288', '1024')
    with pytest.raises(ConfigError, match='64 in 1024 px; expected: 64 in 288 px'):
        Ledger.from_json(text, HOMES, grid=GRID)


def test_a_ledger_of_another_version_is_refused():
    """With the versions that are read here."""
    text = ledger().to_json().replace('"version": 2', '"version": 9')
    with pytest.raises(ConfigError, match='version=9: versions 1 to 2 can be read'):
        Ledger.from_json(text, HOMES)


def test_a_ledger_of_any_grid_can_be_looked_at():
    """Without homes and grid the file says what the grid is: for tools that only show it."""
    kept = ledger()
    kept.admit(at_home(SQUARE), SQUARE, 1, 1.5)
    seen = Ledger.from_json(kept.to_json(), homes={})
    assert seen.grid == GRID
    assert seen.to_json() == kept.to_json()
    assert seen.share('carol') == kept.share('carol') > 0
    assert seen.cap() == 0


def test_other_homes_do_not_give_a_second_look():
    """With a changed placement and the old ledger, whatever would add up is refused."""
    kept = ledger()
    kept.admit(at_home(SQUARE), SQUARE, 1, 0.0)
    turned = taken_over(kept, place(GRID, WORKERS[1:] + WORKERS[:1]))
    sends = windows_by_worker(turned.homes, SQUARE.windows())
    with pytest.raises(ExposureError):
        turned.admit(sends, SQUARE, 1, 1.0)


def test_a_window_keeps_its_home_for_as_long_as_the_ledger_does():
    """Even where no cap would be broken, another configuration does not show it to another."""
    kept = ledger()
    kept.admit(at_home(SQUARE), SQUARE, 1, 0.0)
    homes = HOMES | {0: 'bob' if HOMES[0] != 'bob' else 'carol'}
    moved = taken_over(kept, homes, max_share=0.9)
    assert f'window=0 was shown to {HOMES[0]}; give it' in moved.conflict()
    with pytest.raises(ExposureError, match=rf'window=0 was shown to {HOMES[0]}; give it'):
        moved.admit({homes[0]: [0]}, SQUARE, 1, 1.0)
    before = moved.to_json()
    moved.admit({homes[1]: [1]}, SQUARE, 0, 0.0)
    assert moved.to_json() == before


def test_a_spare_may_see_what_its_worker_saw_and_the_worker_after_it():
    """A second spare may follow the first."""
    kept = ledger(max_share=0.9)
    own = at_home(SQUARE)
    kept.admit(own, SQUARE, 1, 0.0)
    for spare in ('dave', 'erin'):
        kept.admit({spare: own['bob']}, SQUARE, 0, 1.0)
        kept.bind(spare, 'bob')
    kept.admit({'bob': own['bob']}, SQUARE, 1, 2.0)
    with pytest.raises(ExposureError, match='is for alice alone'):
        kept.admit({'dave': own['alice']}, SQUARE, 1, 3.0)
    homes = {index: 'dave' if home == 'bob' else home for index, home in HOMES.items()}
    promoted = taken_over(kept, homes, max_share=0.9)
    assert promoted.conflict() == ''  # dave has bob's place from now on
    promoted.admit({'dave': own['bob']}, SQUARE, 1, 4.0)


def test_the_largest_region_counts_windows_that_share_a_side():
    """Windows that only touch at a corner do not count."""
    kept = Ledger(GRID, dict.fromkeys(HOMES, 'alice'))
    kept.admit({'alice': [0, 1, 6, 12]}, SQUARE, 1, 0.0)
    assert kept.largest_region('alice') == pytest.approx(3 * 64**2 / 288**2)
    assert kept.share('alice') == pytest.approx(4 * 64**2 / 288**2)
    assert kept.largest_region('nobody') == 0


def test_a_reset_forgets_everything_and_must_be_written_down():
    """Both shares and spares are forgotten."""
    kept = ledger()
    kept.admit(at_home(SQUARE), SQUARE, 1, 0.0)
    kept.bind('dave', 'alice')
    before = kept.changes
    kept.reset()
    assert kept.changes > before
    assert (kept.share('alice'), kept.stands_in) == (0, {})


def test_a_wrong_clock_does_not_spoil_the_ledger():
    """Times before 1970 and far in the future are cut to what can be read again."""
    for now_s in (-5.0, 1e300):
        kept = ledger()
        kept.admit(at_home(SQUARE), SQUARE, 1, now_s)
        assert taken_over(kept).to_json() == kept.to_json()


def test_windows_without_content_are_not_noted():
    """A worker that is sent one has seen nothing of it."""
    kept = ledger()
    kept.admit({HOMES[24]: [24]}, WIDE, 1, 0.0)
    assert kept.workers[HOMES[24]].windows == {}
    assert taken_over(kept).to_json() == kept.to_json()
