"""What a subscriber in one worker's domain can see: that worker's topics, and nothing else."""

import socket

import pytest
from rclpy.serialization import deserialize_message

from fakes import frame
from pedsam_ros.core.allow_list import sides
from pedsam_ros.msg import Embedding, Window
from pedsam_ros.ros import qos
from pedsam_ros.ros.domain import NODE_NAME, topic
from pedsam_ros.trial.client import Client
from rig import WAIT_S, image_msg

pytestmark = pytest.mark.ros
FRAME_ID = 'secret_bedroom_camera'


class Spy:
    """A node that looks around in a worker's domain, on a thread of its own."""

    def __init__(self, domain_id: int, worker: str) -> None:
        self.client = Client(domain_id, 'spy')
        self.node = self.client.node
        self.windows, self.embeddings = (
            self.client.collect(kind, topic(worker, what), qos.WIRE, raw=True)
            for kind, what in ((Window, 'windows'), (Embedding, 'embeddings'))
        )
        self.client.spin_in_background()

    def nodes(self) -> set[str]:
        """Names of the other nodes in the domain."""
        return set(self.node.get_node_names()) - {'spy'}

    def of(self, node: str) -> dict[str, set[str]]:
        """The topics and services of one node."""
        by_node = (
            self.node.get_publisher_names_and_types_by_node,
            self.node.get_subscriber_names_and_types_by_node,
            self.node.get_service_names_and_types_by_node,
            self.node.get_client_names_and_types_by_node,
        )
        names = ('publishes', 'subscribes', 'serves', 'calls')
        return {
            name: {topic for topic, _ in ask(node, '/')}
            for name, ask in zip(names, by_node, strict=True)
        }


@pytest.fixture
def spies(running):
    """Maps each worker to a spy in its domain."""
    made = {w.name: Spy(w.domain_id, w.name) for w in running.workers}
    yield made
    for spy in made.values():
        spy.client.close()


@pytest.fixture
def watched(running, spies):
    """The spies, after a frame has gone through the system."""
    camera = running.client.camera()
    running.client.until(lambda: all({NODE_NAME, n} <= s.nodes() for n, s in spies.items()))
    camera.publish(image_msg(frame(480, 640).rgb, 1_234_567_890_123_456_789, FRAME_ID))
    running.client.masks_for(1_234_567_890_123_456_789)
    running.client.until(lambda: all(len(s.windows) >= 6 for s in spies.values()))
    return spies


def test_the_edge_shows_a_worker_only_what_is_allowed(watched):
    """Every topic and service of the edge in a worker's domain is on the one allow-list."""
    for name, spy in watched.items():
        assert spy.nodes() == {NODE_NAME, name}
        edge = sides(name)['edge']
        assert spy.of(edge.node) == {
            'publishes': edge.publishes,
            'subscribes': edge.subscribes,
            'serves': set(),
            'calls': set(),
        }


def test_a_domain_holds_nothing_of_another_worker_nor_of_the_camera(watched):
    """No topic of the domain belongs to another worker or to the camera."""
    for name, spy in watched.items():
        topics = {topic for topic, _ in spy.node.get_topic_names_and_types()}
        ours = {topic for topic in topics if topic.startswith('/pedsam/')}
        assert ours == {f'/pedsam/{name}/{what}' for what in ('windows', 'embeddings', 'status')}
        own = {'/parameter_events', '/rosout', '/diagnostics', f'/{name}/transition_event'}
        assert topics - ours <= own


def test_the_data_names_no_camera_and_no_time(running, watched):
    """No message on the wire holds the camera's frame_id or stamp, or the word camera."""
    stamp = (1_234_567_890).to_bytes(4, 'little') + (123_456_789).to_bytes(4, 'little')
    for spy in watched.values():
        for message in spy.windows + spy.embeddings:
            assert FRAME_ID.encode() not in message
            assert b'camera' not in message
            assert stamp not in message


def test_no_window_reaches_two_workers(watched):
    """Each of the frame's twenty windows goes to exactly one worker."""
    seen = {
        name: {deserialize_message(message, Window).window for message in spy.windows}
        for name, spy in watched.items()
    }
    assert sorted(index for indices in seen.values() for index in indices) == list(range(20))


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
