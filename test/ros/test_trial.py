"""The parts of the trial room without a whole system: lies, names, verdict, waiting."""

from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from fakes import TINY, WORKERS
from pedsam_ros.core import codec
from pedsam_ros.core.edge import ENDINGS
from pedsam_ros.core.errors import PedsamError
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.placement import place
from pedsam_ros.core.scene import Scene
from pedsam_ros.core.types import Embedding
from pedsam_ros.core.windows import Canvas, pixel_grid
from pedsam_ros.trial.client import Client
from pedsam_ros.trial.lies import Lie, spoiled
from pedsam_ros.trial.processes import NAMES, NodeProcess, workers_in
from pedsam_ros.trial.soak_record import MemorySample, SoakRecord
from pedsam_ros.trial.system import System, bad_ends
from pedsam_ros.trial.true_coverage import TrueCoverage
from pedsam_ros.trial.verdict import broken_promises, figures_of, judge
from pedsam_ros.trial.walk import Walk

pytestmark = pytest.mark.ros
WORKERS_FILE = Path(__file__).resolve().parents[2] / 'config' / 'workers.yaml'
CHANGED = {  # lie -> the fields of a reply that it may change
    Lie.NOT_FINITE: {'values'},
    Lie.SHAPE: {'shape', 'values'},
    Lie.DTYPE: {'dtype', 'values'},
    Lie.TRUNCATED: {'values'},
    Lie.MODEL: {'model_id'},
    Lie.WINDOW: {'index'},
    Lie.REQUEST: {'request_id'},
    Lie.ZEROS: {'values'},
}


@pytest.mark.parametrize('dtype', codec.DTYPES)
@pytest.mark.parametrize('lie', Lie)
def test_a_lie_makes_one_thing_wrong(lie, dtype):
    """Nothing else changes, and the size fits shape and dtype unless it is the lie."""
    shape = (4, 4, TINY.dim)
    reply = Embedding(1, 'm', 0, shape, dtype, b'\1' * codec.size_bytes(shape, dtype))
    wrong = spoiled(reply, lie)
    names = Embedding.__slots__
    changed = {name for name in names if getattr(wrong, name) != getattr(reply, name)}
    assert changed == CHANGED[lie]
    fits = len(wrong.values) == codec.size_bytes(wrong.shape, wrong.dtype)
    assert fits == (lie is not Lie.TRUNCATED)


def test_the_example_workers_are_those_of_the_workers_file():
    """Demo, soak and tests name their workers as config/workers.yaml does."""
    entries = yaml.safe_load(WORKERS_FILE.read_text())['workers']
    assert tuple(entry['name'] for entry in entries) == NAMES


@pytest.fixture
def record():
    """A soak of three frames in which nothing went wrong."""
    homes = place(pixel_grid(TINY), WORKERS)
    canvas, sent = Canvas.fit(TINY, 96, 128), {}
    for index in canvas.windows():
        sent.setdefault(homes[index], set()).add(index)
    ledger = Ledger(pixel_grid(TINY), homes)
    ledger.admit(sent, canvas, 1, 0.0)
    made = SoakRecord(arch=TINY, homes=homes, identities={}, sizes=((96, 128),), done=3)
    made.shown_s.extend([0.0, 0.1, 0.2])
    made.heard, made.ledger = sent, ledger.to_json()
    made.figures = dict.fromkeys(ENDINGS, '0') | {'frames_in': '3', 'done': '3', 'model_id': 'm'}
    made.memory = {'edge': [MemorySample(1, frame, 10**8) for frame in range(0, 3000, 100)]}
    made.faults = Counter(kill=2)
    return made


def grow(record):
    record.memory['edge'] = [MemorySample(1, f, 10**8 + f * 10**4) for f in range(0, 3000, 100)]


def forget_what_was_sent(record):
    record.ledger = Ledger(pixel_grid(TINY), record.homes).to_json()


TROUBLES = {  # the promise that is broken -> what happened
    'unaccounted': lambda record: record.figures.update(frames_in='4'),
    'wrong_masks': lambda record: record.wrong.append('stamp_ns=1: frame 0'),
    'masks_lost': lambda record: setattr(record, 'done', 2),
    'unrecovered': lambda record: record.unrecovered.append('bob'),
    'unnoticed': lambda record: record.unnoticed.append('bob: wrong_model'),
    'ended_by_themselves': lambda record: record.ended.append('edge'),
    'not_in_ledger': forget_what_was_sent,
    'rss_growth_percent': grow,
    'recoveries_p95_s': lambda record: record.recoveries_s.extend([3.0] * 20),
}


def test_a_soak_without_trouble_breaks_no_promise(record):
    """Its figures account for every frame, fault and window."""
    figures = figures_of(record)
    assert broken_promises(figures) == []
    assert (figures['frames_in'], figures['faults'], figures['recoveries']) == (3, 2, 0)
    assert figures['windows_heard'].keys() == set(NAMES)


@pytest.mark.parametrize('promise', TROUBLES)
def test_each_trouble_breaks_its_promise(record, promise):
    """The verdict names the promise, and no other."""
    TROUBLES[promise](record)
    assert broken_promises(figures_of(record)) == [promise]


