"""What the edge hears beside its camera, in the order in which it was sent."""

from contextlib import ExitStack
from functools import partial
from types import SimpleNamespace as Fake

import pytest
from rclpy.qos import QoSProfile
from sensor_msgs.msg import RegionOfInterest

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.nodes.camera_input import CameraInput
from pedsam_ros.nodes.edge_inputs import Inputs
from pedsam_ros.nodes.edge_node import EdgeNode
from two_nodes import image

pytestmark = pytest.mark.ros


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
