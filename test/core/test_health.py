"""Who can be used, and why not."""

from dataclasses import replace

from pedsam_ros.core.health import Health
from pedsam_ros.core.types import WorkerStatus

GOOD = WorkerStatus('m', 'tiny', 1, 0, 0, 0, 0.0, 'r', '')


def health():
    made = Health('m', timeout_s=3.0)
    made.heard('alice', GOOD, 10.0)
    return made


def test_a_worker_is_usable_while_it_is_heard():
    """Then it is silent; heard again, it is usable again."""
    made = health()
    assert made.trouble('bob', 10.0) == 'not heard of'
    assert made.trouble('alice', 13.0) == ''
    assert made.trouble('alice', 13.1) == 'silent'
    made.heard('alice', GOOD, 14.0)
    assert made.trouble('alice', 14.0) == ''


def test_wrong_models_and_deaf_workers_are_named():
    """Another model_id; nobody reads its embeddings."""
    made = health()
    made.heard('alice', replace(GOOD, model_id='x'), 11.0)
    assert made.trouble('alice', 11.0) == "model_id='x', this edge has m"
    made.heard('alice', replace(GOOD, clients=0), 12.0)
    assert made.trouble('alice', 12.0) == 'not connected yet'


def test_quarantine_holds_until_release():
    """Whatever the worker says of itself; the first reason stays."""
    made = health()
    made.quarantine('alice', 'NaN')
    made.quarantine('alice', 'again')
    made.heard('alice', GOOD, 11.0)
    assert made.trouble('alice', 11.0) == 'quarantined: NaN'
    assert made.release('alice')
    assert not made.release('alice')
    assert made.trouble('alice', 11.0) == ''


def test_another_process_has_nothing_of_what_was_asked_before():
    """It reads with another reader; one that is idle for long has nothing either."""
    made = health()
    assert made.lost_before_s('bob', 1.0) == float('-inf')
    assert (made.reader('bob'), made.reader('alice')) == ('', 'r')
    made.heard('alice', replace(GOOD, queued=3), 12.0)
    assert made.lost_before_s('alice', 1.0) == 10.0
    made.heard('alice', GOOD, 12.5)
    assert made.lost_before_s('alice', 1.0) == 11.5
    made.heard('alice', replace(GOOD, reader='other'), 13.1)
    assert made.lost_before_s('alice', 1.0) == 13.1


def test_a_worker_that_names_one_reader_after_another_gains_nothing():
    """It would be sent all its windows again with every heartbeat."""
    made = health()
    for tenth in range(1, 30):
        made.heard('alice', replace(GOOD, queued=1, reader=str(tenth)), 10.0 + tenth / 10)
    assert made.lost_before_s('alice', 1.0) == 10.0


def test_idle_is_a_worker_that_says_so():
    """The last time at which nothing was queued."""
    made = health()
    assert made.idle_s('bob') == float('-inf')
    made.heard('alice', replace(GOOD, queued=3), 11.0)
    assert made.idle_s('alice') == 10.0
    made.heard('alice', GOOD, 12.0)
    assert made.idle_s('alice') == 12.0
