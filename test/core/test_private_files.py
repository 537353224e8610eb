"""Files with secrets: only their owner touches them, links and pipes are refused, none is half."""

import os
import stat

import pytest

from pedsam_ros.core import private_files
from pedsam_ros.core.errors import ConfigError

SECRET = b'only mine\n'


def mode_of(path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / 'a.key'
    private_files.create(path, SECRET)
    return path


def refused(path, most_bytes=100) -> str:
    """The message with which reading is refused. It names the path and holds nothing secret."""
    with pytest.raises(ConfigError) as caught:
        private_files.read(path, most_bytes)
    assert str(path) in str(caught.value)
    assert SECRET.decode().strip() not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def test_a_created_file_comes_back_and_is_its_owners_alone(file):
    """It has mode 0600, whatever the umask leaves."""
    assert private_files.read(file, len(SECRET)) == SECRET
    assert mode_of(file) == 0o600


@pytest.mark.parametrize('mask', [0o000, 0o777])
def test_the_umask_changes_nothing(tmp_path, mask):
    """It would open a file to others, or close it to its owner."""
    before = os.umask(mask)
    try:
        private_files.create(tmp_path / 'a', SECRET)
        private_files.replace(tmp_path / 'b', SECRET)
    finally:
        os.umask(before)
    assert mode_of(tmp_path / 'a') == mode_of(tmp_path / 'b') == 0o600


def test_missing_folders_are_made_for_the_owner_alone(tmp_path):
    """All that are missing get mode 0700. Those that are there stay as they are."""
    tmp_path.chmod(0o755)
    private_files.create(tmp_path / 'a/b/c.key', SECRET)
    private_files.replace(tmp_path / 'd/e/f.key', SECRET)
    assert {mode_of(tmp_path / name) for name in ('a', 'a/b', 'd', 'd/e')} == {0o700}
    assert mode_of(tmp_path) == 0o755


@pytest.mark.parametrize('mode', [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o777])
def test_a_file_that_others_may_touch_is_refused_with_the_command_that_mends_it(file, mode):
    """The message names the mode."""
    file.chmod(mode)
    told = refused(file)
    assert f'mode={mode:04o}' in told
    assert f'chmod 600 {file}' in told


def test_the_command_that_mends_it_can_be_pasted(tmp_path):
    """A path with a blank is quoted."""
    path = tmp_path / 'a b.key'
    path.write_bytes(SECRET)
    path.chmod(0o644)
    assert f"chmod 600 '{path}'" in refused(path)


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can give a file away')
def test_a_file_of_another_user_is_refused_even_to_root(file):
    """Its owner could read it and put another key there."""
    os.chown(file, 12345, -1)
    assert 'owner=12345' in refused(file)


def test_what_is_no_regular_file_of_ones_own_is_refused_at_once(tmp_path, file):
    """A link, a pipe without a writer, a folder, a device, nothing at all, and an absurd name."""
    link, pipe = tmp_path / 'link', tmp_path / 'pipe'
    link.symlink_to(file)
    os.mkfifo(pipe, 0o600)
    assert 'is a link' in refused(link)
    assert 'regular file' in refused(pipe)
    assert 'regular file' in refused(type(file)('/dev/null'))
    for path in (tmp_path, tmp_path / 'missing', file / 'below', tmp_path / ('x' * 300)):
        refused(path)
    refused(type(file)('with\0zero'))


def test_a_link_to_nowhere_is_called_a_link(tmp_path):
    """It is not said to be missing."""
    link = tmp_path / 'link'
    link.symlink_to(tmp_path / 'missing')
    assert 'is a link' in refused(link)


def test_a_file_is_read_up_to_a_limit(file):
    """One byte more is refused, and the message names the limit."""
    assert 'at most 9 bytes' in refused(file, len(SECRET) - 1)


def test_creating_never_overwrites(tmp_path, file):
    """Neither a file nor what a link points to, whether or not that is there."""
    link, nowhere = tmp_path / 'link', tmp_path / 'nowhere'
    link.symlink_to(file)
    nowhere.symlink_to(tmp_path / 'missing')
    for path in (file, link, nowhere):
        with pytest.raises(FileExistsError):
            private_files.create(path, b'new')
    assert file.read_bytes() == SECRET
    assert not (tmp_path / 'missing').exists()


def test_replacing_follows_no_link(tmp_path, file):
    """Neither at the name nor at the temporary name: what they point to stays as it was."""
    link, partial = tmp_path / 'link', tmp_path / 'link.partial'
    link.symlink_to(file)
    partial.symlink_to(file)
    private_files.replace(link, b'new')
    assert file.read_bytes() == SECRET
    assert private_files.read(link, 10) == b'new'
    assert sorted(tmp_path.iterdir()) == [file, link]


def test_replacing_takes_the_rights_of_others_away(file):
    """A file that others could read is theirs no more."""
    file.chmod(0o666)
    private_files.replace(file, b'new')
    assert private_files.read(file, 10) == b'new'


@pytest.mark.parametrize('write', [private_files.create, private_files.replace])
def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch, write):
    """No half file, no temporary file."""

    def full(descriptor):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match='No space'):
        write(tmp_path / 'a.key', SECRET)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_replacement_leaves_the_old_file(file, monkeypatch):
    """The old content stays, and no temporary file is left."""

    def full(descriptor):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match='No space'):
        private_files.replace(file, b'new')
    assert list(file.parent.iterdir()) == [file]
    assert file.read_bytes() == SECRET


def test_a_file_is_on_the_disk_before_its_name_and_then_its_folder(tmp_path, monkeypatch):
    """A crash at any time finds the old content or the new one."""
    path, synced = tmp_path / 'a.key', []

    def sync(descriptor):
        synced.append((os.readlink(f'/proc/self/fd/{descriptor}'), path.exists()))

    monkeypatch.setattr(os, 'fsync', sync)
    private_files.replace(path, SECRET)
    assert synced == [(f'{path}.partial', False), (str(tmp_path), True)]
