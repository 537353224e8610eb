"""The overlay node, with a camera, masks and an onlooker in one process."""

import time
from array import array

import cv2
import numpy as np
import pytest
from rclpy.clock import Clock, ClockType
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage, Image

from domains import domains
from pedsam_ros.core.prompts import MOST_PROMPTS
from pedsam_ros.core.types import FrameKey, Mask, Masks
from pedsam_ros.msg import Masks as MasksMsg
from pedsam_ros.nodes.overlay_node import OverlayNode
from pedsam_ros.ros import convert, qos
from rig import WAIT_S, image_msg

pytestmark = pytest.mark.ros
HEIGHT, WIDTH = 480, 640  # an image is just under one megabyte
MIDDLE = (
    HEIGHT // 2 * WIDTH + WIDTH // 2
) * 3  # its place in the data: no mask's outline is there
EVERYTHING = (0, HEIGHT * WIDTH)  # run lengths of a mask that covers the image


def picture(level, stamp_ns):
    """A camera image of one grey level."""
    return image_msg(np.full((HEIGHT, WIDTH, 3), level, np.uint8), stamp_ns)


def masks_msg(stamp_ns, counts=EVERYTHING, number=1, height=HEIGHT, width=WIDTH):
    """Masks that all have the same run lengths."""
    mask = Mask(-1, 1.0, 1.0, (0, 0, width, height), 1, counts)
    masks = Masks(FrameKey(stamp_ns, 'camera'), height, width, 'id', (mask,) * number)
    return convert.masks_to_msg(masks)


class Bench:
    """A camera, a source of masks, the overlay node and whoever looks at it."""

    def __init__(self, domain_id, kind=Image, topic='image', **settings):
        self.context = Context()
        self.context.init(args=[], domain_id=domain_id)
        given = [
            Parameter(name, value=value) for name, value in ({'opacity': 0.0} | settings).items()
        ]
        self.overlay = OverlayNode(context=self.context, parameter_overrides=given)
        self.marks, self.seen, self.eye = [], [], None
        self.overlay.create_subscription(Image, 'mark', self.marks.append, qos.OUTPUT)
        self.node = Node('bench', context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.overlay)
        self.executor.add_node(self.node)
        publishers = [
            self.node.create_publisher(*each)
            for each in (
                (kind, topic, qos.OUTPUT),
                (MasksMsg, 'masks', qos.OUTPUT),
                (Image, 'mark', qos.OUTPUT),
            )
        ]
        self.camera, self.masks, self.mark = publishers
        for publisher in publishers:
            self.until(publisher.get_subscription_count)

    def until(self, condition):
        """Spins until a condition is true."""
        end_s = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < end_s, 'what was waited for did not happen'
            self.executor.spin_once(timeout_sec=0.1)

    def send(self, publisher, msg):
        """Publishes a message, and waits until the overlay node has had its turn with it."""
        publisher.publish(msg)
        assert publisher.wait_for_all_acked()
        self.marks.clear()
        self.mark.publish(Image())
        self.until(lambda: self.marks)

    def show(self, *images):
        """Publishes images one after the other."""
        for msg in images:
            self.send(self.camera, msg)

    def paint(self, stamp_ns, **changes):
        """Publishes masks."""
        self.send(self.masks, masks_msg(stamp_ns, **changes))

    def look(self):
        """Subscribes to the overlay."""
        self.eye = self.node.create_subscription(Image, 'overlay', self.seen.append, qos.OUTPUT)
        self.until(lambda: self.overlay.count_subscribers('overlay'))

    def look_away(self):
        """Unsubscribes, and lets some looks of the node at its subscribers pass."""
        self.node.destroy_subscription(self.eye)
        self.until(lambda: not self.overlay.count_subscribers('overlay'))
        passed = []
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.overlay.create_timer(2.0, lambda: passed.append(1), clock=steady)
        self.until(lambda: passed)

    def levels(self, stamp_ns=99):
        """What was painted: the grey level of each overlay, when that of a last image is there."""
        self.show(picture(stamp_ns, stamp_ns))
        self.paint(stamp_ns)
        self.until(lambda: self.seen and self.seen[-1].header.stamp.nanosec == stamp_ns)
        return [msg.data[MIDDLE] for msg in self.seen]

    def close(self):
        """Ends both nodes."""
        self.executor.shutdown()
        self.node.destroy_node()
        self.overlay.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def make():
    """Makes a bench; `settings` are parameters of the overlay node."""
    benches = []
    with domains(1) as (domain_id,):

        def made(**settings):
            benches.append(Bench(domain_id, **settings))
            return benches[-1]

        yield made
        for bench in benches:
            bench.close()


