"""The private keys of a host: made once, never overwritten, refused if others may touch them."""

import os
from pathlib import Path

import pytest

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.keys import FILE_BYTES
from pedsam_ros.core.noise import public
from pedsam_ros.nodes.key_folder import KeyFolder


@pytest.fixture
def keys(tmp_path) -> KeyFolder:
    return KeyFolder(tmp_path / 'pedsam' / 'keys')


def refused(act, *arguments) -> str:
    """The message of the refusal, which holds nothing of a key's file."""
    with pytest.raises(ConfigError) as error:
        act(*arguments)
    return str(error.value)


def test_keys_are_made_once(keys):
    """A second call finds the first key. The folder and the files are their owner's alone."""
    own, edge = keys.make(None), keys.make('alice')
    assert public(keys.make(None)) == public(keys.load(None)) == public(own)
    assert public(keys.make('alice')) == public(keys.load('alice')) == public(edge)
    assert keys.folder.stat().st_mode & 0o777 == keys.folder.parent.stat().st_mode & 0o777 == 0o700
    names = {file.name: file.stat().st_mode & 0o777 for file in keys.folder.iterdir()}
    assert names == {'worker.key': 0o600, 'edge-alice.key': 0o600}


def test_an_edge_has_another_key_for_each_worker(keys):
    """Two workers cannot tell by it that they serve one edge; nor is it the host's own key."""
    made = [public(keys.make(worker)) for worker in ('alice', 'bob', 'worker', None)]
    assert len(set(made)) == 4
    assert keys.workers() == ('alice', 'bob', 'worker')


@pytest.mark.parametrize(
    'name', ['', '../alice', 'a/b', 'Alice', 'a.key', 'a\n', '.', 'ä', 'a' * 33]
)
def test_names_that_are_no_workers_are_refused(keys, name):
    """None leads out of the folder."""
    for act in (keys.file, keys.load, keys.make, keys.renew, keys.remove, keys.has):
        assert 'a small letter' in refused(act, name)
    assert not keys.folder.exists()


def test_a_missing_key_is_named_with_the_command_that_makes_it(keys):
    """For a worker's host and for a robot."""
    assert 'pedsam keys init' in refused(keys.load, None)
    assert 'pedsam keys add-worker alice' in refused(keys.load, 'alice')
    assert 'pedsam keys init' in refused(keys.renew, None)


def test_a_key_that_others_may_touch_is_neither_read_nor_replaced(keys):
    """Nor is one that a link points to, one that is damaged, or one that is too long."""
    keys.make('alice')
    file = keys.file('alice')
    line = file.read_bytes()
    file.chmod(0o640)
    for act in (keys.load, keys.make, keys.renew):
        assert f'chmod 600 {file}' in refused(act, 'alice')
    file.chmod(0o600)
    keys.file('bob').symlink_to(file)
    keys.file('carol').symlink_to(keys.folder / 'nowhere')
    os.mkfifo(keys.file('dave'), 0o600)
    for name, rule in (('bob', 'is a link'), ('carol', 'is a link'), ('dave', 'regular file')):
        for act in (keys.load, keys.make, keys.renew):
            assert rule in refused(act, name)
    for content in (b'', b'\n', line[:-2], line * 2, b'x' * FILE_BYTES):
        file.write_bytes(content)
        for act in (keys.load, keys.make, keys.renew):
            told = refused(act, 'alice')
            assert str(file) in told
            assert line[:10].decode() not in told
        assert file.read_bytes() == content


def test_renewing_leaves_nothing_of_the_old_key(keys):
    """The old private key is in no file of the folder."""
    before = keys.make('alice')
    line = keys.file('alice').read_bytes()
    old, new = keys.renew('alice')
    assert public(old) == public(before) != public(new) == public(keys.load('alice'))
    assert [file.read_bytes() == line for file in keys.folder.iterdir()] == [False]


def test_a_removed_key_is_gone(keys):
    """Even one that is damaged or a link; then there is none to remove."""
    keys.make('alice')
    keys.file('bob').symlink_to(keys.file('alice'))
    assert keys.remove('bob') == keys.file('bob')
    assert keys.workers() == ('alice',)
    keys.remove('alice')
    assert keys.workers() == ()
    assert 'is not there' in refused(keys.remove, 'alice')


def test_other_files_in_the_folder_are_no_keys_of_workers(keys):
    """Such as a copy that an editor left."""
    keys.make('alice')
    for name in ('edge-Bob.key', 'edge-.key', 'edge-bob.key~', 'edge-bob.key.partial', 'x'):
        (keys.folder / name).write_text('')
    assert keys.workers() == ('alice',)
    assert KeyFolder(keys.folder / 'missing').workers() == ()


def test_a_folder_that_cannot_be_used_is_named(tmp_path):
    """Where a file is in its place."""
    (tmp_path / 'file').write_text('')
    keys = KeyFolder(tmp_path / 'file')
    for act in (keys.make, keys.load):
        assert str(tmp_path / 'file') in refused(act, None)
    assert str(tmp_path / 'file') in refused(keys.workers)


def test_the_folder_is_in_the_home_of_ros(tmp_path, monkeypatch):
    """By default that is ~/.ros."""
    monkeypatch.setenv('ROS_HOME', str(tmp_path))
    assert KeyFolder().folder == tmp_path / 'pedsam' / 'keys'
    monkeypatch.delenv('ROS_HOME')
    monkeypatch.setenv('HOME', str(tmp_path))
    assert KeyFolder().folder == tmp_path / '.ros' / 'pedsam' / 'keys'
    assert KeyFolder(Path('~/mine')).folder == tmp_path / 'mine'
    assert '~nobody_of_that_name' in refused(KeyFolder, Path('~nobody_of_that_name'))
    monkeypatch.setenv('ROS_HOME', '~nobody_of_that_name')
    assert 'ROS_HOME' in refused(KeyFolder)
