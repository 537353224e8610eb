"""requirements/locked: what scripts/setup.sh installs, each file by its hash."""

import re
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).resolve().parents[2] / 'requirements'
COMMON = ('build', 'run', 'assets', 'attackers', 'dev', 'docs')
LOCKS = {distro: (f'ros-{distro}', *COMMON) for distro in ('jazzy', 'kilted')}
ALL = sorted(path.name for path in (REQUIREMENTS / 'locked').glob('*.txt'))
_PIN = re.compile(r'^([\w.-]+)==([\w.]+)', re.MULTILINE)


def pins(path: Path) -> set[tuple[str, str]]:
    """The packages and versions that a file pins, names as the package index writes them."""
    found = _PIN.findall(path.read_text())
    return {(re.sub(r'[-_.]+', '-', name).lower(), version) for name, version in found}


@pytest.mark.parametrize('distro', LOCKS)
def test_a_lock_has_every_version_that_we_pin(distro):
    """If this fails, requirements/*.txt has changed: run scripts/lock.sh."""
    wanted = set().union(*(pins(REQUIREMENTS / f'{name}.txt') for name in LOCKS[distro]))
    assert len(wanted) > 40
    locked = (pins(REQUIREMENTS / 'locked' / f'{name}.txt') for name in (distro, 'torch-cuda'))
    assert wanted - set().union(*locked) == set()


@pytest.mark.parametrize('name', ALL)
def test_every_package_has_a_version_and_hashes(name):
    """pip would take any file of a package without a hash, or refuse the whole list."""
    text = re.sub(r'\\\n', ' ', (REQUIREMENTS / 'locked' / name).read_text())
    lines = [line for line in text.splitlines() if not line.startswith('#')]
    assert lines
    for line in lines:
        assert re.match(r'[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}\b', line), line


@pytest.mark.parametrize('name', ALL)
def test_a_lock_names_no_place(name):
    """Where files come from is the user's choice; which files, ours."""
    assert not re.search(
        r'://|^ *-',
        (REQUIREMENTS / 'locked' / name).read_text().replace('    --hash=sha256:', ''),
        re.MULTILINE,
    )


def test_a_robot_keeps_its_numpy():
    """The lock for robots leaves NumPy to the distribution (docs/dependencies.md)."""
    assert 'numpy' not in {name for name, _ in pins(REQUIREMENTS / 'locked' / 'robot.txt')}
