"""A camera and a reader, two nodes in one process, for tests of the subscription to a camera."""

import time
from array import array
from contextlib import ExitStack

from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

BEST_EFFORT = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
RELIABLE = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)
WAIT_S = 300.0  # only catches hangs


def image(number=1, kind=Image):
    """A message with this stamp, s."""
    msg = kind(data=array('B', [number]))
    msg.header.stamp.sec = number
    return msg


class TwoNodes:
    """A node that publishes and a node that reads, each with a participant of its own, spun by
    whoever waits."""

    def __init__(self, domain_id, **overrides):
        given = [Parameter(name, value=value) for name, value in overrides.items()]
        self._opened = ExitStack()
        self.node, self._camera_executor = self._made(domain_id, 'camera', [])
        self.reader, self._executor = self._made(domain_id, 'reader', given)

    def _made(self, domain_id, name, parameters):
        context = Context()
        context.init(args=[], domain_id=domain_id)
        self._opened.callback(context.try_shutdown)
        node = Node(name, context=context, parameter_overrides=parameters)
        self._opened.callback(node.destroy_node)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(node)
        self._opened.callback(executor.shutdown)
        return node, executor

    def until(self, condition):
        """Spins until a condition is true."""
        end_s = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < end_s, 'what was waited for did not happen'
            self._camera_executor.spin_once(timeout_sec=0.0)
            self._executor.spin_once(timeout_sec=0.1)

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
        self._opened.close()
