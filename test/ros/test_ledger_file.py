"""The exposure ledger on the disk."""

import json
import os
import stat
from pathlib import Path

import pytest

from fakes import TINY, WORKERS
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.placement import place, windows_by_worker
from pedsam_ros.core.windows import Canvas, pixel_grid
from pedsam_ros.nodes.home import former_ledger_path, ledger_path
from pedsam_ros.nodes.ledger_file import LedgerFile

GRID = pixel_grid(TINY)
HOMES = place(GRID, WORKERS)
CANVAS = Canvas.fit(TINY, 100, 100)


@pytest.fixture
def opened():
    """Opens ledgers, and closes those that the test has not."""
    files = []

    def open_one(path, former=None):
        files.append(LedgerFile(path, Ledger(GRID, HOMES), former))
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
    assert set(json.loads(path.read_text())['workers']) == set(ledger.seen)
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
    """ROS_HOME is ~/.ros by default. No two names give one file."""
    monkeypatch.setenv('ROS_HOME', str(tmp_path))
    assert ledger_path('/robot/edge') == tmp_path / 'pedsam' / 'exposure.robot.edge.json'
    assert ledger_path('/robot_edge') == tmp_path / 'pedsam' / 'exposure.robot_edge.json'
    monkeypatch.delenv('ROS_HOME')
    monkeypatch.setenv('HOME', str(tmp_path))
    assert ledger_path('/edge') == tmp_path / '.ros' / 'pedsam' / 'exposure.edge.json'


def test_a_ledger_under_the_name_of_earlier_versions_is_not_forgotten(opened, tmp_path):
    """Both nodes that shared it begin with what it holds, and go on with files of their own."""
    former = tmp_path / former_ledger_path('/a/b').name
    assert former_ledger_path('/a_b').name == former.name
    ledger, file = opened(former)
    see(ledger)
    file.keep()
    file.close()
    for node in ('/a/b', '/a_b'):
        path = tmp_path / ledger_path(node).name
        taken, of_node = opened(path, former)
        assert not of_node.new
        assert taken.to_json() == ledger.to_json() == path.read_text()
        taken.reset()
        of_node.write()
        of_node.close()
        assert opened(path, former)[0].seen == {}


def test_only_the_owner_may_touch_ledger_and_lock(opened, tmp_path):
    """Also those of earlier versions, which others could read."""
    path = tmp_path / 'x.json'
    lock = tmp_path / 'x.json.lock'
    _, file = opened(path)
    file.close()
    for each in (path, lock):
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
        each.chmod(0o644)
    opened(path)
    for each in (path, lock):
        assert stat.S_IMODE(each.stat().st_mode) == 0o600


@pytest.mark.parametrize('mode', [0o660, 0o602, 0o666])
def test_a_ledger_that_others_may_write_is_refused(opened, tmp_path, mode):
    """They may have written it. The message says what to run."""
    path = tmp_path / 'x.json'
    opened(path)[1].close()
    path.chmod(mode)
    with pytest.raises(ConfigError, match=r'others may write it; .*chmod 600'):
        opened(path)


@pytest.mark.parametrize('name', ['x.json', 'x.json.lock'])
def test_a_link_is_not_followed(opened, tmp_path, name):
    """Neither in place of the ledger nor of its lock."""
    (tmp_path / 'other').write_text('mine')
    (tmp_path / name).symlink_to(tmp_path / 'other')
    with pytest.raises(ConfigError, match='is a link'):
        opened(tmp_path / 'x.json')
    assert (tmp_path / 'other').read_text() == 'mine'


def test_a_file_that_waits_to_be_written_through_is_not(opened, tmp_path):
    """A link in the place of the half-written file is removed."""
    (tmp_path / 'other').write_text('mine')
    (tmp_path / 'x.json.partial').symlink_to(tmp_path / 'other')
    opened(tmp_path / 'x.json')
    assert (tmp_path / 'other').read_text() == 'mine'


@pytest.mark.parametrize('name', ['x.json', 'x.json.lock'])
def test_a_pipe_does_not_hang_the_edge(opened, tmp_path, name):
    """Nobody writes to it."""
    os.mkfifo(tmp_path / name)
    with pytest.raises(ConfigError, match='no file'):
        opened(tmp_path / 'x.json')


def test_a_ledger_too_large_to_be_read_again_is_not_written(opened, tmp_path):
    """The frame fails, and the file stays as it was."""
    path = tmp_path / 'x.json'
    ledger, file = opened(path)
    before = path.read_text()
    ledger.bound = {f'name:{i}': 'x' * 1000 for i in range(2000)}
    with pytest.raises(OSError, match='bytes, above'):
        file.write()
    assert path.read_text() == before


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
