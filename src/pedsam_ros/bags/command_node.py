"""The node of `pedsam replay` and `pedsam record`, and their orderly end."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rclpy.context import Context
from rclpy.node import Node


@contextmanager
def interrupts() -> Iterator[Callable[[], bool]]:
    """Holds back Ctrl-C and SIGTERM; the function given returns True once one of them came.

    Nothing is cut short, even if they are repeated. Only the main thread may use it.
    """
    came: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: came.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def open_node(name: str) -> Iterator[Node]:
    """A node with its own context in ROS_DOMAIN_ID; obeys --ros-args of the command line."""
    context = Context()
    context.init()
    node = Node(name, context=context, start_parameter_services=False)
    try:
        yield node
    finally:
        node.destroy_node()
        context.try_shutdown()
