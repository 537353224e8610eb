"""Record in one process; and record and replay as processes that are interrupted."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack, closing
from types import SimpleNamespace

import numpy as np
import pytest
from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.serialization import deserialize_message, serialize_message
from rosbags.interfaces import QosDurability
from rosbags.rosbag2 import Reader
from sensor_msgs.msg import Image
from std_msgs.msg import String

from pedsam_ros.bags.channels import Content
from pedsam_ros.bags.make_bag import make_bag
from pedsam_ros.bags.record import Recorder, record
from pedsam_ros.bags.replay import replay
from pedsam_ros.bags.replay_config import ReplayConfig
from pedsam_ros.bags.rosbag import BagWriter, contents_of, read_bag
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.msg import Mask, Masks
from pedsam_ros.trial.client import Client

pytestmark = pytest.mark.ros

WAIT_S = 300.0  # only catches hangs
LOOK_S = 0.1  # record looks at `stopped` at least that often
COMMAND = """
import argparse, sys
from importlib import import_module
tool = import_module('pedsam_ros.tools.' + sys.argv[1])
parser = argparse.ArgumentParser()
tool.add_arguments(parser)
raise SystemExit(tool.run(parser.parse_args(sys.argv[2:])))
"""


@pytest.fixture
def make_client(domain_id):
    """Makes a client in the test's domain with a node of the given name."""
    with ExitStack() as opened:
        yield lambda name: opened.enter_context(closing(Client(domain_id, name)))


def test_recorder_writes_what_is_replayed(tmp_path, make_client):
    """The new bag has the same bytes, types and order; one type is our own."""
    masks = Masks(height=2, width=3, model_id='0123', masks=[Mask(id=1, counts=[1, 3, 2])])
    with BagWriter(tmp_path / 'bag') as writer:
        for i in range(10):
            text = serialize_message(String(data=str(i)))
            writer.write('/text', 'std_msgs/msg/String', 2 * i, text)
            writer.write('/masks', 'pedsam_ros/msg/Masks', 2 * i + 1, serialize_message(masks))
    config = ReplayConfig(depth=100, wait_s=WAIT_S)
    arguments = (make_client('player').node, tmp_path / 'bag', config, lambda: False)
    playing = threading.Thread(target=replay, args=arguments)
    client = make_client('recorder')
    playing.start()
    # Then the recorder reads reliably, as the player offers; otherwise DDS may lose a message.
    client.until(lambda: all(map(client.node.count_publishers, ('/masks', '/text'))))
    with BagWriter(tmp_path / 'again') as writer:
        topics = {'/masks': 'pedsam_ros/msg/Masks', 'text': 'std_msgs/msg/String'}
        recorder = Recorder(client.node, topics, writer)
        client.until(lambda: sum(recorder.counts.values()) == 20)
    playing.join(WAIT_S)
    for topic in ('/masks', '/text'):
        again = read_bag(tmp_path / 'again', [topic])
        assert [r.cdr for r in again] == [r.cdr for r in read_bag(tmp_path / 'bag', [topic])]
    assert contents_of(tmp_path / 'again') == contents_of(tmp_path / 'bag')


class NotingWriter(BagWriter):
    """A bag writer with an event: the first message is written."""

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self.written = threading.Event()

    def write(self, *args) -> None:
        super().write(*args)
        self.written.set()


def test_record_waits_for_topics_and_takes_their_qos(tmp_path, make_client):
    """Of a latched publisher that comes late, its earlier message and its QoS are recorded."""
    sender = make_client('sender').node
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    looks = iter(range(int(WAIT_S / LOOK_S)))

    def stopped() -> bool:
        look = next(looks, None)
        if look == 3:
            sender.create_publisher(String, '/map', latched).publish(String(data='here'))
        return look is None or writer.written.is_set()

    with NotingWriter(tmp_path / 'bag', 'sqlite3') as writer:
        counts = record(make_client('recorder').node, ['map', '/never'], writer, stopped)
    assert counts == {'/map': 1, '/never': 0}
    with Reader(tmp_path / 'bag') as reader:
        (offered,) = reader.connections[0].ext.offered_qos_profiles
    assert offered.durability == QosDurability.TRANSIENT_LOCAL


def test_record_names_what_it_cannot_record(tmp_path, make_client):
    """The error names a topic whose name breaks ROS's rules, or that has two types."""
    node = make_client('recorder').node
    with BagWriter(tmp_path / 'bag') as writer:
        for name in ('two words', '/two words', ''):
            with pytest.raises(ConfigError, match=f"topic='{name}'"):
                record(node, [name], writer, lambda: False)
        types = ('std_msgs/msg/String', 'sensor_msgs/msg/Image')
        graph = [SimpleNamespace(topic_type=each) for each in types]
        node.get_publishers_info_by_topic = lambda topic: graph
        with pytest.raises(ConfigError, match=f'/both: published as {types[1]} and {types[0]}'):
            record(node, ['/both'], writer, lambda: False)


@pytest.fixture
def start_command(domain_id):
    """Starts `pedsam TOOL ARGUMENTS` as a process in the test's domain."""
    processes = []

    def start(*words: object) -> subprocess.Popen:
        env = {**os.environ, 'ROS_DOMAIN_ID': str(domain_id)}
        processes.append(
            subprocess.Popen(
                [sys.executable, '-c', COMMAND, *map(str, words)],
                env=env,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_interrupted_replay_ends_well(tmp_path, start_command, make_client):
    """Interrupted while the next message is an hour away, it ends silently with status 0."""
    make_bag([(t * 10**9, np.zeros((2, 2, 3), np.uint8)) for t in (0, 3600)], tmp_path / 'long')
    client = make_client('listener')
    heard = client.collect(Image, '/camera/image_raw')
    process = start_command('replay', tmp_path / 'long', '--wait', WAIT_S)
    client.until(lambda: heard)
    assert heard[0].encoding == 'rgb8'
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=WAIT_S) == ('', '')
    assert process.returncode == 0


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_interrupted_record_leaves_a_whole_bag(
    tmp_path, start_command, make_client, number, storage
):
    """After two signals the exit status is 0, and the bag has as many messages as it reports."""
    publisher = make_client('sender').node.create_publisher(String, '/text', 10)
    bag = tmp_path / 'bag'
    process = start_command('record', bag, '/text', '--storage', storage)
    line = process.stderr.readline()
    assert 'recording topic=/text' in line
    for i in range(10):
        publisher.publish(String(data=str(i)))
    publisher.wait_for_all_acked(Duration(seconds=WAIT_S))
    process.send_signal(number)
    process.send_signal(number)
    said, _ = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
    read = [deserialize_message(each.cdr, String).data for each in read_bag(bag)]
    assert said == f'/text: {len(read)} messages\n'
    assert read == [str(i) for i in range(len(read))]
    assert contents_of(bag)['/text'] == Content('std_msgs/msg/String', len(read), False)
