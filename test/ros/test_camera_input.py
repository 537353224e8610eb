"""What the edge says about a camera that it does not hear."""

import pytest
from sensor_msgs.msg import CompressedImage, Image

from pedsam_ros.core.camera import CameraState
from pedsam_ros.ros import diagnostics
from two_nodes import BEST_EFFORT, RELIABLE
from watched_camera import Watched

pytestmark = pytest.mark.ros
LONG_S = 60.0  # longer than silent_camera_s


def test_a_camera_that_falls_silent_is_told_once(watched):
    """It names topic and type; the next image ends it, and that is told as well."""
    made = watched()
    publisher = made.publisher()
    made.show(publisher)
    made.until(CameraState.OK)
    made.told.clear()
    made.input.want(True)
    made.now_s += LONG_S
    made.until(CameraState.SILENT)
    part = made.input.part()
    assert (part.component, part.level) == ('camera', diagnostics.WARN)
    assert '/image (Image)' in part.message
    assert made.told == [f'camera=silent: {part.message}']
    made.show(publisher)
    made.until(CameraState.OK)
    assert made.told[1:] == ['camera=ok topic=/image']
    assert made.input.part().message == ''


def test_a_camera_is_not_silent_while_no_image_is_wanted(watched):
    """The edge has enough to do, so it took none."""
    made = watched()
    publisher = made.publisher()
    made.show(publisher)
    made.until_offered()
    made.until(CameraState.OK)
    made.now_s += LONG_S  # after an image none is wanted until the edge says so
    looked_s = made.input._looked_s
    made.nodes.until(lambda: made.input._looked_s > looked_s)
    made.nodes.until(lambda: made.input._looked_s >= made.now_s)
    assert made.state is CameraState.OK
    made.input.want(True)
    made.now_s += LONG_S
    made.until(CameraState.SILENT)


@pytest.mark.parametrize(
    ('config', 'kind', 'topic', 'profile', 'state', 'named'),
    [
        ({}, None, '', None, CameraState.NO_PUBLISHER, '/image: nobody publishes it'),
        (
            {},
            CompressedImage,
            'image/compressed',
            RELIABLE,
            CameraState.NO_PUBLISHER,
            '/image/compressed is published',
        ),
        ({}, CompressedImage, 'image', RELIABLE, CameraState.OTHER_TYPE, 'CompressedImage'),
        (
            {'image_transport': 'compressed'},
            CompressedImage,
            'image',
            RELIABLE,
            CameraState.NO_PUBLISHER,
            'without /compressed',
        ),
        (
            {'image_transport': 'compressed'},
            Image,
            'image/compressed',
            RELIABLE,
            CameraState.OTHER_TYPE,
            'sensor_msgs/msg/Image',
        ),
        ({'every_frame': True}, Image, 'image', BEST_EFFORT, CameraState.LOSSY, 'best effort'),
    ],
)
def test_an_edge_that_hears_no_camera_says_why(
    watched, config, kind, topic, profile, state, named
):
    """A state for programs, and one line for people that says what to do."""
    made = watched(**config)
    publisher = kind and made.nodes.publisher(profile, kind, topic)
    if publisher:
        made.nodes.until(lambda: any(made.input._camera.view.offers.values()))
    if state is CameraState.NO_PUBLISHER:
        made.now_s += LONG_S
    made.until(state)
    part = made.input.part()
    assert named in part.message
    assert part.level == diagnostics.WARN
    assert made.told[-1] == f'camera={state.value}: {part.message}'


def test_the_users_reliability_may_make_the_edge_deaf_and_it_says_so(two_nodes):
    """The camera offers best effort, and the user asks for reliable."""
    name = 'qos_overrides./image.subscription.reliability'
    made = Watched(two_nodes(**{name: 'reliable'}))
    publisher = made.nodes.publisher(BEST_EFFORT)
    made.until(CameraState.INCOMPATIBLE_QOS)
    assert 'qos_overrides' in made.input.part().message
    made.nodes.node.destroy_publisher(publisher)
    publisher = made.publisher(RELIABLE)
    made.show(publisher)
    made.until(CameraState.OK)
