"""An edge that hears no camera says why, in /diagnostics and in one line of its log."""

from contextlib import closing
from itertools import count

import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from fakes import frame
from pedsam_ros.core.camera import CameraState
from pedsam_ros.trial.client import Client
from pedsam_ros.trial.system import CAMERA
from rig import image_msg

pytestmark = pytest.mark.ros

BEST_EFFORT = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)


def until(rig, state):
    """Waits until the edge reports the camera in a state; returns what it says."""
    rig.client.until(lambda: rig.client.figures('camera').get('state') == state.value)
    return rig.client.message('camera')


def test_an_edge_whose_camera_has_another_type_says_so(rig):
    """The rig gives both of the edge's topics the name of the camera's. Then the camera comes."""
    rig.start_edge(image_transport='compressed')
    wrong = rig.client.node.create_publisher(Image, CAMERA, 5)
    told = until(rig, CameraState.OTHER_TYPE)
    assert CAMERA in told
    assert 'sensor_msgs/msg/Image' in told
    rig.client.node.destroy_publisher(wrong)
    told = until(rig, CameraState.NO_PUBLISHER)
    assert CAMERA in told
    assert rig.log('edge').count('camera=other_type') == 1
    assert rig.log('edge').count('camera=no_publisher') == 1


def test_an_edge_hears_a_camera_that_comes_back_with_another_qos(rig):
    """First reliable, then best effort; image_transport auto finds its type."""
    rig.start_edge(image_transport='auto', every_frame=True)
    rig.start_workers()
    rig.wait_ready()
    stamps = count(1)
    for profile, kind in ((10, Image), (BEST_EFFORT, Image)):
        camera = rig.client.camera(profile, kind)
        before = len(rig.client.masks)

        def masks_come(camera=camera, before=before):  # best effort may lose a frame
            camera.publish(image_msg(frame().rgb, next(stamps)))
            rig.client.spin(0.5)
            return len(rig.client.masks) > before

        rig.client.until(masks_come)
        rig.client.node.destroy_publisher(camera)


def test_two_nodes_may_publish_a_name_with_two_types(rig):
    """The images of the type that is read are read; the others do no harm."""
    rig.start_edge(every_frame=True)
    rig.start_workers()
    rig.wait_ready()
    with closing(Client(rig.domain_id, 'other')) as client:
        other = client.node.create_publisher(CompressedImage, CAMERA, 5)
        camera = rig.client.camera()
        other.publish(CompressedImage())
        camera.publish(image_msg(frame().rgb, 1))
        assert rig.client.masks_for(1)
        assert until(rig, CameraState.OK) == ''