def seen_by(workers):
    """The file of a scene of which workers saw all that they may."""
    scene = Scene(TINY, workers)
    sight = scene.look(Walk(0).picture(0), 0.0)
    scene.note(sight, scene.allowed(sight, sight.homes))
    return scene.to_bytes()


@pytest.fixture
def moving(record):
    """The same with a camera that moved. The file of the scene has what each worker saw."""
    record.identities = {worker.name: worker.identities for worker in WORKERS}
    record.scene, record.compared = seen_by(WORKERS), 1
    record.coverage = TrueCoverage(frames=3, windows=40, above=-0.01, largest={'alice': 0.4})
    record.told = {'alice': {'coverage': '0.39', 'state': 'usable'}}
    return record


def shown_more(record):
    record.coverage.violations, record.coverage.above = 1, 0.07


MOVING_TROUBLES = {
    'cap_violations': shown_more,
    'unknown_windows': lambda record: setattr(record.coverage, 'unknown', 1),
    'not_in_ledger': lambda record: setattr(record, 'scene', seen_by(WORKERS[:2])),
    'wrong_masks': lambda record: record.wrong.append('frame 0'),
}


def test_a_soak_with_a_moving_camera_has_figures_of_its_own(moving, tmp_path, capsys):
    """They say how near to its cap a worker came, and how many masks were compared."""
    figures = figures_of(moving)
    assert judge(figures, tmp_path) == 0
    assert '0 wrong masks, 1 compared; 0 caps exceeded (cap -1.0%)' in capsys.readouterr().out
    assert (figures['masks_compared'], figures['windows_heard']) == (1, 40)
    assert figures['told_by_the_edge'] == {'alice': {'coverage': '0.39'}}


@pytest.mark.parametrize('promise', MOVING_TROUBLES)
def test_each_trouble_of_a_moving_camera_breaks_its_promise(moving, promise):
    """The verdict names the promise, and no other."""
    MOVING_TROUBLES[promise](moving)
    assert broken_promises(figures_of(moving)) == [promise]


def test_a_window_of_another_home_exceeds_the_cap(record):
    """A worker that hears one window of another's is named; the ledger does not have it either."""
    record.heard['alice'].add(min(record.heard['bob']))
    figures = figures_of(record)
    assert broken_promises(figures) == ['cap_violations', 'not_in_ledger']
    assert figures['cap_violations_list'][0].startswith('alice: ')


def test_a_window_that_is_written_and_not_heard_is_no_leak(record):
    """It is reported, and breaks no promise: the ledger is written before a window is sent."""
    missed = min(record.heard['alice'])
    record.heard['alice'].remove(missed)
    figures = figures_of(record)
    assert broken_promises(figures) == []
    assert figures['not_heard'] == [f'alice: [{missed}]']


def test_a_few_slow_recoveries_break_no_promise(record):
    """The 95th percentile counts only if there are twenty recoveries."""
    record.recoveries_s.extend([3.0] * 19)
    assert broken_promises(figures_of(record)) == []


def test_one_slow_recovery_of_forty_breaks_no_promise(record):
    """It lies above the 95th percentile."""
    record.recoveries_s.extend([1.0] * 39 + [9.0])
    assert broken_promises(figures_of(record)) == []


def test_waiting_ends_when_a_process_has_ended(tmp_path, domain_id):
    """The error has the name of the process, its status and the end of its log."""
    process = NodeProcess('nowhere', 'bob', domain_id, tmp_path, {})
    said = r'(?s)bob ended with status 1;.*No module named'
    error = pytest.raises(PedsamError, match=said)
    with closing(Client(domain_id, processes={'bob': process})) as client, error:
        client.until(lambda: False)


def test_waiting_ends_when_patience_runs_out(domain_id):
    """Then `within` returns what the condition is, and `until` raises the complaint."""
    with closing(Client(domain_id, patience_s=0.1)) as client:
        assert client.within(0.1, lambda: 0) == 0
        assert client.within(0.1, lambda: 7) == 7
        with pytest.raises(PedsamError, match='no mask came'):
            client.until(lambda: False, 'no mask came')


def run_badly(system, error=None):
    with system:
        system.start('nowhere', 'bob', {})
        system.processes['bob'].wait()
        if error:
            raise error


def test_a_node_that_ends_badly_fails_its_system(tmp_path, domain_ids):
    """The error has its name and status; what is raised beside it is not hidden by it."""
    system = System(workers_in(domain_ids), domain_ids[0], tmp_path)
    with pytest.raises(PedsamError, match=r'^bob ended with status 1; logs are in '):
        run_badly(system)
    with pytest.raises(KeyError):
        run_badly(system, KeyError())
    assert not system.processes


def test_a_signal_waits_until_a_process_can_take_it(tmp_path, domain_id):
    """One that is ended as soon as it was started has ended as asked."""
    process = NodeProcess('nodes.overlay_node', 'overlay', domain_id, tmp_path, {})
    process.interrupt()
    assert process.wait() == 0


def test_bad_ends_are_said_in_words():
    """Nothing is said of a process that ended with status 0."""
    assert bad_ends({'edge': 0, 'alice': 0}) == ''
    said = 'alice ended with status 1, bob ended with status -9'
    assert bad_ends({'edge': 0, 'alice': 1, 'bob': -9}) == said
