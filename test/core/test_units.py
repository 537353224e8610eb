"""The systemd units in config/systemd: systemd reads them, and they give few rights."""

import re
import subprocess
from pathlib import Path
from shutil import copy, which

import pytest

UNITS = Path(__file__).resolve().parents[2] / 'config' / 'systemd'
NAMES = ('pedsam-edge.service', 'pedsam-worker@alice.service')
MOST_EXPOSED = 2.0  # of 10, by systemd-analyze's count; 9.6 is a unit without any of this


@pytest.fixture
def units(tmp_path):
    """The units in a folder, the template with a name."""
    if not which('systemd-analyze'):
        pytest.skip('no systemd-analyze')
    copy(UNITS / 'pedsam-edge.service', tmp_path)
    copy(UNITS / 'pedsam-worker@.service', tmp_path / NAMES[1])
    return [tmp_path / name for name in NAMES]


def analyze(*words: str | Path) -> str:
    """What systemd-analyze prints. The test is skipped where it is too old for a word."""
    ended = subprocess.run(['systemd-analyze', *words], capture_output=True, text=True)
    if 'unrecognized option' in ended.stderr:
        pytest.skip(ended.stderr.strip())
    assert ended.returncode == 0, ended.stderr
    return ended.stdout + ended.stderr


def test_systemd_understands_the_units(units):
    """No unknown key, no value that it would pass over."""
    for unit in units:
        said = analyze('verify', '--man=no', '--recursive-errors=no', unit)
        assert unit.name not in said, said


def test_the_units_give_few_rights(units):
    """systemd's own count of what a unit leaves open; docs/deployment.md has the numbers."""
    for unit in units:
        said = analyze('security', '--offline=true', '--no-pager', unit)
        exposed = re.search(r'Overall exposure level for \S+: ([0-9.]+)', said)
        assert exposed, said
        assert float(exposed[1]) <= MOST_EXPOSED, said


@pytest.mark.parametrize('name', ['pedsam-edge.service', 'pedsam-worker@.service'])
def test_units_stop_with_the_signal_that_nodes_know(name):
    """SIGINT, and longer to stop than the 60 s after which a node ends itself."""
    text = (UNITS / name).read_text()
    assert 'KillSignal=SIGINT' in text
    limit = re.search(r'TimeoutStopSec=(\d+)', text)
    assert limit
    assert int(limit[1]) > 60
