"""Two edges that show one worker two views."""

import pytest

from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.scene import Scene
from pedsam_ros.core.windows import Grid
from pedsam_ros.nodes.other_ledgers import also_seen
from watched_scenes import ARCH, WORKERS

KEY, OTHER = 'A' * 43 + '=', 'B' * 43 + '='


@pytest.fixture
def other(tmp_path):
    """The ledger of another edge, in the same folder."""
    ledger = Ledger(Grid(288, 64), {}, identities={'alice': (KEY,)})
    ledger.count(['alice', 'bob'], 1, 0.0)
    path = tmp_path / 'exposure.other.json'
    path.write_text(ledger.to_json())
    path.chmod(0o600)
    return path


def found(path, *keys):
    return list(also_seen(path.with_name('exposure.json'), keys))


def test_a_worker_that_another_edge_has_shown_windows_is_found(other):
    """It is known by its key."""
    assert found(other, KEY, OTHER) == [(KEY, other)]


def test_a_worker_of_another_edges_scene_is_found_before_anything_was_shown(other):
    """Both edges may have been started at once."""
    other.write_text(Ledger(Grid(288, 64), {}).to_json())
    path = other.with_name(other.name + '.scene')
    path.write_bytes(Scene(ARCH, WORKERS, identities={'a': (KEY,)}).to_bytes())
    path.chmod(0o600)
    assert found(other, KEY) == [(KEY, other)]


def test_a_name_is_no_key(other):
    """The workers of two robots may have the same names."""
    assert found(other, 'name:bob') == []


def test_the_own_ledger_does_not_count(other):
    """It holds everybody."""
    assert list(also_seen(other, [KEY])) == []


@pytest.mark.parametrize('content', [b'', b'\xff', b'[1]', b'{"version": 9}'])
def test_what_is_no_ledger_is_passed_over(content, other):
    """Other files may lie in the same folder."""
    other.write_bytes(content)
    assert found(other, KEY) == []
