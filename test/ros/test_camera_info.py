"""The camera's calibration beside the edge's pictures: which one, and with whose header."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from rclpy.context import Context
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, RegionOfInterest

from pedsam_ros.core.types import FrameKey, Masks
from pedsam_ros.nodes.camera_info import CameraInfos, info_topic
from pedsam_ros.nodes.edge_outputs import Outputs
from pedsam_ros.ros import convert

pytestmark = pytest.mark.ros

KEY = FrameKey(7_000_000_005, 'optical')
MASKS = Masks(KEY, 480, 640, 'model', ())
WHOLE = {'height': 960, 'width': 1280}


def info(number: int, stamp_ns: int = 1, **fields) -> CameraInfo:
    """A calibration for images of 640x480 px whose first number tells it apart."""
    made = CameraInfo(**{'height': 480, 'width': 640, **fields})
    made.header = convert.key_to_header(FrameKey(stamp_ns, 'camera'))
    made.k = [float(number), *[0.0] * 8]
    return made


@pytest.fixture
def send(client):
    """Sends a calibration of the camera; for the edge, that is what `camera_info` hears."""
    publisher = client.node.create_publisher(CameraInfo, '/camera_info', 10)

    def when_read(message: CameraInfo) -> None:
        client.until(publisher.get_subscription_count)
        publisher.publish(message)

    return when_read


@pytest.fixture
def infos(client) -> Iterator[CameraInfos]:
    with ExitStack() as running:
        yield CameraInfos(client.node, running)


@pytest.fixture
def hear(client, send, infos):
    """Sends a calibration, and waits until it is the one for masks of this stamp and size."""

    def until_heard(message: CameraInfo, width: int = 640) -> None:
        masks = replace(MASKS, key=convert.key_from_header(message.header), width=width)

        def heard() -> bool:
            found = infos.of(masks)
            return found is not None and found.k[0] == message.k[0]

        send(message)
        client.until(heard)

    return until_heard


def test_the_edge_publishes_it_with_the_header_of_the_masks(client, send):
    """A node that waits for an image and a camera_info with equal stamps gets both."""
    heard = client.collect(CameraInfo, '/edge/camera_info')
    with ExitStack() as running:
        outputs = Outputs(client.node, running)
        send(info(1, distortion_model='plumb_bob', d=[0.5]))
        client.until(lambda: outputs.masks(MASKS) or heard)
    assert heard[0].header == convert.key_to_header(KEY)
    assert (heard[0].distortion_model, list(heard[0].d)) == ('plumb_bob', [0.5])


def test_without_a_camera_info_there_is_none(infos):
    """Most cameras of robots have one, most webcams none."""
    assert infos.of(MASKS) is None


def test_the_one_of_the_same_image_is_taken(hear, infos):
    """A camera that zooms has another one for each image."""
    hear(info(1, KEY.stamp_ns))
    hear(info(2, KEY.stamp_ns + 1))
    assert infos.of(MASKS).k[0] == 1


def test_without_one_of_the_same_stamp_the_newest_is_taken(hear, infos):
    """Some drivers stamp the two apart, or publish a camera_info now and then."""
    hear(info(1, 1))
    hear(info(2, 2))
    assert infos.of(MASKS).k[0] == 2


def test_one_for_images_of_another_size_is_not_taken(hear, infos):
    """Its focal length, in px, would be wrong."""
    hear(info(1, KEY.stamp_ns, width=320), width=320)
    assert infos.of(MASKS) is None


@pytest.mark.parametrize(
    'fields',
    [
        {'binning_x': 2, 'binning_y': 2},
        {'roi': RegionOfInterest(x_offset=9, height=480, width=640)},
        {'roi': RegionOfInterest(height=960, width=1280), 'binning_x': 2, 'binning_y': 2},
    ],
)
def test_binning_and_region_count(hear, fields):
    """They say how large the image of a sensor of 1280x960 px is."""
    hear(info(1, KEY.stamp_ns, **WHOLE, **fields))


@pytest.mark.parametrize('fields', [{'d': [0.0] * 300}, {'distortion_model': 'x' * 300}])
def test_one_that_is_too_large_is_not_kept(hear, send, infos, fields):
    """Many are kept, so each has a bound."""
    send(info(1, KEY.stamp_ns, **fields))
    hear(info(2, KEY.stamp_ns + 1))
    assert infos.of(MASKS).k[0] == 2


def test_old_ones_are_forgotten(hear, infos):
    """Of a camera that runs for days only the last ones are kept."""
    for number in range(140):
        hear(info(number, KEY.stamp_ns + number))
    assert infos.of(MASKS).k[0] == 139


@pytest.mark.parametrize(
    ('remapped', 'topic'),
    [
        ([], '/robot1/camera_info'),
        (['image:=/camera/color/image_raw'], '/camera/color/camera_info'),
        (['image:=camera/image_raw'], '/robot1/camera/camera_info'),
        (['image/compressed:=/cam/image/compressed'], '/cam/camera_info'),
        (['image:=/cam/image', 'image/compressed:=/cam/image/compressed'], '/cam/camera_info'),
        (['image:=/cam/image', 'camera_info:=/other/info'], '/other/info'),
        (['image:=/image'], '/camera_info'),
    ],
)
def test_it_is_read_beside_the_image(domain_id, remapped, topic):
    """As image_transport finds it, unless it is remapped itself."""
    words = ['--ros-args', '-r', '__ns:=/robot1']
    for rule in remapped:
        words += ['-r', rule]
    context = Context()
    context.init(args=[], domain_id=domain_id)
    with ExitStack() as running:
        running.callback(context.try_shutdown)
        node = Node('edge', context=context, cli_args=words)
        running.callback(node.destroy_node)
        assert info_topic(node) == topic
