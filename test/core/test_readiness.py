"""Which workers get windows now, and which frames may wait for theirs."""

import pytest

from pedsam_ros.core.config import EdgeConfig, LossConfig
from pedsam_ros.core.health import Condition, WorkerState
from pedsam_ros.core.readiness import START_S, may_wait, usable

READY, SILENT = Condition(WorkerState.USABLE), Condition(WorkerState.SILENT)
UNHEARD = Condition(WorkerState.NOT_HEARD_OF)


def test_only_usable_workers_get_windows():
    """All other states keep a worker out."""
    conditions = {state.value: Condition(state) for state in WorkerState}
    assert usable(conditions, set(), active_s=1e9) == {'usable'}


@pytest.mark.parametrize('state', [WorkerState.NOT_HEARD_OF, WorkerState.NOT_CONNECTED])
def test_free_spares_stay_free_while_workers_start(state):
    """A spare in use is used; a free one becomes usable after the time that workers may take."""
    conditions = {'bob': Condition(state), 'dave': READY, 'erin': READY}
    assert usable(conditions, {'dave'}, active_s=START_S - 0.1) == {'erin'}
    assert usable(conditions, {'dave'}, active_s=START_S) == {'dave', 'erin'}


def test_a_worker_that_is_lost_after_its_start_needs_no_patience():
    """It has started, so the spare may take its place at once."""
    assert usable({'bob': SILENT, 'dave': READY}, {'dave'}, active_s=0.0) == {'dave'}


@pytest.mark.parametrize(
    ('every_frame', 'rules', 'missing', 'waits'),
    [
        (True, ('spare',), [UNHEARD, SILENT], True),
        (False, ('spare',), [UNHEARD], False),
        (True, ('spare', 'fail'), [UNHEARD], False),
        (True, (), [SILENT, Condition(WorkerState.QUARANTINED, 'NaN')], False),
    ],
)
def test_a_frame_waits_only_with_every_frame_and_only_if_waiting_can_help(
    every_frame, rules, missing, waits
):
    """It cannot help where `fail` is a rule or a person is needed."""
    config = EdgeConfig(every_frame=every_frame, loss=LossConfig(on_server_loss=rules))
    assert may_wait(missing, config) == waits
