"""The edge's loop and requests of the service: bounded, in turns, and never in a frame's way."""

import pytest

from pedsam_ros.core.errors import BadPrompt
from pedsam_ros.trial.lies import Lie, spoiled
from slow_loop import BOX, OUTSIDE, begin, stamps

pytestmark = [pytest.mark.ros, pytest.mark.usefixtures('one_at_a_time')]


def test_a_request_is_answered_right_after_the_frame_in_the_making(slow):
    """On the frame that was encoded last, which is that one."""
    begin(slow, 1)
    outcomes = []
    slow.loop.ask((*BOX, *OUTSIDE), outcomes.append)
    slow.step(4)
    assert (slow.masks, outcomes) == ([], [])
    slow.step()
    assert stamps(slow) == [(1, 6)]
    (answer,) = outcomes
    assert [mask.prompt for mask in answer.masks.masks] == [0]
    assert [refusal.prompt for refusal in answer.refused] == [1]
    assert answer.masks.key.stamp_ns == 1


def test_a_request_that_waits_for_too_long_is_refused(slow):
    """Who asked may be gone. One that was begun is answered, however long it takes."""
    begin(slow, 1)
    slow.step(5)
    outcomes = []
    for _ in range(2):
        slow.loop.ask((*BOX, *BOX), outcomes.append)
    slow.step()
    slow.clock.now_s += 10.1
    slow.step(5)
    answer, refusal = outcomes
    assert len(answer.masks.masks) == 2
    assert 'others took the 10 s' in str(refusal)


def test_requests_make_a_frame_later_by_one_batch_at_most(slow):
    """However many wait: between two complete frames comes one batch of the oldest request."""
    begin(slow, 1)
    outcomes = []
    for _ in range(10):
        slow.loop.ask(BOX * 2, outcomes.append)
    slow.arrive(stamp_ns=2)
    slow.step()
    slow.answer()
    slow.step(4)
    assert stamps(slow) == [(1, 6)]
    slow.step(6)
    assert stamps(slow) == [(1, 6), (2, 6)]
    assert len(outcomes) == 1
    while slow.loop.step() is not None:
        pass
    assert len(outcomes) == 10


def test_requests_for_automatic_masks_are_few_and_take_turns_with_the_others(slow):
    """They are the most expensive. One more is refused at once; the cheap ones do not wait."""
    begin(slow, 1)
    slow.step(5)
    cheap, dear = [], []
    for _ in range(40):
        slow.loop.ask((), dear.append)
    assert {str(told) for told in dear} == {'2 requests wait already for automatic masks'}
    assert len(dear) == 38
    for _ in range(3):
        slow.loop.ask(BOX, cheap.append)
    slow.step(6)
    assert len(cheap) == 3
    slow.loop.close()
    assert len(dear) == 40


def test_too_many_requests_are_refused(slow):
    """At once, by the number of prompts that wait. The others are answered."""
    begin(slow, 1)
    few, many = [], []
    slow.loop.ask(BOX, few.append)
    for _ in range(2):
        slow.loop.ask(BOX * 1024, many.append)
    assert [str(outcome) for outcome in many] == ['2 requests wait already, with too many prompts']
    slow.loop.ask(BOX, few.append)
    slow.step(4 + 2 + 1024)
    assert [len(answer.masks.masks) for answer in (*few, many[1])] == [1, 1, 1024]


def test_a_request_on_answers_of_a_liar_is_begun_anew(slow):
    """The frame that it was begun on is no frame any more."""
    begin(slow, 1)
    slow.step(5)
    outcomes = []
    slow.loop.ask(BOX * 3, outcomes.append)
    slow.step()
    slow.arrive(stamp_ns=2)
    slow.step()
    slow.answer(lambda reply: spoiled(reply, Lie.NOT_FINITE), who='alice')
    slow.step(2)
    assert [str(outcome) for outcome in outcomes] == ['no frame has been encoded yet']


def test_a_defect_in_a_request_is_told_and_ends_it(slow, monkeypatch):
    """The next request is answered."""
    begin(slow, 1)
    slow.step(5)
    outcomes = []
    with monkeypatch.context() as patched:
        patched.setattr(slow.edge, 'decoding', lambda *_: 1 / 0)
        slow.loop.ask(BOX, outcomes.append)
        with pytest.raises(ZeroDivisionError):
            slow.step()
    slow.loop.ask(BOX, outcomes.append)
    slow.step()
    assert isinstance(outcomes[0], BadPrompt)
    assert len(outcomes[1].masks.masks) == 1
