"""Timers that no simulation stops, and stamps that are never 0."""

import pytest
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.time import Time
from rosgraph_msgs.msg import Clock

from pedsam_ros.ros import clock

pytestmark = pytest.mark.ros
WAIT_S = 300.0  # only catches hangs
SIMULATED = [Parameter('use_sim_time', value=True)]


@pytest.fixture
def simulated(domain_id):
    """A node on simulated time, and an executor that spins it."""
    context = Context()
    context.init(args=[], domain_id=domain_id)
    node = Node('simulated', context=context, parameter_overrides=SIMULATED)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    yield node, executor
    executor.shutdown()
    node.destroy_node()
    context.try_shutdown()


def test_a_timer_runs_without_a_clock(simulated):
    """Nobody publishes /clock in a worker's domain."""
    node, executor = simulated
    came = []
    clock.timer(node, 0.01, lambda: came.append(1))
    while len(came) < 3:
        executor.spin_once(timeout_sec=WAIT_S)
    assert node.get_clock().now().nanoseconds == 0


def test_a_stamp_is_ros_time_once_there_is_any(simulated):
    """Before that it is wall time: a stamp of 0 would say nothing."""
    node, executor = simulated
    assert clock.stamp(node).sec > 10**9
    publisher = node.create_publisher(Clock, '/clock', 10)
    message = Clock(clock=Time(seconds=100, nanoseconds=5).to_msg())
    clock.timer(node, 0.01, lambda: publisher.publish(message))
    while clock.stamp(node).sec > 10**9:
        executor.spin_once(timeout_sec=WAIT_S)
    assert clock.stamp(node) == message.clock
