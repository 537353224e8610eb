"""Runs a node as a process: spins it until Ctrl-C or SIGTERM, and then ends in order."""

from __future__ import annotations

import faulthandler
import signal
import sys
import threading
import traceback
from collections.abc import Callable

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from pedsam_ros.core.errors import PedsamError
from pedsam_ros.ros import identity

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LOOK_S = 0.2  # longest time between two looks for a signal
_END_S = 10.0  # longest time from the signal to the end of the process


def run(make: Callable[[], Node]) -> int:
    """Makes a node and spins it. Returns the exit status: 0, or 2 if `make` raised PedsamError.

    rclpy's own signal handlers are not used. They would shut down every context at once, also
    those of links that are still in use.
    """
    stopped = threading.Event()
    for number in _SIGNALS:
        signal.signal(number, lambda *_: stopped.set())
    identity.hide()
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    try:
        _spin(make(), stopped)
    except PedsamError as error:
        print(error, file=sys.stderr)
        return 2
    finally:
        rclpy.try_shutdown()
        for number in _SIGNALS:  # a second Ctrl-C must not kill what is already ending
            signal.signal(number, signal.SIG_IGN)
    return 0


def _spin(node: Node, stopped: threading.Event) -> None:
    """Spins until `stopped` is set. Logs an exception in a callback and goes on.

    On rare occasions the end was seen to hang. In that case the process is killed after `_END_S`,
    and the stack of every thread is in the log.
    """
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        while not stopped.is_set():
            try:
                executor.spin_once(timeout_sec=_LOOK_S)
            except Exception:
                node.get_logger().error(traceback.format_exc())
    finally:
        faulthandler.dump_traceback_later(_END_S, exit=True)
        node.destroy_node()
        executor.shutdown()
