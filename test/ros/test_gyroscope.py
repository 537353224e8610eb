"""The robot's IMU, as the edge hears it."""

from collections.abc import Iterator
from contextlib import ExitStack

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, Imu

from pedsam_ros.core.types import Frame, FrameKey
from pedsam_ros.nodes.camera_info import CameraInfos
from pedsam_ros.nodes.gyroscope import Gyroscope
from pedsam_ros.ros import convert

pytestmark = pytest.mark.ros

MS = 10**6
K = np.array([[500.0, 0, 319.5], [0, 500.0, 239.5], [0, 0, 1]])
OPTICAL = (0.0, 0.0, 0.0, 1.0)
IMAGE = np.zeros((480, 640, 3), np.uint8)


def frame(stamp_ms, rgb=IMAGE):
    """A frame of the camera."""
    return Frame(FrameKey(stamp_ms * MS, 'optical'), rgb)


def imu(stamp_ms, about_y=0.5):
    """What a gyroscope says that turns to the right."""
    msg = Imu(header=convert.key_to_header(FrameKey(stamp_ms * MS, 'imu')))
    msg.angular_velocity.y = about_y
    return msg


@pytest.fixture
def running() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def heard(client, running):
    """A gyroscope that has heard a second of samples, from 1 s on."""
    gyroscope = Gyroscope(client.node, OPTICAL, lambda asked: K, running)
    publisher = client.node.create_publisher(Imu, 'imu', 1000)
    client.until(publisher.get_subscription_count)
    for number in range(101):
        publisher.publish(imu(1000 + 10 * number))
        client.until(lambda number=number: gyroscope._heard.counts()[0] == number + 1)
    return gyroscope


def test_the_turn_between_two_frames_moves_the_picture(heard):
    """By tan(0.05) of 500 px."""
    assert heard.turn(frame(1200)) is None  # nobody knows from where
    moved = heard.turn(frame(1300)) @ [319.5, 239.5, 1]
    assert moved[0] / moved[2] == pytest.approx(319.5 + 500 * np.tan(0.05), abs=1e-3)
    assert heard.figures() == {'imu_hints': 1, 'imu_refused': 0, 'imu_uncalibrated': 0}


def test_each_turn_begins_where_the_last_one_ended(heard):
    """Two steps make the way."""
    heard.turn(frame(1200))
    both = heard.turn(frame(1250)) @ heard.turn(frame(1300))
    turned = np.linalg.inv(K) @ both @ K
    assert cv2.Rodrigues(turned)[0].ravel() == pytest.approx([0, 0.05, 0], abs=1e-6)


def test_frames_out_of_order_and_samples_that_miss_give_no_hint(heard):
    """The edge looks for them as it does without a gyroscope."""
    heard.turn(frame(1500))
    assert heard.turn(frame(1400)) is None
    assert heard.turn(frame(2500)) is None


def test_a_sample_that_no_gyroscope_can_have_measured_is_counted(client, heard):
    """It changes nothing."""
    publisher = client.node.create_publisher(Imu, 'imu', 10)
    client.until(publisher.get_subscription_count)
    publisher.publish(imu(2010, float('nan')))
    client.until(lambda: heard._heard.counts()[0] == 102)
    heard.turn(frame(1200))
    assert heard.turn(frame(1300)) is not None
    assert heard.figures()['imu_refused'] == 1


def test_a_camera_without_calibration_is_counted(client, running):
    """The reason why there is no hint can be seen."""
    gyroscope = Gyroscope(client.node, OPTICAL, lambda asked: None, running)
    assert gyroscope.turn(frame(1000)) is None
    assert gyroscope.figures()['imu_uncalibrated'] == 1


def test_without_a_mounting_nothing_is_heard(client, running):
    """No subscription, no figures."""
    gyroscope = Gyroscope(client.node, (), lambda asked: K, running)
    assert gyroscope.turn(frame(1000)) is None
    assert gyroscope.figures() == {}
    assert client.node.count_subscribers('/imu') == 0


def test_the_calibration_is_that_of_the_frames_pixels(client, running):
    """Half the size, of a part of the sensor."""
    infos = CameraInfos(client.node, running)
    publisher = client.node.create_publisher(CameraInfo, '/camera_info', 10)
    client.until(publisher.get_subscription_count)
    info = CameraInfo(height=960, width=1280, binning_x=2, binning_y=2)
    info.header = convert.key_to_header(frame(1000).key)
    info.roi.x_offset, info.roi.y_offset, info.roi.height, info.roi.width = 200, 100, 480, 640
    info.k = [1000.0, 0.0, 639.5, 0.0, 1000.0, 479.5, 0.0, 0.0, 1.0]
    publisher.publish(info)
    small = frame(1000, np.zeros((240, 320, 3), np.uint8))
    client.until(lambda: infos.matrix(small) is not None)
    assert np.allclose(infos.matrix(small), [[500, 0, 219.75], [0, 500, 189.75], [0, 0, 1]])
    assert infos.matrix(frame(1000)) is None  # another size
