"""Replay of bags from elsewhere: what can be played is played, and the rest is named."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import std_srvs.srv
from backports import zstd
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.serialization import serialize_message
from rosgraph_msgs.msg import Clock
from std_msgs.msg import String

from foreign_bags import STRING, mcap, sqlite, string_cdr
from pedsam_ros.bags.message_classes import message_class
from pedsam_ros.bags.replay import replay
from pedsam_ros.bags.replay_config import ReplayConfig
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.trial.client import Client

pytestmark = pytest.mark.ros

WAIT_S = 300.0  # only catches hangs
TEXT = {'/text': (STRING, 'cdr', [(10**9 + i, string_cdr(str(i))) for i in range(3)])}
UNKNOWN = 'some_camera_msgs/msg/Metadata'
CLOCK = 'rosgraph_msgs/msg/Clock'


class Player:
    """Replays bags in a domain of its own; `said` is what the node warned of."""

    def __init__(self, domain_id: int) -> None:
        self.player, self.listener = Client(domain_id, 'player'), Client(domain_id, 'listener')
        self.listener.spin_in_background()
        self.said: list[str] = []
        logger = self.player.node.get_logger()
        logger.warning = self.said.append
        self.player.node.get_logger = lambda: logger

    @property
    def node(self) -> Node:
        return self.player.node

    def play(self, bag: Path, stopped: Callable[[], bool] = lambda: False, **config) -> int:
        return replay(self.node, bag, ReplayConfig(**{'rate': 1000.0, **config}), stopped)

    def texts(self, bag: Path, topic: str = '/text') -> list[str]:
        """The strings that a reader hears, once the replay has ended."""
        heard = self.listener.collect(String, topic, QoSProfile(depth=100))
        sent = self.play(bag, wait_s=WAIT_S, depth=100)
        self.player.until(lambda: len(heard) >= sent)
        return [msg.data for msg in heard]


@pytest.fixture
def player(domain_id):
    made = Player(domain_id)
    yield made
    made.player.close()
    made.listener.close()


def test_topics_that_cannot_be_played_are_left_out(tmp_path, player):
    """One warning each: an unknown type, other serialisations, a name that ROS does not allow."""
    row = [(1, b'?')]
    bad = {
        '/unknown': (UNKNOWN, 'cdr', row),
        '/protobuf': ('some.Type', 'protobuf', row),
        '/json': ('some.Type', 'json', row),
        '/ros1': ('sensor_msgs/Image', 'ros1', row),
        '/camera-left/image': (STRING, 'cdr', row),
        '/module': ('os/msg/path', 'cdr', row),
        '/no_type': ('', 'cdr', row),
    }
    empty = {'/events/write_split': ('rosbag2_interfaces/msg/WriteSplitEvent', 'cdr', [])}
    bag = mcap(tmp_path / 'a.mcap', bad | empty | TEXT)
    assert player.texts(bag) == ['0', '1', '2']
    assert len(player.said) == len(bad)
    for topic, warning in zip(bad, player.said, strict=True):
        assert warning.startswith(f'topic={topic}: left out: ')
    with pytest.raises(ConfigError, match=r"/unknown: type='some_camera_.*; what can be: /text"):
        player.play(bag, topics=('/text', '/unknown'))
    assert player.play(bag, topics=('/text', '/events/write_split')) == 3


def test_a_bag_without_anything_to_play_names_every_topic(tmp_path, player):
    """Each with its reason."""
    topics = {'/a': (UNKNOWN, 'cdr', [(1, b'')]), '/b': ('x', 'json', [(1, b'')])}
    bag = mcap(tmp_path / 'a.mcap', topics | {'/c': (STRING, 'cdr', [])})
    with pytest.raises(
        ConfigError, match=r'(?s)/a: type=.*/b: serialised as .json.*/c: no message'
    ):
        player.play(bag)
    with pytest.raises(ConfigError, match='it has no topic'):
        player.play(mcap(tmp_path / 'b.mcap', {}))


def test_old_type_names_are_read(tmp_path, player):
    """std_msgs/String, as the first bags of ROS 2 have it."""
    sqlite(tmp_path / 'old.db3', {'/text': ('std_msgs/String', TEXT['/text'][2])}).close()
    assert player.texts(tmp_path / 'old.db3') == ['0', '1', '2']


def test_a_message_that_cannot_be_decoded_costs_itself(tmp_path, player):
    """It is never published; the first is told with its topic, and then their number."""
    good = string_cdr('good')
    big_endian = b'\0\0\0\0' + struct.pack('>I', 4) + b'big\0'
    wrong = [good[:-2], b'', good[:3], b'\x99\x99' + good[2:], b'\0\1\0\0\xff\xff\xff\xff']
    wrong.append(b'\x28\xb5\x2f\xfd' + good)  # zstd's magic, and no zstd
    rows = [*((10**9, data) for data in wrong), (10**9, good), (10**9, big_endian)]
    bag = mcap(tmp_path / 'a.mcap', {'/text': (STRING, 'cdr', rows)})
    assert player.texts(bag) == ['good', 'big']
    assert len(player.said) == 2
    assert player.said[0].startswith('/text: a message is left out: ')
    assert player.said[1] == f'/text: that happened {len(wrong)} times'


def test_a_pass_without_a_message_is_an_error(tmp_path, player):
    """A loop of such passes would never rest."""
    bag = mcap(tmp_path / 'a.mcap', {'/text': (STRING, 'cdr', [(1, b''), (2, b'?')])})
    looks = iter(range(1000))
    for loop in (False, True):
        with pytest.raises(ConfigError, match=r'a.mcap: no message can be decoded'):
            player.play(bag, lambda: next(looks, None) is None, loop=loop)


def test_a_replay_is_stopped_while_its_bag_is_opened(tmp_path, player):
    """It ends without an error, and what it has unpacked is removed."""
    mcap(tmp_path / 'a.mcap', TEXT)
    packed = tmp_path / 'a.mcap.zstd'
    packed.write_bytes(zstd.compress((tmp_path / 'a.mcap').read_bytes()))
    for looks_left in range(5):
        looks = iter(range(looks_left))
        assert player.play(packed, lambda looks=looks: next(looks, None) is None) == 0
    assert player.said == []


def test_the_bags_own_clock_gives_way(tmp_path, player):
    """Two publishers of /clock would make time jump; without --clock it is played."""
    ticks = [(10**9, serialize_message(Clock()))]
    bag = mcap(tmp_path / 'a.mcap', TEXT | {'/clock': (CLOCK, 'cdr', ticks)})
    assert player.play(bag) == 4
    assert player.said == []
    assert player.play(bag, clock_hz=10.0) == 3
    assert player.said == ['topic=/clock: left out: --clock publishes there already']
    with pytest.raises(ConfigError, match='/clock: --clock publishes there already'):
        player.play(bag, clock_hz=10.0, topics=('/clock',))


def test_years_between_messages_are_passed_over(tmp_path, player):
    """Also in a loop, whose pause is a mean gap; stamps that ROS cannot express make no tick."""
    at_ns = [0, *(1_700_000_000 * 10**9 + i for i in range(5)), 2**64 - 1]
    rows = [(stamp_ns, string_cdr(str(i))) for i, stamp_ns in enumerate(at_ns)]
    bag = mcap(tmp_path / 'a.mcap', {'/text': (STRING, 'cdr', rows)})
    assert player.play(bag, clock_hz=1.0) == 7
    assert player.said[0].startswith('bag time: jumps by 1700000000.0 s, from 0.000 s to 17')
    assert player.said[1:] == ['bag time: that happened 2 times']
    looks = iter(range(90))
    assert player.play(bag, lambda: next(looks, None) is None, loop=True) > 14


def test_the_clock_of_a_loop_jumps_back(tmp_path, player):
    """To the bag's first stamp, at the start of each pass."""
    bag = mcap(tmp_path / 'a.mcap', TEXT)
    heard = player.listener.collect(Clock, '/clock', QoSProfile(depth=100))
    stopped = lambda: len(heard) > 2  # noqa: E731
    player.play(bag, stopped, loop=True, clock_hz=1000.0)
    assert {(msg.clock.sec, msg.clock.nanosec) for msg in heard} == {(1, 0)}


def test_events_of_services_are_played(tmp_path, player):
    """They are messages of a type that belongs to the service's."""
    event = std_srvs.srv.SetBool.Event
    kind = 'std_srvs/srv/SetBool_Event'
    rows = [(1, serialize_message(event()))]
    bag = mcap(tmp_path / 'a.mcap', {'/switch/_service_event': (kind, 'cdr', rows)})
    assert message_class(kind) is event
    assert player.play(bag) == 1
    assert player.said == []
