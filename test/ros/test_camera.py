"""The subscription to a camera, with real publishers in one process."""

import pytest
from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.nodes.frame_queue import FrameQueue
from pedsam_ros.ros.camera import Camera, CameraImage
from two_nodes import BEST_EFFORT, RELIABLE, image

pytestmark = pytest.mark.ros

RELIABILITY = 'qos_overrides./image.subscription.reliability'


@pytest.mark.parametrize('profile', [BEST_EFFORT, RELIABLE])
@pytest.mark.parametrize('camera_first', [True, False])
def test_a_camera_is_read_as_it_offers(two_nodes, profile, camera_first):
    """Also one that starts after the subscription was made."""
    bench, heard = two_nodes(), []
    if camera_first:
        publisher = bench.publisher(profile)
        bench.until(lambda: bench.reader.count_publishers('image'))
    camera = Camera(bench.reader, 'raw', heard.append)
    if not camera_first:
        publisher = bench.publisher(profile)
    bench.show(publisher, heard)
    assert camera.view.reliable == (profile is RELIABLE)


def test_a_camera_that_comes_back_with_another_reliability_is_read_again(two_nodes):
    """Reliable, then best effort, then both at once, then reliable."""
    bench, heard, publishers = two_nodes(), [], []
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


def test_the_users_reliability_wins(two_nodes):
    """Best effort where the camera offers reliable."""
    bench, heard = two_nodes(**{RELIABILITY: 'best_effort'}), []
    camera = Camera(bench.reader, 'raw', heard.append)
    bench.show(bench.publisher(RELIABLE), heard)
    bench.until(lambda: camera.view.readable)
    (found,) = bench.node.get_subscriptions_info_by_topic('image')
    assert found.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert not camera.view.reliable


@pytest.mark.parametrize('value', ['sometimes', 3])
def test_a_wrong_reliability_is_refused(two_nodes, value):
    """The error names the parameter."""
    bench = two_nodes(**{RELIABILITY: value})
    with pytest.raises(ConfigError, match=r'subscription\.reliability'):
        Camera(bench.reader, 'raw', print)


def test_auto_reads_the_transport_that_is_published(two_nodes):
    """The compressed one while there is no other, and the raw one after it has gone."""
    bench, heard = two_nodes(), []
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


def test_auto_reads_jpegs_on_the_name_of_the_raw_image(two_nodes):
    """Somebody gave the name with /compressed as the image's."""
    bench, heard = two_nodes(), []
    Camera(bench.reader, 'auto', heard.append)
    bench.show(bench.publisher(kind=CompressedImage), heard, CompressedImage)
    assert isinstance(heard[-1], CompressedImage)


def test_images_that_are_not_wanted_make_room_for_the_newest(two_nodes):
    """They are not even taken from DDS. Once one is wanted, the newest comes."""
    bench, heard, wanted, other = two_nodes(), [], [True], []
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


def test_the_size_of_an_image_counts_its_texts():
    """They may be of any length."""
    assert CameraImage(Image(encoding='x' * 1000)).nbytes >= 1000
    assert CameraImage(CompressedImage(format='x' * 1000)).nbytes >= 1000


def test_a_subscription_that_is_made_anew_leaves_nothing_behind(two_nodes):
    """In the callback group, which a wait of the executor goes through."""
    bench, publisher = two_nodes(), None
    camera = Camera(bench.reader, 'raw', print)
    for profile in (BEST_EFFORT, RELIABLE, BEST_EFFORT):
        if publisher:
            bench.node.destroy_publisher(publisher)
        publisher = bench.publisher(profile)
        bench.until(lambda reliable=profile is RELIABLE: camera.view.reliable == reliable)
    assert len(camera._subscription.callback_group.entities) == 1


def test_an_image_that_is_refused_keeps_no_long_text():
    """Its bytes are let go, and with them a frame_id that would fill the queue."""
    image = Image()
    image.header.frame_id = 'x' * 2_000_000
    queue = FrameQueue(500, 10**6)
    queue.offer(CameraImage(image), 0.0)
    assert len(queue.take().image.key.frame_id) <= 100