def test_masks_are_painted_on_the_image_that_they_belong_to(make):
    """Late ones and a second time; with the camera's header."""
    bench = make()
    bench.look()
    bench.show(*(picture(10 * n, n) for n in (1, 2, 3)))
    for stamp_ns in (2, 3, 1, 2):
        bench.paint(stamp_ns)
    assert bench.levels() == [20, 30, 10, 20, 99]
    assert bench.seen[0].header == picture(0, 2).header
    assert (bench.seen[0].height, bench.seen[0].width) == (HEIGHT, WIDTH)
    assert bench.seen[0].encoding == 'rgb8'


def test_no_image_is_kept_while_nobody_looks(make):
    """Neither before somebody came nor after he left."""
    bench = make()
    bench.show(picture(10, 1), picture(20, 2), picture(30, 3))
    bench.look()
    bench.show(picture(40, 4))
    bench.paint(1)
    bench.paint(2)
    bench.look_away()
    bench.look()
    bench.paint(4)
    assert bench.levels() == [99]


def test_images_are_kept_up_to_their_budget(make):
    """Two megabytes hold two images of this size."""
    bench = make(kept_mb=2)
    bench.look()
    bench.show(*(picture(10 * n, n) for n in range(1, 6)))
    for stamp_ns in range(1, 6):
        bench.paint(stamp_ns)
    assert bench.levels() == [40, 50, 99]


@pytest.mark.parametrize('stamp_ns', [0, 7])
def test_masks_are_not_painted_on_another_image_with_their_stamp(make, stamp_ns):
    """The camera repeats a stamp, or sets none."""
    bench = make()
    bench.look()
    bench.show(picture(10, stamp_ns), picture(20, stamp_ns))
    bench.paint(stamp_ns)
    assert bench.levels() == [99]


@pytest.mark.parametrize(
    'wrong',
    [
        {'counts': (5,)},
        {'counts': (0, 2**32 - 1)},
        {'counts': ()},
        {'number': MOST_PROMPTS + 1},
        {'height': 2**32 - 1, 'width': 2**32 - 1},
        {'height': 240, 'width': 320, 'counts': (0, 240 * 320)},
    ],
)
def test_masks_that_do_not_fit_cost_only_themselves(make, wrong):
    """Run lengths of another size, too many masks, a size without end, that of no image."""
    bench = make()
    bench.look()
    bench.show(picture(10, 1), picture(20, 2))
    bench.paint(1, **wrong)
    bench.paint(2)
    assert bench.levels() == [20, 99]


def test_an_image_that_cannot_be_read_costs_only_itself(make):
    """It has the size of its masks, and an encoding that nobody reads."""
    bench = make()
    bench.look()
    odd = picture(10, 1)
    odd.encoding = 'rainbow'
    bench.show(odd, picture(20, 2))
    bench.paint(1)
    bench.paint(2)
    assert bench.levels() == [20, 99]


def test_a_compressed_image_is_found_and_painted(make):
    """With `auto`, where only such images are published. Its size is that of its header."""
    bench = make(kind=CompressedImage, topic='image/compressed', image_transport='auto')
    bench.look()
    data = cv2.imencode('.jpg', np.full((HEIGHT, WIDTH, 3), 70, np.uint8))[1].tobytes()
    good = CompressedImage(header=picture(0, 1).header, format='jpeg', data=array('B', data))
    broken = CompressedImage(header=picture(0, 2).header, format='jpeg', data=array('B', b'no'))
    bench.show(broken, good)
    bench.paint(2)
    bench.paint(1)
    bench.until(lambda: bench.seen)
    assert [msg.header.stamp.nanosec for msg in bench.seen] == [1]
    assert abs(bench.seen[0].data[MIDDLE] - 70) <= 2


def test_a_simulation_without_a_clock_changes_nothing(make):
    """The node's timers run on the steady clock."""
    bench = make(use_sim_time=True)
    bench.look()
    bench.show(picture(10, 1))
    bench.look_away()
    bench.look()
    bench.paint(1)
    assert bench.levels() == [99]
