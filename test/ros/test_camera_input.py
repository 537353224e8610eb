"""What the edge takes of its camera, and what it says about one that it does not hear."""

import math
import time

import pytest
from sensor_msgs.msg import CompressedImage, Image

from pedsam_ros.core.camera import CameraState
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import BadImage
from pedsam_ros.nodes.camera_input import CameraInput
from pedsam_ros.ros import diagnostics
from two_nodes import BEST_EFFORT, RELIABLE, image

pytestmark = pytest.mark.ros
LONG_S = 60.0  # longer than silent_camera_s


class Watched:
    """A camera's input, with a clock that only the test moves.

    `offered` holds image, age and number of images displaced before it, `told` the log.
    """

    def __init__(self, nodes, **config):
        self.nodes, self.now_s = nodes, 100.0
        self.offered, self.told = [], []
        logger = nodes.reader.get_logger()
        logger.warning = logger.info = self.told.append
        self.input = CameraInput(
            nodes.reader,
            EdgeConfig(**config),
            lambda *offered: self.offered.append(offered),
            lambda: self.now_s,
        )
        self.told.clear()

    @property
    def state(self):
        """What the last look found."""
        return CameraState(self.input.part().values['state'])

    def until(self, state):
        """Waits until the camera is in a state."""
        self.nodes.until(lambda: self.state is state)

    def show(self, publisher, count=1):
        """Publishes so many images and waits until DDS has brought them."""
        for number in range(1, count + 1):
            publisher.publish(image(number))
        assert publisher.wait_for_all_acked()

    def until_offered(self):
        """Waits for an image; returns it."""
        self.nodes.until(lambda: self.offered)
        return self.offered.pop()


@pytest.fixture
def watched(two_nodes):
    """Makes a camera's input."""
    return lambda **config: Watched(two_nodes(), **config)


def found(made, publisher):
    """Waits until camera and reader have found each other."""
    made.nodes.until(
        lambda: publisher.get_subscription_count() and made.input._camera.view.readable
    )


def test_a_camera_that_falls_silent_is_told_once(watched):
    """It names topic and type; the next image ends it, and that is told as well."""
    made = watched()
    publisher = made.nodes.publisher()
    found(made, publisher)
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
    publisher = made.nodes.publisher()
    found(made, publisher)
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
    publisher = made.nodes.publisher(RELIABLE)
    found(made, publisher)
    made.show(publisher)
    made.until(CameraState.OK)


def test_an_edge_that_is_busy_gets_the_newest_image_and_counts_the_others(watched):
    """They were displaced in DDS."""
    made = watched()
    publisher = made.nodes.publisher()
    found(made, publisher)
    made.show(publisher)
    made.until_offered()
    made.now_s += 1.0
    made.show(publisher, 5)
    made.input.want(True)
    taken, _, displaced = made.until_offered()
    assert (taken.key.stamp_ns, displaced) == (5 * 10**9, 4)
    assert made.input.part().values['lost'] == 0


def test_an_edge_that_is_busy_fetches_the_newest_image_itself(watched):
    """At once, where the ROS thread would have to be waited for."""
    made = watched()
    publisher = made.nodes.publisher()
    found(made, publisher)
    made.show(publisher)
    made.until_offered()
    made.input.fetch()
    assert made.offered == []
    made.show(publisher, 3)
    made.input.fetch()
    made.input.fetch()
    ((taken, _, displaced),) = made.offered
    assert (taken.key.stamp_ns, displaced) == (3 * 10**9, 2)


@pytest.mark.parametrize(('regions', 'fetched'), [(False, True), (True, False)])
def test_an_image_is_fetched_only_where_no_region_can_be_overtaken(watched, regions, fetched):
    """The ROS thread alone knows which regions came before it. It gets the image instead."""
    made = watched(regions=regions)
    publisher = made.nodes.publisher()
    found(made, publisher)
    made.show(publisher)
    made.until_offered()
    made.show(publisher)
    made.input.want(True, soon=True)
    made.input.fetch()
    assert bool(made.offered) is fetched
    made.until_offered()


def numbered(made, *numbers, period_s=0.04):
    """Images come with the numbers that their publisher gave them, and each is wanted. Returns how
    many count as displaced, and how many as lost."""
    before = made.input.part().values['lost']
    for number in numbers:
        made.now_s += period_s
        info = {'received_timestamp': time.time_ns(), 'publication_sequence_number': number}
        made.input._on_image(image(), info)
        made.input.want(True)
    displaced = sum(missed for *_, missed in made.offered)
    return displaced, made.input.part().values['lost'] - before


def test_images_that_are_missing_while_one_is_wanted_were_lost(watched):
    """At the rate of a camera, with and without every_frame."""
    for config in ({}, {'every_frame': True}):
        assert numbered(watched(**config), 1, 3, 4, 9) == (0, 5)


def test_numbers_of_several_publishers_count_nothing(watched):
    """Whether they are far from each other or near: each publisher counts its own."""
    assert numbered(watched(), 10_000, 5, 10_001, 6, 10_002, 7) == (0, 0)
    assert numbered(watched(), 8, 5, 9, 6, 10, 7) == (0, 0)


def test_every_frame_takes_every_image(watched):
    """In their order, whether the edge is busy or not."""
    made = watched(every_frame=True)
    publisher = made.nodes.publisher()
    found(made, publisher)
    made.input.want(False)
    made.show(publisher, 5)
    made.nodes.until(lambda: len(made.offered) == 5)
    assert [offered[0].key.stamp_ns // 10**9 for offered in made.offered] == [1, 2, 3, 4, 5]
    assert {offered[2] for offered in made.offered} == {0}


def test_an_image_of_unknown_age_is_as_old_as_can_be(watched):
    """Humble's rclpy does not tell when DDS received a message."""
    made = watched()
    made.input._on_image(image(), {})
    assert made.until_offered()[1] == math.inf


def test_an_image_is_offered_as_it_came(watched):
    """With its size and header; pixels are made only on demand."""
    made = watched()
    publisher = made.nodes.publisher()
    found(made, publisher)
    made.show(publisher)
    taken, age_s, _ = made.until_offered()
    assert (taken.nbytes, taken.key.stamp_ns) == (1, 10**9)
    assert age_s >= 0.0
    with pytest.raises(BadImage):
        taken.read()
