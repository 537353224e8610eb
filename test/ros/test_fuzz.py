"""A few hundred hostile inputs for each decoder; `python test/fuzz.py` runs 100,000."""

import json
import subprocess
import sys
from pathlib import Path

import fuzz
import pytest
from fuzz_targets import TARGETS, Target

pytestmark = pytest.mark.ros


@pytest.fixture(scope='module')
def outcomes(tmp_path_factory):
    """What the command finds: 300 cases of each target, by its name.

    It is a process that has seen no test, because it forks. A fork of this one would hold what
    earlier tests left of their nodes and threads, and end wherever that is cleared away.
    """
    out = tmp_path_factory.mktemp('fuzz') / 'fuzz.json'
    command = [sys.executable, fuzz.__file__, '--mutations', '300', '--out', str(out)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=Path(fuzz.__file__).parent)
    assert out.is_file(), ended.stderr
    return {each['target']: each for each in json.loads(out.read_text())['targets']}


@pytest.mark.parametrize('name', TARGETS)
def test_hostile_input_raises_the_products_errors_and_nothing_else(name, outcomes):
    """It is refused or read; it neither hangs nor takes memory."""
    outcome = outcomes[name]
    assert outcome['faults'] == []
    assert outcome['cases'] == outcome['accepted'] + outcome['refused'] == 300


def test_every_kind_of_fault_is_found():
    """A foreign error, memory over the bound, and the end of the process."""

    def decode(case):
        if case == 3:
            raise ZeroDivisionError
        if case == 5:
            bytearray(b'x' * 2**27)

    numbers = iter(range(100))
    target = Target('x', lambda _: next(numbers), (), decode, 32)
    faults = fuzz.in_process(target, range(6), 0).faults
    assert [fault.split(':')[0] for fault in faults] == ['case 3', 'case 5']
    fatal = Target('x', lambda _: 0, (), lambda _: fuzz.os._exit(9), 32)
    assert 'status 9' in fuzz.in_process(fatal, range(3), 0).faults[0]
