"""Replay publishes a bag as it was recorded; player and listener run in one process."""

import queue
import threading
from contextlib import closing

import numpy as np
import pytest
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message, serialize_message
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Header, String

from pedsam_ros.bags.make_bag import make_bag
from pedsam_ros.bags.replay import replay, restamped
from pedsam_ros.bags.replay_config import ReplayConfig
from pedsam_ros.bags.rosbag import BagWriter, read_bag
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.msg import Mask, Masks
from pedsam_ros.trial.client import Client

pytestmark = pytest.mark.ros

WAIT_S = 300.0  # only catches hangs
MASKS = 'pedsam_ros/msg/Masks'
DEEP = QoSProfile(depth=100)


@pytest.fixture
def player(domain_id):
    """The node that replays; nobody spins it."""
    with closing(Client(domain_id, 'player')) as client:
        yield client.node


@pytest.fixture
def listener(domain_id):
    """A node that spins on a thread of its own."""
    with closing(Client(domain_id, 'listener')) as client:
        client.spin_in_background()
        yield client.node


def heard_on(node: Node, topics: dict[str, type], profile: QoSProfile = DEEP) -> queue.Queue:
    """A queue of (topic, message) for each message that arrives from now on."""
    heard: queue.Queue = queue.Queue()
    for topic, kind in topics.items():
        node.create_subscription(
            kind, topic, lambda msg, topic=topic: heard.put((topic, msg)), profile
        )
    return heard


def masks_at(stamp_ns: int) -> Masks:
    header = Header(frame_id='camera')
    header.stamp.sec, header.stamp.nanosec = divmod(stamp_ns, 10**9)
    mask = Mask(id=1, score=0.5, area=3, counts=[1, 3, 2])
    return Masks(header=header, height=2, width=3, model_id='0123', masks=[mask])


@pytest.fixture
def bag(tmp_path):
    """A bag with ten masks on /masks and five strings on /text, mixed, 10 ms apart."""
    path = tmp_path / 'bag'
    with BagWriter(path) as writer:
        for i in range(15):
            at_ns = 10**9 + i * 10_000_000
            if i % 3 == 1:
                cdr = serialize_message(String(data=str(i)))
                writer.write('/text', 'std_msgs/msg/String', at_ns, cdr)
            else:
                writer.write('/masks', MASKS, at_ns, serialize_message(masks_at(at_ns)))
    return path


def config(**changes) -> ReplayConfig:
    return ReplayConfig(**{'depth': 100, 'wait_s': WAIT_S, **changes})


def never() -> bool:
    return False


def test_all_messages_come_in_order_and_whole(bag, player, listener):
    """Each message is equal to the recorded one."""
    masks = heard_on(listener, {'/masks': Masks})
    text = heard_on(listener, {'/text': String})
    assert replay(player, bag, config(), never) == 15
    for each in read_bag(bag, ['/masks']):
        assert masks.get(timeout=WAIT_S)[1] == deserialize_message(each.cdr, Masks)
    assert [text.get(timeout=WAIT_S)[1].data for _ in range(5)] == ['1', '4', '7', '10', '13']


def test_chosen_topics_only(bag, player, listener):
    """The other topics have no publisher at all."""
    heard = heard_on(listener, {'/text': String})
    assert replay(player, bag, config(topics=('/text',)), never) == 5
    assert heard.get(timeout=WAIT_S)[1].data == '1'
    assert not player.get_publishers_info_by_topic('/masks')


def test_clock_is_bag_time(bag, player, listener):
    """At 50 Hz there is a tick for every 20 ms of the bag, from its first stamp on."""
    heard = heard_on(listener, {'/clock': Clock, '/masks': Masks, '/text': String})
    replay(player, bag, config(clock_hz=50.0), never)
    arrived = [heard.get(timeout=WAIT_S) for _ in range(23)]
    ticks = [m.clock.sec * 10**9 + m.clock.nanosec for topic, m in arrived if topic == '/clock']
    assert ticks == [10**9 + i * 20_000_000 for i in range(8)]


