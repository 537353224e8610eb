"""What documents the parameters is made from the settings, and up to date."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pedsam_ros.bags.replay_config import ReplayConfig
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.overlay_config import OverlayConfig
from pedsam_ros.core.settings import groups_of, settings_of
from pedsam_ros.core.worker_config import WorkerConfig
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.learn.trainer import Recipe

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path('scripts', 'write_parameters.py')
WITH_DEFAULTS = (EdgeConfig, WorkerConfig, OverlayConfig, ReplayConfig, Recipe)
CONFIGS = (*WITH_DEFAULTS, WorkerEntry)
SETTINGS = [each for config in CONFIGS for group in groups_of(config) for each in group.settings]


def write_parameters(root: Path, *words: str) -> subprocess.CompletedProcess:
    """Runs the script of a copy of the repository on the settings of this one."""
    return subprocess.run(
        [sys.executable, root / SCRIPT, *words],
        env={**os.environ, 'PYTHONPATH': str(ROOT / 'src')},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def copied(tmp_path) -> Path:
    """The script and all that it writes."""
    shutil.copytree(ROOT / 'config', tmp_path / 'config')
    for name in (SCRIPT, 'docs/parameters.md', 'README.md'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_files_and_tables_say_what_the_settings_say():
    """Run the script after each change of a setting."""
    ended = write_parameters(ROOT, '--check')
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ('name', 'old', 'new'),
    [
        ('config/edge.yaml', 'deadline_s: 2.0', 'deadline_s: 3.0'),
        ('config/workers.yaml', '#   spare', '#   spar'),
        ('docs/parameters.md', '0.01 to 600.0', '0.01 to 60.0'),
        ('README.md', '| `2.0` |', '| `3.0` |'),
    ],
)
def test_a_file_that_was_changed_by_hand_is_named_and_written_anew(copied, name, old, new):
    """What stands outside the marks of a page is left as it is."""
    path = copied / name
    right = path.read_text()
    assert old in right
    path.write_text('kept\n' * (path.suffix == '.md') + right.replace(old, new))
    ended = write_parameters(copied, '--check')
    assert (ended.returncode, ended.stdout.split(':')[0]) == (1, name)
    assert write_parameters(copied).returncode == 0
    assert path.read_text() == 'kept\n' * (path.suffix == '.md') + right
    assert write_parameters(copied, '--check').returncode == 0


@pytest.mark.parametrize('each', SETTINGS, ids=lambda each: each.name)
def test_every_setting_says_what_it_means(each):
    """One phrase without its unit and bounds, which are added; a rule has both bounds."""
    assert each.rule.text
    assert not each.rule.text.endswith(('.', ', s', ', px', ', Hz'))
    assert not each.name.endswith('_s') or each.unit == 's'
    assert '=' not in each.rule.text
    assert (each.rule.low is None) == (each.rule.high is None)
    assert bool(each.rule.pattern) == bool(each.rule.form)
    assert each.default != () or each.rule.example


@pytest.mark.parametrize('config', WITH_DEFAULTS)
def test_every_default_keeps_its_rule(config):
    """Of each group as well."""
    for group in groups_of(config):
        for each in group.settings:
            assert each.broken_rule(each.default) == ''


def test_a_field_is_a_setting_or_a_group_of_settings():
    """Nothing of a config class is left out of the files and tables."""
    for config in CONFIGS:
        groups = [group.prefix.removesuffix('.') for group in groups_of(config)[1:]]
        names = [each.name for each in settings_of(config)]
        assert [*names, *groups] == list(config.__dataclass_fields__)
