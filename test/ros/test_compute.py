"""The computing thread and the queue in front of it."""

import threading

import pytest

from pedsam_ros.nodes.compute import ComputeThread, Intake

pytestmark = pytest.mark.ros
WAIT_S = 300.0  # only catches hangs


@pytest.fixture
def thread():
    """A thread whose steps are counted."""
    made = ComputeThread(lambda: made.step(), lambda error: made.errors.append(error))
    made.steps, made.errors, made.stepped = 0, [], threading.Event()

    def step():
        made.steps += 1
        made.stepped.set()

    made.step = step
    made.start()
    yield made
    made.close()


def test_the_newest_stay(thread):
    """An intake gives back what had to make room, oldest first, and counts it."""
    intake = Intake(2)
    assert [intake.offer(i) for i in range(4)] == [None, None, 0, 1]
    assert intake.take(5) == [2, 3]
    assert len(intake) == 0
    assert intake.counts() == (4, 2)


def test_jobs_run_in_order_and_what_they_raise_is_reported(thread):
    """What a job raises does not end the thread."""
    ran = []
    for i in range(5):
        thread.post(lambda i=i: ran.append(i))
    thread.post(lambda: 1 / 0)
    thread.call(lambda: ran.append(5))
    assert ran == [0, 1, 2, 3, 4, 5]
    assert [type(error) for error in thread.errors] == [ZeroDivisionError]


def test_a_call_raises_what_its_job_raises(thread):
    """So activation fails where warming up fails."""
    with pytest.raises(ZeroDivisionError):
        thread.call(lambda: 1 / 0)
    assert thread.errors == []


def test_a_flood_of_jobs_does_not_keep_step_from_running(thread):
    """It runs although there is always another job."""
    flooding = threading.Event()

    def again():
        if not flooding.is_set():
            thread.post(again)

    thread.call(lambda: None)
    thread.steps = 0
    thread.post(again)
    for _ in range(5):
        thread.stepped.clear()
        assert thread.stepped.wait(WAIT_S)
    flooding.set()
    assert thread.steps >= 5


def test_wake_has_step_run(thread):
    """No job is needed for that."""
    thread.call(lambda: None)
    thread.stepped.clear()
    thread.wake()
    assert thread.stepped.wait(WAIT_S)


def test_a_job_that_waits_is_not_posted_once_more(thread):
    """After a long step one report is enough. The next one runs again."""
    ran, held, going = [], threading.Event(), threading.Event()

    def hold():
        going.set()
        held.wait(WAIT_S)

    def report():
        ran.append('report')

    thread.post(hold)
    assert going.wait(WAIT_S)
    for _ in range(10):
        thread.post_once(report)
    held.set()
    thread.call(lambda: None)
    assert ran == ['report']
    thread.post_once(report)
    thread.call(lambda: None)
    assert ran == ['report', 'report']


def test_close_runs_what_was_posted(thread):
    """So whoever waits for an answer gets it. Jobs that are posted later are dropped."""
    ran, held = [], threading.Event()
    thread.post(lambda: held.wait(WAIT_S))
    thread.post(lambda: ran.append('posted'))
    closing = threading.Thread(target=thread.close)
    closing.start()
    held.set()
    closing.join(WAIT_S)
    assert ran == ['posted']
    thread.post(lambda: ran.append('late'))
    assert ran == ['posted']


def test_a_call_after_close_raises(thread):
    """It would otherwise wait for ever."""
    thread.close()
    with pytest.raises(RuntimeError, match='closed'):
        thread.call(lambda: None)
