"""Recording in simulated time, and of topics that are wrong: each loss is told."""

from contextlib import ExitStack, closing

import pytest
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Header, String

from foreign_bags import string_cdr
from pedsam_ros.bags.record import record
from pedsam_ros.bags.rosbag import BagWriter, contents_of, read_bag
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.trial.client import Client

pytestmark = pytest.mark.ros

LOOKS = 3000  # of at most 0.1 s; only catches hangs


class Recording:
    """A node in simulated time that records, and a sender, which `record` lets act meanwhile."""

    def __init__(self, opened: ExitStack, domain_id: int, sim_time: bool = True) -> None:
        context = Context()
        context.init(args=[], domain_id=domain_id)
        opened.callback(context.try_shutdown)
        overrides = [Parameter('use_sim_time', value=sim_time)]
        self.node = Node('recorder', context=context, parameter_overrides=overrides)
        opened.callback(self.node.destroy_node)
        self.said: list[str] = []
        logger = self.node.get_logger()
        for level in ('info', 'warning', 'error'):
            setattr(logger, level, self.said.append)
        self.node.get_logger = lambda: logger
        sender = opened.enter_context(closing(Client(domain_id, 'sender'))).node
        self.text = sender.create_publisher(String, '/text', 10)
        self._clock = sender.create_publisher(Clock, '/clock', 10)

    def tick(self, second: int) -> bool:
        """Publishes a time; returns whether the recorder has it."""
        self._clock.publish(Clock(clock=Header().stamp.__class__(sec=second)))
        return self.node.get_clock().now().nanoseconds == second * 10**9

    def run(self, writer: BagWriter, script, topics=('/text',)) -> dict[str, int]:
        """Records until the script ends, which goes on to its next `yield` at every look."""
        looks = iter(range(LOOKS))

        def stopped() -> bool:
            return next(looks, None) is None or next(script, None) is None

        return record(self.node, topics, writer, stopped)


@pytest.fixture
def opened():
    with ExitStack() as stack:
        yield stack


def seconds_of(bag) -> list[float]:
    return [each.stamp_ns / 10**9 for each in read_bag(bag)]


def test_recording_begins_with_the_clock_and_tells_of_jumps(tmp_path, opened, domain_id):
    """Before /clock nothing is subscribed; where time jumps back, stamps do, which is told."""
    recording = Recording(opened, domain_id)

    def script():
        for _ in range(3):
            assert not recording.text.get_subscription_count()
            yield False
        for second in (50, 60, 20, 0, 30):
            while not recording.tick(second):
                yield False
            while not recording.text.get_subscription_count():
                yield False
            before = handled()
            recording.text.publish(String(data=str(second)))
            while handled() == before:
                yield False

    class Counting(BagWriter):
        def write(self, *args) -> None:
            super().write(*args)
            counted.append(args)

    def handled() -> int:
        return len(counted) + sum('ROS time 0' in each for each in recording.said)

    counted: list = []
    with Counting(tmp_path / 'bag') as writer:
        assert recording.run(writer, script()) == {'/text': 4}
    assert seconds_of(tmp_path / 'bag') == [20.0, 30.0, 50.0, 60.0]
    assert recording.said == [
        'use_sim_time: recording begins with the first /clock',
        'recording topic=/text',
        'ROS time: jumped back by 40.000 s, and so do stamps in the bag',
        '/text: a message is left out: it came at ROS time 0',
    ]


def test_without_a_clock_the_bag_is_empty(tmp_path, opened, domain_id):
    """The topic is counted as 0, and the log has said what is missing."""
    recording = Recording(opened, domain_id)
    with BagWriter(tmp_path / 'bag') as writer:
        assert recording.run(writer, iter([False] * 3)) == {'/text': 0}
    assert contents_of(tmp_path / 'bag') == {}
    assert recording.said == ['use_sim_time: recording begins with the first /clock']


def test_a_wrong_topic_or_message_costs_itself(tmp_path, opened, domain_id):
    """A topic of an unknown type and a message of wrong bytes are told; the rest is recorded."""
    recording = Recording(opened, domain_id, sim_time=False)
    infos = recording.node.get_publishers_info_by_topic

    def with_a_type(topic: str) -> list:
        found = infos(topic)
        return [Foreign()] if topic == '/odd' else found

    recording.node.get_publishers_info_by_topic = with_a_type

    def script():
        while not recording.text.get_subscription_count():
            yield False
        for data in (string_cdr('a'), string_cdr('b')[:-1], string_cdr('c')):
            recording.text.publish(data)
        while len(written) < 2:
            yield False

    class Counting(BagWriter):
        def write(self, *args) -> None:
            super().write(*args)
            written.append(args)

    written: list = []
    with Counting(tmp_path / 'bag') as writer:
        counts = recording.run(writer, script(), ['/text', '/odd'])
    assert counts == {'/text': 2, '/odd': 0}
    assert [each.cdr for each in read_bag(tmp_path / 'bag')] == [string_cdr(t) for t in 'ac']
    told = ' '.join(recording.said)
    assert "topic=/odd: not recorded: type='no_such_msgs/msg/X'" in told
    assert '/text: a message is left out' in told


class Foreign:
    """What the graph tells of a publisher of a type that is not installed."""

    topic_type = 'no_such_msgs/msg/X'
    qos_profile = QoSProfile(depth=1)


def test_recording_nothing_is_an_error(tmp_path, opened, domain_id):
    """If the only topic cannot be recorded."""
    recording = Recording(opened, domain_id, sim_time=False)
    recording.node.get_publishers_info_by_topic = lambda topic: [Foreign()]
    wrong = pytest.raises(ConfigError, match="/odd: type='no_such_msgs")
    with BagWriter(tmp_path / 'bag') as writer, wrong:
        recording.run(writer, iter([False] * 9), ['/odd'])
