"""The edge's services, with a client in another participant and a loop that answers when told."""

import threading
import time
from contextlib import closing

import pytest

from domains import domains
from pedsam_ros.core.errors import BadPrompt, ConfigError
from pedsam_ros.core.operator_word import OperatorWord
from pedsam_ros.core.prompts import Limits
from pedsam_ros.msg import Prompt
from pedsam_ros.nodes.compute import ComputeThread
from pedsam_ros.nodes.edge_services import Active, Services
from pedsam_ros.ros import operator_call
from pedsam_ros.srv import Release, ResetExposure, Segment
from two_nodes import TwoNodes

pytestmark = pytest.mark.ros
SECRET = 'ab' * 32
EDGE = '/reader'


class Held:
    """A loop that answers no request until a test does; carol alone is in quarantine."""

    prompt_limits = Limits(prompts=3, points=4)

    def __init__(self):
        self.asked = []
        self.released = []

    def ask(self, prompts, tell):
        self.asked.append(tell)

    def release(self, worker):
        if worker == 'carol':
            return self.released.append(worker)
        raise ConfigError(f'{worker}: not in quarantine')


class Kept:
    """Files that count how often they are reset."""

    def __init__(self):
        self.ledger, self.resets = self, 0

    def to_json(self):
        return '{}'

    def reset(self):
        self.resets += 1


@pytest.fixture
def bench():
    """Two nodes; `loop` is what the services of one of them ask."""
    with domains(1) as (domain_id,), closing(TwoNodes(domain_id)) as two:
        two.loop, two.services = Held(), Services(two.reader)
        compute = ComputeThread(lambda: None, print)
        compute.start()
        two.file = Kept()
        word = OperatorWord(SECRET, EDGE)
        two.services.active = Active(two.loop, compute, two.file, word)
        two.segment = two.node.create_client(Segment, '/reader/segment')
        two.release = two.node.create_client(Release, '/reader/release')
        two.reset = two.node.create_client(ResetExposure, '/reader/reset_exposure')
        clients = (two.segment, two.release, two.reset)
        two.until(lambda: all(client.service_is_ready() for client in clients))
        yield two
        compute.close()


def ask(bench, times):
    """Calls ~/segment so many times, each when the one before is with the loop or refused."""
    calls = []
    for _ in range(times):
        before = len(bench.loop.asked)
        calls.append(bench.segment.call_async(Segment.Request()))
        bench.until(lambda: calls[-1].done() or len(bench.loop.asked) > before)  # noqa: B023
    return calls


def calling(bench, client):
    """A function that calls a service and returns its response."""

    def call(request):
        answer = client.call_async(request)
        bench.until(answer.done)
        return answer.result()

    return call


def test_the_operator_may_release_and_reset(bench):
    """One after the other, and each as often as it takes."""
    for number in (1, 2):
        call = calling(bench, bench.release)
        assert operator_call.release(call, SECRET, EDGE, 'carol').success
        assert operator_call.reset_exposure(calling(bench, bench.reset), SECRET, EDGE).success
        assert bench.loop.released == ['carol'] * number
        assert bench.file.resets == number
    assert bench.services.unproven == 0


def test_who_does_not_know_the_secret_changes_nothing(bench):
    """A stranger who reads all that goes through the domain can repeat none of it."""
    call, heard = calling(bench, bench.release), []

    def overheard(request):
        heard.append(Release.Request(worker=request.worker, proof=request.proof))
        return call(request)

    assert operator_call.release(overheard, SECRET, EDGE, 'carol').success
    for request in (*heard, Release.Request(worker='carol')):
        response = call(request)
        assert not response.success
        assert 'only the operator' in response.message
    for secret, edge in (('cd' * 32, EDGE), (SECRET, '/other')):
        assert not operator_call.release(call, secret, edge, 'carol').success
        reset = calling(bench, bench.reset)
        assert not operator_call.reset_exposure(reset, secret, edge).success
    assert bench.loop.released == ['carol']
    assert bench.file.resets == 0
    assert bench.services.unproven == 5  # requests without a proof are no attempts


def test_a_flood_of_wrong_proofs_locks_the_operator_out_of_nothing(bench):
    """They change no challenge."""
    call = calling(bench, bench.release)
    for number in range(50):
        call(Release.Request(worker='carol', proof=f'{number:064}'))
    assert operator_call.release(call, SECRET, EDGE, 'carol').success


def test_an_edge_that_is_not_active_gives_no_challenge(bench):
    """And does nothing."""
    bench.services.close()
    response = operator_call.release(calling(bench, bench.release), SECRET, EDGE, 'carol')
    assert (response.success, response.challenge) == (False, '')
    assert response.message == 'the node is not active'


def test_other_services_do_not_wait_for_a_long_request(bench):
    """Nor does the next request; all are answered in the end."""
    calls = ask(bench, 2)
    released = operator_call.release(calling(bench, bench.release), SECRET, EDGE, 'bob')
    assert released.message == 'bob: not in quarantine'
    assert not any(call.done() for call in calls)
    for tell in bench.loop.asked:
        tell(BadPrompt('told'))
    bench.until(lambda: all(call.done() for call in calls))
    assert {call.result().message for call in calls} == {'told'}


def test_requests_that_wait_are_bounded(bench):
    """One more is refused at once; when one has its answer, there is room again."""
    calls = ask(bench, 65)
    assert calls[-1].result().message == '64 requests wait already'
    assert len(bench.loop.asked) == 64
    bench.loop.asked[0](BadPrompt('told'))
    bench.until(calls[0].done)
    ask(bench, 1)
    assert len(bench.loop.asked) == 65


def test_a_request_over_the_limits_is_refused_before_it_is_read(bench):
    """By the number of prompts, and of their points in all."""
    one = Prompt(points=[1.0, 1.0], labels=[1])
    many = Prompt(points=[1.0, 1.0] * 5, labels=[1] * 5)
    calls = [
        bench.segment.call_async(Segment.Request(prompts=prompts))
        for prompts in ([one] * 4, [many], [one] * 3)
    ]
    bench.until(lambda: calls[0].done() and calls[1].done() and bench.loop.asked)
    assert calls[0].result().message == '4 prompts: at most 3 are answered together'
    assert calls[1].result().message == '5 points in all: at most 4 are taken together'
    assert len(bench.loop.asked) == 1


def test_an_answer_wakes_the_executor(bench):
    """It waits for nothing else then: without a limit."""
    (call,) = ask(bench, 1)
    executor = bench.reader.executor
    answered = threading.Event()
    executor.spin_once(timeout_sec=0.1)

    def spin():
        while not answered.is_set():
            executor.spin_once()

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    bench.loop.asked[0](BadPrompt('told'))
    end_s = time.monotonic() + 300.0
    while not call.done():
        assert time.monotonic() < end_s, 'the executor slept on'
        bench.node.executor.spin_once(timeout_sec=0.1)
    answered.set()
    executor.create_task(lambda: None)
    thread.join()
