"""Time that no simulation stops: the timers of the nodes, and the stamps of their reports.

Workers have no /clock in their domains, and a simulation may pause or go back. So no timer here
runs on ROS time, whatever `use_sim_time` says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from builtin_interfaces.msg import Time
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

STEADY = Clock(clock_type=ClockType.STEADY_TIME)
SELDOM = {'throttle_duration_sec': 5.0, 'throttle_time_source_type': STEADY}  # for loggers
_WALL = Clock(clock_type=ClockType.SYSTEM_TIME)


def timer(node: Node, period_s: float, callback: Callable[[], object]) -> Any:
    """Makes a timer of `node` that calls back every `period_s` seconds of the steady clock."""
    return node.create_timer(period_s, callback, clock=STEADY)


def stamp(node: Node) -> Time:
    """ROS time, for the header of a message; wall time before /clock says what ROS time is."""
    now = node.get_clock().now()
    return (now if now.nanoseconds else _WALL.now()).to_msg()
