"""Strangers in a worker's domain: they read nothing, forge nothing, and harm nobody."""

from contextlib import closing
from itertools import count

import numpy as np
import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.serialization import deserialize_message

from domains import domains
from fakes import frame
from pedsam_ros.core.allow_list import WORKER_NODE
from pedsam_ros.core.health import WorkerState
from pedsam_ros.core.model import checkpoint
from pedsam_ros.core.windows import Canvas, partition, pixel_grid
from pedsam_ros.msg import SealedEmbedding, SealedWindow
from pedsam_ros.nodes.keys_of_all import KeysOfAll
from pedsam_ros.ros import convert
from pedsam_ros.trial.client import Client
from pedsam_ros.trial.diary import Diary
from pedsam_ros.trial.lies import Lie
from rig import SEED, SOON_SILENT, homes, image_msg, local_pipeline, same, show
from stranger import TOPICS, Stranger

pytestmark = pytest.mark.ros
stamps = count(1)
MB = 10**6


@pytest.fixture
def stranger(running):
    """A stranger in alice's domain, whom edge and worker hear."""
    worker = running.worker('alice')
    with closing(Stranger(worker.domain_id, 'alice')) as made:
        running.client.until(made.known)
        yield made


@pytest.fixture(scope='module')
def camera(running):
    """The robot's camera."""
    return running.client.camera()


def masks_are_right(rig, camera) -> bool:
    """Whether a frame gets the masks of one process."""
    stamp = next(stamps)
    ours = convert.masks_from_msg(show(rig, camera, stamp))
    return same(ours, local_pipeline(rig.workers).segment(frame(stamp_ns=stamp)))


def foreign(rig, worker='alice') -> int:
    """How many messages of strangers the edge has counted."""
    return int(rig.client.figures(worker).get('foreign', 0))


def test_a_stranger_reads_no_pixel(running, camera, stranger):
    """Nothing that it hears holds eight pixels in a row of what was sent, nor the model's id."""
    assert masks_are_right(running, camera)
    running.client.until(lambda: all(stranger.heard.values()))
    weights = checkpoint.read(SEED)
    canvas, edge = Canvas.fit(weights.arch, 96, 128), local_pipeline(running.workers).edge
    resized, model_id = edge.model.resize(frame().rgb, canvas.content), weights.model_id.encode()
    contents = partition(resized, pixel_grid(weights.arch))
    own = [contents[index] for index in homes(running)['alice'] if index in contents]
    assert own
    for message in stranger.everything():
        assert model_id not in message
        assert not any(pixels[row, :8].tobytes() in message for pixels in own for row in (0, 20))


def test_what_a_stranger_forges_or_repeats_changes_nothing(running, camera, stranger):
    """It repeats all that it heard on every topic, with true sessions, and forges more."""
    assert masks_are_right(running, camera)
    running.client.until(lambda: all(stranger.heard.values()))
    before = foreign(running)
    last = deserialize_message(stranger.heard['embeddings'][-1], SealedEmbedding)
    for _ in range(3):
        for heard in list(stranger.heard.values()):
            for what in TOPICS:
                for message in heard[:20]:
                    stranger.says(what, message)
    for counter in (0, last.counter, last.counter + 1, 2**63):
        for box in (b'', bytes(len(last.box)), bytes(last.box)):
            forged = SealedEmbedding(session=last.session, counter=counter, box=box)
            stranger.says('embeddings', forged)
    running.client.until(lambda: foreign(running) > before)
    for _ in range(3):
        assert masks_are_right(running, camera)
    assert all(running.client.state(w.name) is WorkerState.USABLE for w in running.workers)
    assert running.client.figures('alice')['rejected'] == '0'


