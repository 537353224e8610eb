"""`pedsam keys`: from nothing to connected in two commands; only public keys are ever printed."""

import argparse
import os
import re

import pytest
import yaml

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.keys import public_text
from pedsam_ros.core.noise import public
from pedsam_ros.nodes.key_folder import KeyFolder
from pedsam_ros.tools import keys as command
from two_ends import OTHER, WORKER

KEY, ANOTHER = public_text(public(WORKER)), public_text(public(OTHER))
WORKERS = """workers:
  - {name: alice, domain_id: 11}  # at the university
  - {name: bob, domain_id: 12}
"""


@pytest.fixture
def pedsam_keys(tmp_path, capsys):
    """Runs an action in a folder for keys; returns what it prints, in which no secret is."""
    folder = tmp_path / 'keys'

    def call(*words) -> str:
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        try:
            status = command.run(parser.parse_args([*map(str, words), '--folder', str(folder)]))
        finally:
            printed = capsys.readouterr()
            for file in folder.glob('*.key'):
                if file.is_file():
                    secret = file.read_text().strip()
                    assert not secret or secret not in printed.out + printed.err
        assert status == 0
        return printed.out

    return call


@pytest.fixture
def folder(tmp_path) -> KeyFolder:
    return KeyFolder(tmp_path / 'keys')


@pytest.fixture
def workers(tmp_path):
    path = tmp_path / 'workers.yaml'
    path.write_text(WORKERS)
    path.chmod(0o640)
    return path


def text_of(folder: KeyFolder, worker: str | None) -> str:
    return public_text(public(folder.load(worker)))


def test_init_makes_the_key_of_a_worker_and_prints_it(pedsam_keys, folder):
    """The first line is what the operator hands over. A second time it is the same."""
    printed = pedsam_keys('init')
    assert printed.splitlines()[0] == f'key: {text_of(folder, None)}'
    assert f'add-worker NAME {text_of(folder, None)}' in printed
    assert pedsam_keys('init') == printed


def test_two_commands_connect(pedsam_keys, folder, workers):
    """What the first prints goes into the second; what that prints starts the worker."""
    key = pedsam_keys('init').splitlines()[0].removeprefix('key: ')
    printed = pedsam_keys('add-worker', 'alice', key, '--workers', workers)
    edge_key = text_of(folder, 'alice')
    assert f'edge_key: {edge_key}' in printed.splitlines()
    assert (
        'ros2 launch pedsam_ros worker.launch.py name:=alice domain_id:=11 '
        f'edge_key:={edge_key}' in printed
    )
    assert workers.read_text() == WORKERS.replace('alice,', f'alice, key: {key},')
    assert workers.stat().st_mode & 0o777 == 0o640
    assert pedsam_keys('add-worker', 'alice', key, '--workers', workers) == printed


def test_without_a_file_the_line_to_paste_is_printed(pedsam_keys, folder):
    """In YAML."""
    printed = pedsam_keys('add-worker', 'alice', KEY)
    line = next(line for line in printed.splitlines() if line.startswith('key: '))
    assert yaml.safe_load(line) == {'key': KEY}
    assert f'edge_key:={text_of(folder, "alice")}' in printed


def test_a_link_to_a_workers_file_stays_one(pedsam_keys, workers, tmp_path):
    """Installed packages may consist of links."""
    link = tmp_path / 'link.yaml'
    link.symlink_to(workers)
    pedsam_keys('add-worker', 'alice', KEY, '--workers', link)
    assert link.is_symlink()
    assert KEY in workers.read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can give a file away')
def test_the_owner_of_a_workers_file_stays(pedsam_keys, workers):
    """Also if root runs the command."""
    os.chown(workers, 12345, 12346)
    pedsam_keys('add-worker', 'alice', KEY, '--workers', workers)
    assert (workers.stat().st_uid, workers.stat().st_gid) == (12345, 12346)


@pytest.mark.parametrize(
    ('name', 'key', 'content', 'named'),
    [
        ('Alice', KEY, WORKERS, 'a small letter'),
        ('alice', KEY[:-1], WORKERS, '44 characters'),
        ('carol', KEY, WORKERS, 'carol: is none of its workers'),
        ('alice', KEY, WORKERS.replace('alice,', f'alice, key: {ANOTHER},'), 'former_keys'),
        ('alice', KEY, 'workers: [', 'no YAML'),
        ('alice', KEY, '#' * (2**18 + 1), 'larger than 262144 bytes'),
        ('alice', KEY, None, 'is not there'),
    ],
    ids=lambda value: f'{value!s:.20}',
)
def test_what_is_refused_changes_nothing(pedsam_keys, folder, workers, name, key, content, named):
    """No key is made, and the file stays as it was."""
    if content is None:
        workers.unlink()
    else:
        workers.write_text(content)
    with pytest.raises(ConfigError, match=re.escape(named)):
        pedsam_keys('add-worker', name, key, '--workers', workers)
    assert folder.workers() == ()
    assert content is None or workers.read_text() == content
    assert [file.name for file in workers.parent.iterdir() if file.name.endswith('partial')] == []


def test_show_prints_the_public_keys(pedsam_keys, folder):
    """Of the worker on this host and of its edge; and where they are."""
    assert pedsam_keys('show').splitlines() == [str(folder.folder)]
    pedsam_keys('init')
    pedsam_keys('add-worker', 'alice', KEY)
    pedsam_keys('add-worker', 'bob', ANOTHER)
    lines = pedsam_keys('show').splitlines()
    assert lines == [
        str(folder.folder),
        f'key: {text_of(folder, None)} of this host as a worker',
        f'edge_key: {text_of(folder, "alice")} for worker alice',
        f'edge_key: {text_of(folder, "bob")} for worker bob',
    ]


def test_rotate_renews_one_key_and_says_what_the_other_side_must_change(pedsam_keys, folder):
    """A worker's operator gets the edge's new key; a robot's must keep the old one of a worker."""
    pedsam_keys('init')
    pedsam_keys('add-worker', 'alice', KEY)
    own, edge = text_of(folder, None), text_of(folder, 'alice')
    printed = pedsam_keys('rotate', 'alice')
    assert text_of(folder, None) == own
    assert text_of(folder, 'alice') != edge
    assert f'edge_key:={text_of(folder, "alice")} instead of {edge}' in printed
    lines = pedsam_keys('rotate', '--own').splitlines()
    assert lines[:2] == [f'key: {text_of(folder, None)}', f'former_keys: [{own}]']
    assert text_of(folder, None) != own


def test_revoke_removes_the_key_for_one_worker(pedsam_keys, folder):
    """And says what follows. A second time there is nothing to remove."""
    for name, key in (('alice', KEY), ('bob', ANOTHER)):
        pedsam_keys('add-worker', name, key)
    assert 'alice gets nothing' in pedsam_keys('revoke', 'alice')
    assert folder.workers() == ('bob',)
    with pytest.raises(ConfigError, match='is not there'):
        pedsam_keys('revoke', 'alice')


def test_rotate_needs_to_know_which_key(pedsam_keys):
    """And cannot renew one that is not there."""
    for words in ((), ('alice', '--own')):
        with pytest.raises(SystemExit):
            pedsam_keys('rotate', *words)
    for words in (('alice',), ('--own',)):
        with pytest.raises(ConfigError, match='is not there; pedsam keys'):
            pedsam_keys('rotate', *words)