def test_loop_starts_again(bag, player, listener):
    """After the last string comes the first, until the loop is stopped from outside."""
    heard = heard_on(listener, {'/text': String})
    stop = threading.Event()
    looping = config(loop=True, topics=('/text',), rate=20.0)
    thread = threading.Thread(target=replay, args=(player, bag, looping, stop.is_set))
    thread.start()
    texts = [heard.get(timeout=WAIT_S)[1].data for _ in range(12)]
    stop.set()
    thread.join(WAIT_S)
    assert texts == ['1', '4', '7', '10', '13'] * 2 + ['1', '4']
    assert not thread.is_alive()


def test_restamp_moves_headers_to_now(bag, player, listener):
    """Stamps become the present time, and nothing else changes; a String has no stamp."""
    heard = heard_on(listener, {'/masks': Masks})
    before = listener.get_clock().now().nanoseconds
    replay(player, bag, config(topics=('/masks',), restamp=True), never)
    stamps = []
    for _ in range(10):
        msg = heard.get(timeout=WAIT_S)[1]
        stamps.append(msg.header.stamp.sec * 10**9 + msg.header.stamp.nanosec)
        assert list(msg.masks[0].counts) == [1, 3, 2]
    assert sorted(stamps) == stamps
    assert before <= stamps[0] <= stamps[-1] <= listener.get_clock().now().nanoseconds


def test_restamped_keeps_the_byte_order():
    """A big-endian message gets a big-endian stamp."""
    body = b'\x00\x00\x00\x01\x00\x00\x00\x02'
    assert restamped(b'\x00\x00\x00\x00' + body + b'rest', 3 * 10**9 + 4) == (
        b'\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x04rest'
    )


def test_best_effort_is_what_is_offered(bag, player):
    """The publishers offer the QoS that the configuration asks for."""
    replay(player, bag, ReplayConfig(reliability='best_effort', depth=3, rate=100.0), never)
    (offer,) = player.get_publishers_info_by_topic('/text')
    assert offer.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT


def test_what_was_kept_for_late_readers_is_kept_again(tmp_path, player):
    """The recorded durability is offered, so that late readers get /tf_static."""
    with BagWriter(tmp_path / 'bag') as writer:
        writer.declare('/map', 'std_msgs/msg/String', latched=True)
        writer.write('/map', 'std_msgs/msg/String', 1, serialize_message(String(data='x')))
    replay(player, tmp_path / 'bag', ReplayConfig(), never)
    (offer,) = player.get_publishers_info_by_topic('/map')
    assert offer.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL


def test_stopped_replay_ends_at_once(tmp_path, player):
    """A bag of an hour ends at once when stopped while it waits for its second message."""
    make_bag([(t * 10**9, np.zeros((2, 2, 3), np.uint8)) for t in (0, 3600)], tmp_path / 'long')
    calls = iter([False] * 20)  # it is also asked while the bag is opened
    sent = replay(player, tmp_path / 'long', ReplayConfig(), lambda: next(calls, True))
    assert sent == 1


def test_wrong_replays_are_named(bag, tmp_path, player):
    """The error names the value and the rule."""
    for wrong, rule in (
        ({'rate': 0.0}, 'rate=0.0'),
        ({'rate': float('nan')}, 'rate=nan'),
        ({'reliability': 'some'}, "reliability='some'"),
        ({'clock_hz': -1.0}, 'clock_hz=-1.0'),
        ({'restamp': True, 'clock_hz': 5.0}, 'restamp with clock'),
    ):
        with pytest.raises(ConfigError, match=rule):
            ReplayConfig(**wrong)
    with pytest.raises(ConfigError, match="no topic '/x'; there are: /masks, /text"):
        replay(player, bag, ReplayConfig(topics=('/x',)), never)
    with BagWriter(tmp_path / 'mute') as writer:
        writer.declare('/text', 'std_msgs/msg/String')
    with pytest.raises(ConfigError, match='cannot be played: /text: no message'):
        replay(player, tmp_path / 'mute', ReplayConfig(), never)
