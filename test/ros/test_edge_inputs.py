"""What the edge hears beside its camera, in the order in which it was sent."""

from contextlib import ExitStack
from functools import partial
from types import SimpleNamespace as Fake

import pytest
from geometry_msgs.msg import Point, PointStamped
from rclpy.qos import QoSProfile
from sensor_msgs.msg import RegionOfInterest

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.msg import Prompt, Prompts
from pedsam_ros.nodes.camera_input import CameraInput
from pedsam_ros.nodes.edge_inputs import Inputs
from pedsam_ros.nodes.edge_node import EdgeNode
from two_nodes import image

pytestmark = pytest.mark.ros


class Heard:
    """A loop that notes which prompts it was given, and what was refused."""

    def __init__(self):
        self.prompts, self.refused = [], []

    def set_prompts(self, prompts, fixed):
        self.prompts.append(prompts)

    def refuse_prompts(self, reason, number=1):
        self.refused.append((reason, number))


def test_a_flood_of_prompts_displaces_its_own_oldest(two_nodes):
    """Between two steps of the computing thread: the newest eight hold, the others are counted."""
    loop, jobs = Heard(), []
    compute = Fake(post_once=lambda job: job in jobs or jobs.append(job))
    with ExitStack() as running:
        inputs = Inputs(two_nodes().reader, loop, compute, tuple)
        inputs.subscribe(EdgeConfig(most_prompts=2, most_points=3), running)
        for x in range(20):
            inputs._on_point(PointStamped(point=Point(x=float(x))))
        assert len(jobs) == 1
        jobs.pop()()
        assert [prompts[0].points[0][0] for prompts in loop.prompts] == [*range(12, 20)]
        assert loop.refused == [('12 messages with prompts came too fast', 12)]
        one = Prompt(points=[1.0, 1.0], labels=[1])
        two = Prompt(points=[1.0, 1.0] * 2, labels=[1] * 2)
        for prompts in ([one] * 3, [two] * 2):
            inputs._on_prompts(Prompts(prompts=prompts))
        jobs.pop()()
        assert [reason for reason, _ in loop.refused[1:]] == [
            '3 prompts: at most 2 are answered together',
            '4 points in all: at most 3 are taken together',
        ]


def test_prompts_that_hold_for_every_frame_are_fewer(two_nodes):
    """One message with a thousand would make every later frame take a thousand masks."""
    loop, jobs = Heard(), []
    compute = Fake(post_once=lambda job: job in jobs or jobs.append(job))
    with ExitStack() as running:
        inputs = Inputs(two_nodes().reader, loop, compute, tuple)
        inputs.subscribe(EdgeConfig(), running)
        many = Prompt(points=[1.0, 1.0] * 8, labels=[1] * 8)
        for prompts in ([Prompt(points=[1.0, 1.0], labels=[1])] * 65, [many] * 33):
            inputs._on_prompts(Prompts(prompts=prompts))
        jobs.pop()()
        assert [reason for reason, _ in loop.refused] == [
            '65 prompts: at most 64 are answered together',
            '264 points in all: at most 256 are taken together',
        ]


def test_an_image_does_not_overtake_the_regions_that_came_before_it(two_nodes):
    """However many: rclpy takes one message of every topic in turn."""
    bench, heard = two_nodes(), []
    loop = Fake(protect=heard.append, offer=lambda *_: heard.append('image'))
    with ExitStack() as running:
        inputs = Inputs(bench.reader, loop, None, tuple)
        inputs.subscribe(EdgeConfig(regions=True), running)
        edge = Fake(_inputs=inputs, _loop=loop, _compute=Fake(wake=lambda: None))
        camera = CameraInput(bench.reader, EdgeConfig(), partial(EdgeNode._on_image, edge))
        running.callback(camera.close)
        detector = bench.publisher(QoSProfile(depth=100), RegionOfInterest, 'reader/sensitive')
        publisher = bench.publisher()
        bench.until(
            lambda: (
                detector.get_subscription_count() == 2
                and publisher.get_subscription_count()
                and camera._camera.view.readable
            )
        )
        for x in range(6):
            detector.publish(RegionOfInterest(x_offset=x, width=1, height=1))
        assert detector.wait_for_all_acked()
        publisher.publish(image())
        assert publisher.wait_for_all_acked()
        bench.until(lambda: 'image' in heard)
        before = heard[: heard.index('image')]
        assert {region[0] for region in before} == {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}
