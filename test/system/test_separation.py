"""What a subscriber in one worker's domain can see: that worker's topics, and nothing else."""

import socket

import pytest

from fakes import frame
from pedsam_ros.core.allow_list import sides
from rig import WAIT_S, image_msg
from stranger import Stranger

pytestmark = pytest.mark.ros
FRAME_ID = 'secret_bedroom_camera'
STAMP_NS = 1_234_567_890_123_456_789


@pytest.fixture
def strangers(running):
    """Maps each worker to a stranger in its domain."""
    made = {w.name: Stranger(w.domain_id, w.name) for w in running.workers}
    yield made
    for stranger in made.values():
        stranger.close()


@pytest.fixture
def watched(running, strangers, listen):
    """The strangers, after a frame has gone through the system, and what each worker was sent."""
    camera = running.client.camera()
    for name, stranger in strangers.items():
        names = {side.node for side in sides(name).values()}
        running.client.until(lambda: names <= stranger.nodes())  # noqa: B023
    windows_sent = listen(running)
    camera.publish(image_msg(frame(480, 640).rgb, STAMP_NS, FRAME_ID))
    running.client.masks_for(STAMP_NS)
    heard = [stranger.heard['windows'] for stranger in strangers.values()]
    running.client.until(lambda: all(len(messages) >= 6 for messages in heard))
    return strangers, windows_sent()


def test_a_domain_shows_only_what_is_allowed(watched):
    """The allow-list: every node, topic and service of the edge and the worker."""
    for name, stranger in watched[0].items():
        allowed = sides(name).values()
        assert stranger.nodes() == {side.node for side in allowed}
        for side in allowed:
            assert stranger.of(side.node) == {
                'publishes': side.publishes,
                'subscribes': side.subscribes,
                'serves': set(),
                'calls': set(),
            }
        topics = {topic for topic, _ in stranger.node.get_topic_names_and_types()}
        own = {'/parameter_events', '/rosout'}  # the stranger's own
        assert topics - own == {t for side in allowed for t in side.publishes} - own


def test_the_data_names_no_camera_and_no_time(watched):
    """No message on the wire holds the camera's frame_id or stamp, or the word camera."""
    stamp = b''.join(n.to_bytes(4, 'little') for n in divmod(STAMP_NS, 10**9))
    for stranger in watched[0].values():
        for message in stranger.everything():
            assert FRAME_ID.encode() not in message
            assert b'camera' not in message
            assert stamp not in message


def test_no_window_reaches_two_workers(watched):
    """Each of the frame's twenty windows goes to exactly one worker."""
    sent = watched[1]
    assert sorted(index for indices in sent.values() for index in indices) == list(range(20))


def test_dds_itself_does_not_announce_user_host_and_process(rig):
    """The edge's announcement in a worker's domain has an x where DDS would put these names.

    docs/trust-model.md lists what else it holds.
    """
    worker = rig.workers[0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(('127.0.0.1', 7400 + 250 * worker.domain_id + 10))  # the first participant's
        listener.settimeout(WAIT_S)
        rig.start_edge()
        heard = b''
        while b'fastdds.physical_data' not in heard:
            heard += listener.recv(65536)
    for name in (b'host', b'user', b'process'):
        after = heard.split(b'fastdds.physical_data.' + name + bytes(1), 1)[1]
        assert after.lstrip(bytes(1))[:5] == bytes([2, 0, 0, 0]) + b'x'