def test_a_flood_of_strangers_costs_a_bounded_amount_of_memory(running, camera, stranger):
    """The largest messages that there are, hundreds of them, to edge and worker."""
    assert masks_are_right(running, camera)
    processes = [running.processes[name] for name in ('edge', 'alice')]
    noise = np.random.default_rng(0).integers(0, 256, 1_005_000, np.uint8).tobytes()
    told = deserialize_message(stranger.heard['windows'][-1], SealedWindow).session

    def flood(messages):
        for number in range(messages):
            stranger.says('embeddings', SealedEmbedding(session=told, counter=number, box=noise))
            window = SealedWindow(session=told, counter=number, box=noise[:152_000])
            stranger.says('windows', window)

    before = [process.resident_bytes for process in processes]
    counted = foreign(running)
    flood(700)
    running.client.until(lambda: foreign(running) > counted)
    running.client.wait_for_report()
    grown = [process.resident_bytes - b for process, b in zip(processes, before, strict=True)]
    assert max(grown) < 100 * MB, grown
    running.wait_ready()
    assert masks_are_right(running, camera)


def test_whoever_takes_a_workers_place_gets_nothing(rig):
    """While alice is away, somebody with other keys answers in her domain: no window reaches it,
    the edge says that the keys differ, and nobody is blamed. Then alice comes back."""
    rig.start_edge(**SOON_SILENT)
    rig.start_workers()
    camera = rig.client.camera()
    rig.wait_ready()
    show(rig, camera, 1)
    rig.kill('alice')
    keys, rig.keys = rig.keys, KeysOfAll(rig.folder / 'of_strangers')
    rig.keys.given_to(rig.workers)
    diary = Diary(rig.diary_file('alice'))
    diary.look()
    sent, alice = diary.count, diary.process
    assert sent
    rig.start_hostile('alice', Lie.ZEROS)
    rig.client.until(lambda: rig.client.state('alice') is not WorkerState.USABLE)
    for stamp in (2, 3):
        show(rig, camera, stamp, 'failed')
    diary.look()
    assert diary.process != alice  # the stranger was there
    assert diary.count == sent
    rig.kill('alice')
    rig.keys = keys
    rig.start_workers('alice')
    rig.wait_ready()
    ours = convert.masks_from_msg(show(rig, camera, 4))
    assert same(ours, local_pipeline(rig.workers).segment(frame(stamp_ns=4)))


def test_a_worker_is_driven_by_its_operator_only(rig, monkeypatch):
    """In a domain of the operator's own it is a lifecycle node; in its domain it serves nothing,
    and without such a domain it is seen nowhere."""
    worker, other = rig.worker('alice'), rig.worker('bob')
    with domains(1) as (own,), closing(Client(own)) as operator:
        monkeypatch.setenv('PEDSAM_OPERATOR_DOMAIN', str(own))
        rig.start_workers('alice')
        monkeypatch.delenv('PEDSAM_OPERATOR_DOMAIN')
        rig.start_workers('bob')
        for each in (worker, other):
            with closing(Client(each.domain_id, 'stranger')) as stranger:
                node = stranger.node
                stranger.until(lambda: WORKER_NODE in node.get_node_names())  # noqa: B023
                assert set(node.get_node_names()) == {'stranger', WORKER_NODE}
                services = {name for name, _ in node.get_service_names_and_types()}
                assert not {name for name in services if not name.startswith('/stranger/')}
        states = operator.node.create_client(ChangeState, '/alice/change_state')
        operator.until(states.service_is_ready)
        assert 'bob' not in operator.node.get_node_names()
        deactivate = Transition(id=Transition.TRANSITION_DEACTIVATE)
        assert operator.ask(states, ChangeState.Request(transition=deactivate)).success
    assert rig.log('alice').rstrip().endswith('inactive')


def test_insecure_is_loud_and_works(rig):
    """Only if both ends say so. Log, diagnostics and exposure tell."""
    rig.start_edge(insecure=True)
    rig.start_workers('alice', 'bob', insecure=True)
    rig.start_workers('carol')
    rig.wait_ready('alice', 'bob')
    rig.wait_for(WorkerState.NOT_CONNECTED, 'carol')
    assert rig.log('edge').count('insecure: anybody') == 1
    assert 'insecure: anybody' in rig.client.message()
    rig.kill('carol')
    rig.start_workers('carol', insecure=True)
    camera = rig.client.camera()
    rig.wait_ready()
    image = image_msg(frame().rgb, 1)
    camera.publish(image)
    assert rig.client.masks_for(1).masks
