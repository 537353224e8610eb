"""`pedsam train`, `pedsam distill` and `pedsam estimate` as a user types them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from child_processes import children_of, gone
from drawn_assets import SMALL, write_assets
from pedsam_ros.core.architecture import ARCHITECTURES
from pedsam_ros.core.model import checkpoint
from pedsam_ros.core.model.monolithic import MonolithicEncoder
from pedsam_ros.tools.estimate import needs_of

HANGS_S = 900  # two steps take minutes where many other processes want the same cores

pytestmark = pytest.mark.timeout(HANGS_S)


def pedsam(*arguments):
    command = [sys.executable, '-m', 'pedsam_ros.tools.cli', *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ)


def test_two_processes_train_and_a_student_is_distilled_from_the_result(tmp_path):
    """After two steps each, the weights, the log and the picture of the curves can be read."""
    assets = write_assets(tmp_path / 'assets.zip')
    common = ('--assets', assets, '--steps', 2, '--batch', 2)
    out, scenes = tmp_path / 'sam', ('--scenes', 4, '--order', 'sam', '--processes', 2)
    ended = pedsam('train', *common, *scenes, '--out', out)
    assert ended.returncode == 0, ended.stderr
    teacher = checkpoint.read(str(out / 'model.safetensors'))
    assert teacher.order == 'sam'
    log = [json.loads(line) for line in (out / 'log.jsonl').read_text().splitlines()]
    assert [row['step'] for row in log] == [1, 2]
    assert (out / 'curves.png').stat().st_size > 1000
    source = ('--checkpoint', out / 'model.safetensors')
    ended = pedsam('distill', *common, *source, '--out', tmp_path / 'ped')
    assert ended.returncode == 0, ended.stderr
    assert checkpoint.read(str(tmp_path / 'ped' / 'model.safetensors')).order == 'ped'


def test_a_terminated_run_leaves_no_process_behind(tmp_path):
    """SIGTERM ends all processes that learn together."""
    assets = write_assets(tmp_path / 'assets.zip')
    words = ('train', '--assets', assets, '--steps', 10**6, '--batch', 2, '--processes', 2)
    words += ('--scenes', 4)
    command = [sys.executable, '-m', 'pedsam_ros.tools.cli', *words, '--out', tmp_path / 'run']
    with subprocess.Popen([*map(str, command)], stderr=subprocess.PIPE) as run:
        try:
            while not (tmp_path / 'run' / 'log.jsonl').is_file():
                assert run.stderr.read1(), 'it ended before its first step'  # the progress bar
            learning = processes_in(run.pid)
            assert len(learning) >= 2
            run.terminate()
            run.communicate()
            assert run.returncode == 130
            assert gone(learning)
        finally:
            run.terminate()


def processes_in(pid):
    """The processes that a process has started, without multiprocessing's own helpers."""
    return [
        p for p in children_of(pid) if b'spawn_main' in Path(f'/proc/{p}/cmdline').read_bytes()
    ]


@pytest.mark.parametrize(
    ('arguments', 'named'),
    [
        (['--batch', 3, '--processes', 2], 'processes=2'),
        (['--rate', 2], 'rate=2.0'),
        (['--device', 'abacus'], "device='abacus'"),
        (['--processes', 2], "assets='/nowhere.zip'"),
        (['--edge-only', '--order', 'sam'], "order='sam', stage='masks': --edge-only"),
        (['--stage', 'look'], "stage='look', start=None"),
        (['--second-look', '/nowhere'], '--second-look is for look'),
        (['--scenes', 0], 'scenes=0'),
    ],
)
def test_wrong_arguments_of_train_are_named(tmp_path, arguments, named):
    """The command prints one line and ends with status 2, also with several processes."""
    ended = pedsam('train', '--assets', '/nowhere.zip', '--out', tmp_path, *arguments)
    assert ended.returncode == 2
    assert named in ended.stderr.splitlines()[-1]
    assert 'Traceback' not in ended.stderr


def test_an_estimate_counts_every_copy_of_the_weights():
    """There are six copies of four bytes, and a larger model needs more of everything."""
    small, large = needs_of(SMALL), needs_of(ARCHITECTURES['vit_tiny'])
    parameters = sum(p.numel() for p in MonolithicEncoder(SMALL).parameters())
    assert small['weights_gb'] == pytest.approx(24 * parameters / 1e9)
    assert all(small[key] < large[key] for key in small)
