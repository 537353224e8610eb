"""`pedsam exposure` with sound and with hostile files."""

import argparse
import json
import os
import re

import pytest

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.tools import exposure
from watched_scenes import at, scene_of, send


def shown(file, out=None):
    return exposure.run(argparse.Namespace(file=file, out=out))


def ledger(workers):
    """A ledger of many workers that have seen nothing, and one window that nobody has."""
    nothing = {'windows': [], 'frames': 0, 'first_s': 0, 'last_s': 2**37}
    seen = {f'name:w{i}': {'name': f'v{i}', **nothing} for i in range(workers)}
    return {
        'version': 2,
        'extent': 288,
        'window': 64,
        'scene': [[0, 64, 64]],
        'stands_in': {},
        'workers': seen,
    }


def test_a_ledger_of_many_workers_is_shown(tmp_path, capsys):
    """All are in the table, and as many as fit are in the picture."""
    path = tmp_path / 'x.json'
    path.write_text(json.dumps(ledger(256)))
    assert shown(path) == 0
    assert len(capsys.readouterr().out.splitlines()) == 257
    assert path.with_suffix('.png').stat().st_size > 1000


def test_an_empty_ledger_is_shown(tmp_path):
    """It has no workers."""
    path = tmp_path / 'x.json'
    path.write_text(json.dumps(ledger(0) | {'scene': []}))
    assert shown(path) == 0


def test_a_worker_is_shown_by_its_name_and_its_key(tmp_path, capsys):
    """So is the one that it replaces."""
    path, keys = tmp_path / 'x.json', ('A' * 43 + '=', 'B' * 43 + '=')
    made = ledger(2)
    made['workers'] = dict(zip(keys, made['workers'].values(), strict=True))
    path.write_text(json.dumps(made | {'stands_in': {keys[0]: keys[1]}}))
    assert shown(path) == 0
    first, second, _ = capsys.readouterr().out.splitlines()
    assert first.startswith(f'v0 ({keys[0]}): 0.0% of a frame')
    assert first.endswith(', stands in for v1')
    assert second.startswith(f'v1 ({keys[1]}): ')


@pytest.mark.parametrize('content', [b'', b'\xff', b'[' * 10**6, b'0' * 10**7, b'"\x1b[2J"'])
def test_what_is_no_ledger_is_named(tmp_path, content):
    """In few words, which are harmless on a terminal."""
    path = tmp_path / 'x\x1b[2J.json'
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        shown(path)
    assert len(str(caught.value)) < 700
    assert str(caught.value).isprintable()


def test_a_pipe_is_no_ledger(tmp_path):
    """It is refused at once, also if nobody writes to it."""
    path = tmp_path / 'pipe'
    os.mkfifo(path)
    with pytest.raises(ConfigError, match='is no file'):
        shown(path)


@pytest.mark.parametrize('out', ['no-suffix-known.xyz', 'missing/x.png'])
def test_a_picture_that_cannot_be_written_is_named(tmp_path, out):
    """An unknown suffix, a folder that is not there."""
    path = tmp_path / 'x.json'
    path.write_text(json.dumps(ledger(1)))
    with pytest.raises(ConfigError, match='cannot be drawn'):
        shown(path, tmp_path / out)


def test_a_scene_is_shown(tmp_path, capsys):
    """Each worker's part of it, and a picture."""
    scene = scene_of()
    for number, x in enumerate((500, 640, 760)):
        send(scene, at(x), number)
    path = tmp_path / 'x.json.scene'
    path.write_bytes(scene.to_bytes())
    assert shown(path) == 0
    told = capsys.readouterr().out
    shares = [float(each) for each in re.findall(r'name:[abc]: ([\d.]+)%', told)]
    assert len(shares) == 3
    assert sum(shares) == pytest.approx(100, abs=12)
    assert (tmp_path / 'x.json.png').stat().st_size > 1000


@pytest.mark.parametrize('content', [b'', b'\xff' * 100, scene_of().to_bytes()])
def test_a_file_without_a_scene_is_refused(content, tmp_path):
    """The error names the file."""
    path = tmp_path / 'x.scene'
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r'x\.scene'):
        shown(path)
