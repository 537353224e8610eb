"""The subscription to a camera, with real publishers in one process."""

import time
from array import array
from contextlib import ExitStack

import pytest
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from domains import domains
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.ros.camera import Camera

pytestmark = pytest.mark.ros

BEST_EFFORT = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
RELIABLE = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)
RELIABILITY = 'qos_overrides./image.subscription.reliability'
WAIT_S = 300.0  # only catches hangs


class Bench:
    """A node that publishes and a node that reads, spun by whoever waits."""

    def __init__(self, domain_id, **overrides):
        self.context = Context()
        self.context.init(args=[], domain_id=domain_id)
        given = [Parameter(name, value=value) for name, value in overrides.items()]
        self.node = Node('camera', context=self.context)
        self.reader = Node('reader', context=self.context, parameter_overrides=given)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.executor.add_node(self.reader)

    def until(self, condition):
        """Spins until a condition is true."""
        end_s = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < end_s, 'what was waited for did not happen'
            self.executor.spin_once(timeout_sec=0.1)

    def publisher(self, profile=RELIABLE, kind=Image, topic='image'):
        """A camera."""
        return self.node.create_publisher(kind, topic, profile)

    def show(self, publisher, heard, kind=Image):
        """Publishes until an image is heard."""

        def comes():
            publisher.publish(image(kind=kind))
            return heard

        self.until(comes)

    def close(self):
        """Ends both nodes."""
        self.executor.shutdown()
        self.node.destroy_node()
        self.reader.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def make():
    """Makes a bench, whose reader has some parameters."""
    with ExitStack() as opened:

        def made(**overrides):
            (domain_id,) = opened.enter_context(domains(1))
            bench = Bench(domain_id, **overrides)
            opened.callback(bench.close)
            return bench

        yield made


def image(number=1, kind=Image):
    msg = kind(data=array('B', [number]))
    msg.header.stamp.sec = number
    return msg


@pytest.mark.parametrize('profile', [BEST_EFFORT, RELIABLE])
@pytest.mark.parametrize('camera_first', [True, False])
def test_a_camera_is_read_as_it_offers(make, profile, camera_first):
    """Also one that starts after the subscription was made."""
    bench, heard = make(), []
    if camera_first:
        publisher = bench.publisher(profile)
        bench.until(lambda: bench.reader.count_publishers('image'))
    camera = Camera(bench.reader, 'raw', heard.append)
    if not camera_first:
        publisher = bench.publisher(profile)
    bench.show(publisher, heard)
    assert camera.view.reliable == (profile is RELIABLE)


def test_a_camera_that_comes_back_with_another_reliability_is_read_again(make):
    """Reliable, then best effort, then both at once, then reliable."""
    bench, heard, publishers = make(), [], []
    camera = Camera(bench.reader, 'raw', heard.append)
    for profiles in ([RELIABLE], [BEST_EFFORT], [BEST_EFFORT, RELIABLE], [RELIABLE]):
        for publisher in publishers:
            bench.node.destroy_publisher(publisher)
        publishers = [bench.publisher(profile) for profile in profiles]
        fitting = all(profile is RELIABLE for profile in profiles)
        count = len(profiles)
        bench.until(
            lambda n=count, f=fitting: len(camera.view.readable) == n and camera.view.reliable == f
        )
        for publisher in publishers:
            heard.clear()
            bench.show(publisher, heard)


def test_the_users_reliability_wins(make):
    """Best effort where the camera offers reliable."""
    bench, heard = make(**{RELIABILITY: 'best_effort'}), []
    camera = Camera(bench.reader, 'raw', heard.append)
    bench.show(bench.publisher(RELIABLE), heard)
    bench.until(lambda: camera.view.readable)
    (found,) = bench.node.get_subscriptions_info_by_topic('image')
    assert found.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert not camera.view.reliable


@pytest.mark.parametrize('value', ['sometimes', 3])
def test_a_wrong_reliability_is_refused(make, value):
    """The error names the parameter."""
    bench = make(**{RELIABILITY: value})
    with pytest.raises(ConfigError, match=r'subscription\.reliability'):
        Camera(bench.reader, 'raw', print)


def test_auto_reads_the_transport_that_is_published(make):
    """The compressed one while there is no other, and the raw one after it has gone."""
    bench, heard = make(), []
    camera = Camera(bench.reader, 'auto', heard.append)
    compressed = bench.publisher(kind=CompressedImage, topic='image/compressed')
    bench.show(compressed, heard, CompressedImage)
    assert isinstance(heard[-1], CompressedImage)
    raw = bench.publisher()
    bench.until(lambda: camera.view.offers['image'])
    assert camera.view.topic == '/image/compressed'
    bench.node.destroy_publisher(compressed)
    bench.until(lambda: camera.view.topic == '/image')
    heard.clear()
    bench.show(raw, heard)
    assert isinstance(heard[-1], Image)


def test_images_that_are_not_wanted_make_room_for_the_newest(make):
    """They are not even taken from DDS. Once one is wanted, the newest comes."""
    bench, heard, wanted, other = make(), [], [True], []
    camera = Camera(bench.reader, 'raw', heard.append, wanted=lambda: wanted[0])
    bench.reader.create_subscription(Image, 'other', other.append, RELIABLE)
    publisher, marker = bench.publisher(), bench.publisher(topic='other')
    bench.until(lambda: publisher.get_subscription_count() and marker.get_subscription_count())
    wanted[0] = False
    for number in range(1, 11):
        publisher.publish(image(number))
    assert publisher.wait_for_all_acked()
    marker.publish(image())
    bench.until(lambda: other)
    assert heard == []
    wanted[0] = True
    camera.wake()
    bench.until(lambda: heard)
    assert [msg.header.stamp.sec for msg in heard] == [10]
