"""The exposure ledger on the disk."""

import json
import os
from pathlib import Path

import pytest

from fakes import TINY, WORKERS
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.placement import place, windows_by_worker
from pedsam_ros.core.windows import Canvas, pixel_grid
from pedsam_ros.nodes.ledger_file import LedgerFile, default_path

GRID = pixel_grid(TINY)
HOMES = place(GRID, WORKERS)
CANVAS = Canvas.fit(TINY, 100, 100)


@pytest.fixture
def opened():
    """Opens ledgers, and closes those that the test has not."""
    files = []

    def open_one(path):
        files.append(LedgerFile(path, Ledger(GRID, HOMES)))
        return files[-1].ledger, files[-1]

    yield open_one
    for file in files:
        file.close()


def see(ledger, canvas=CANVAS):
    ledger.admit(windows_by_worker(HOMES, canvas.windows()), canvas, 1, 0.0)


def test_what_is_new_is_on_disk_before_it_is_sent_and_the_rest_is_not_written(opened, tmp_path):
    """A frame that shows nobody anything new is not written."""
    path = tmp_path / 'deep' / 'exposure.json'
    ledger, file = opened(path)
    see(ledger)
    file.keep()
    written = path.stat().st_mtime_ns, path.stat().st_ino
    assert set(json.loads(path.read_text())['workers']) == set(ledger.workers)
    see(ledger)
    file.keep()
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == written


def test_a_restarted_edge_knows_what_was_seen(opened, tmp_path):
    """Whenever the edge before it was killed."""
    ledger, file = opened(tmp_path / 'x.json')
    see(ledger)
    file.keep()
    file.close()
    again, _ = opened(tmp_path / 'x.json')
    assert again.to_json() == ledger.to_json()


def test_a_full_disk_raises_and_leaves_the_old_file(opened, tmp_path, monkeypatch):
    """The next frame tries again."""
    path = tmp_path / 'x.json'
    ledger, file = opened(path)
    before = path.read_text()
    see(ledger)

    def full(_):
        raise OSError(28, 'No space left on device')

    with monkeypatch.context() as patched:
        patched.setattr(os, 'fsync', full)
        for _ in range(2):
            with pytest.raises(OSError, match='No space'):
                file.keep()
    assert path.read_text() == before
    file.keep()
    assert path.read_text() == ledger.to_json()


def test_two_edges_cannot_have_the_same_ledger(opened, tmp_path):
    """Otherwise each would know only half of what was seen."""
    _, file = opened(tmp_path / 'x.json')
    with pytest.raises(ConfigError, match='another edge uses it'):
        opened(tmp_path / 'x.json')
    file.close()
    opened(tmp_path / 'x.json')


@pytest.mark.parametrize('content', [b'', b'{}', b'\xff\xfe'])
def test_a_broken_ledger_is_refused_and_kept(opened, tmp_path, content):
    """An edge that started afresh would forget what was seen."""
    path = tmp_path / 'x.json'
    path.write_bytes(content)
    for _ in range(2):  # the first attempt does not keep the lock
        with pytest.raises(ConfigError, match=r'ledger_file=.*x\.json.*mend it, or remove it'):
            opened(path)
    assert path.read_bytes() == content


def test_each_node_has_a_file_of_its_own_in_ros_home(monkeypatch, tmp_path):
    """ROS_HOME is ~/.ros by default."""
    monkeypatch.setenv('ROS_HOME', str(tmp_path))
    assert default_path('/robot/edge') == tmp_path / 'pedsam' / 'exposure_robot_edge.json'
    monkeypatch.delenv('ROS_HOME')
    monkeypatch.setenv('HOME', str(tmp_path))
    assert default_path('/edge') == tmp_path / '.ros' / 'pedsam' / 'exposure_edge.json'


@pytest.mark.parametrize(
    'name',
    [
        '{}',
        '/',
        'x\0',
        '{}/file/exposure.json',
        '/proc/nowhere/exposure.json',
        '~nobody-of-this-name/x',
    ],
)
def test_a_place_that_cannot_hold_a_ledger_is_named(opened, tmp_path, name):
    """A folder, below a file, where nothing can be written, the home of nobody."""
    (tmp_path / 'file').touch()
    with pytest.raises(ConfigError, match='ledger_file='):
        opened(Path(name.format(tmp_path)))
