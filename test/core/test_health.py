"""How workers stand: heartbeats, idleness, quarantine."""

from dataclasses import replace

import pytest

from pedsam_ros.core.health import Condition, Health, WorkerState, explain, sentence
from pedsam_ros.core.types import WorkerStatus

GOOD = WorkerStatus('m', 'tiny', 0, 0, 0, 0, 0.0, '', 'p')


def health():
    made = Health('m', timeout_s=3.0)
    made.heard('alice', GOOD, 10.0)
    return made


def test_a_worker_is_usable_while_it_is_heard():
    """Then it is silent; once it is heard again, it is usable again."""
    made = health()
    assert made.condition('bob', 10.0).state is WorkerState.NOT_HEARD_OF
    assert made.condition('alice', 13.0).usable
    assert made.condition('alice', 13.1).state is WorkerState.SILENT
    made.heard('alice', GOOD, 14.0)
    assert made.condition('alice', 14.0).usable


def test_wrong_models_are_named():
    """A worker is no use with another model_id."""
    made = health()
    made.heard('alice', replace(GOOD, model_id='x'), 11.0)
    wrong = made.condition('alice', 11.0)
    assert wrong == Condition(WorkerState.WRONG_MODEL, "model_id='x', this edge has m")


def test_wrong_codecs_are_named():
    """Only an edge whose embeddings travel by the codec asks for it, and blames nobody."""
    made = Health('m', timeout_s=3.0, codec_id='c')
    for told in ('', 'd'):
        made.heard('alice', replace(GOOD, codec_id=told), 11.0)
        wrong = made.condition('alice', 11.0)
        assert wrong == Condition(WorkerState.WRONG_CODEC, f'codec={told!r}, this edge has c')
        assert not made.quarantined('alice')
    made.heard('alice', replace(GOOD, codec_id='c'), 11.0)
    assert made.condition('alice', 11.0).usable
    assert health().condition('alice', 11.0).usable


def test_quarantine_holds_until_release():
    """Whatever heartbeats the worker sends. The first reason stays."""
    made = health()
    made.quarantine('alice', 'NaN')
    made.quarantine('alice', 'again')
    made.heard('alice', GOOD, 11.0)
    assert made.condition('alice', 11.0) == Condition(WorkerState.QUARANTINED, 'NaN')
    assert made.release('alice')
    assert not made.release('alice')
    assert made.condition('alice', 11.0).usable


@pytest.mark.parametrize(
    ('state', 'words'),
    [
        (WorkerState.USABLE, ''),
        (WorkerState.NOT_HEARD_OF, 'not heard of'),
        (
            WorkerState.NOT_CONNECTED,
            'not connected yet (do keys differ, or is one end insecure?)',
        ),
        (WorkerState.SILENT, 'silent'),
        (WorkerState.WRONG_MODEL, 'detail'),
        (WorkerState.WRONG_CODEC, 'detail'),
        (WorkerState.QUARANTINED, 'quarantined: detail'),
    ],
)
def test_every_state_has_a_sentence(state, words):
    """People read what docs/reliability.md quotes."""
    assert sentence(Condition(state, 'detail')) == words
    assert explain({'bob': Condition(state, 'detail')}) == f'bob {words}'


def test_the_states_are_those_that_diagnostics_show():
    """Other programs compare these values, so they must not change."""
    assert {state.value for state in WorkerState} == {
        'usable',
        'not_heard_of',
        'not_connected',
        'silent',
        'wrong_model',
        'wrong_codec',
        'quarantined',
    }


def test_another_process_has_nothing_of_what_was_asked_before():
    """The handshake tells it. A worker that has been idle for long has nothing either."""
    made = health()
    assert made.lost_before_s('bob', 1.0) == float('-inf')
    made.heard('alice', replace(GOOD, queued=3), 12.0)
    assert made.lost_before_s('alice', 1.0) == 10.0
    made.heard('alice', GOOD, 12.5)
    assert made.lost_before_s('alice', 1.0) == 11.5
    made.heard('alice', replace(GOOD, process='other'), 13.1)
    assert made.lost_before_s('alice', 1.0) == 13.1


def test_a_worker_that_names_one_process_after_another_gains_nothing():
    """Otherwise it would be sent all its windows again with every heartbeat."""
    made = health()
    for tenth in range(1, 30):
        made.heard('alice', replace(GOOD, queued=1, process=str(tenth)), 10.0 + tenth / 10)
    assert made.lost_before_s('alice', 1.0) == 10.0


def test_idle_is_a_worker_that_says_so():
    """What counts is the last time at which nothing was queued."""
    made = health()
    assert made.idle_s('bob') == float('-inf')
    made.heard('alice', replace(GOOD, queued=3), 11.0)
    assert made.idle_s('alice') == 10.0
    made.heard('alice', GOOD, 12.0)
    assert made.idle_s('alice') == 12.0
