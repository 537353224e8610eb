"""Runs a node as a process: spins it until Ctrl-C or SIGTERM, and then ends in order."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import nullcontext

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from pedsam_ros.core.errors import ConfigError, PedsamError
from pedsam_ros.core.shown import shown
from pedsam_ros.nodes import process
from pedsam_ros.ros import identity, ros_arguments

_LOOK_S = 0.5  # longest time between two looks for a signal, if that should not wake the executor
_LOADING_S = 0.5  # so long a node that loads may take to come to an end in order
_END_S = 60.0  # longest time from the signal to the end of the process, on any machine


def run(make: Callable[[], Node], apart: bool = False) -> int:
    """Makes a node and spins it. Returns the exit status: 0, or 2 if the user can mend it: the
    ROS arguments are wrong, or `make` raised PedsamError.

    With `apart` no other process sees the node, or its operator only: see `identity.apart`.

    rclpy's own signal handlers are not used. They would shut down every context at once, also
    those of links that are still in use.
    """
    process.begin()
    identity.hide()
    try:
        with identity.apart() if apart else nullcontext() as domain_id:
            _init(domain_id)
        _spin(make)
    except PedsamError as error:
        print(shown(error, 2000), file=sys.stderr)
        return 2
    finally:
        rclpy.try_shutdown()
    return 0


def _init(domain_id: int | None) -> None:
    """Raises ConfigError if the ROS arguments are wrong, or the domain is."""
    try:
        rclpy.init(domain_id=domain_id, signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:
        raise ConfigError(ros_arguments.explain(error, sys.argv)) from None


def _spin(make: Callable[[], Node]) -> None:
    """Makes the node and spins it until a signal comes. Logs an exception in a callback and goes
    on.

    On rare occasions the end was seen to hang. In that case the process is killed after `_END_S`,
    and the stack of every thread is in the log.
    """
    executor, stopped = SingleThreadedExecutor(), threading.Event()
    made: list[Node] = []
    _watch(executor, stopped, lambda: not made or getattr(made[0], 'loading', False))
    node = make()
    made.append(node)
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


def _watch(
    executor: SingleThreadedExecutor, stopped: threading.Event, loading: Callable[[], bool]
) -> None:
    """Sets `stopped` at the first signal and ends the executor's wait, on a thread of its own.

    That thread hears of a signal at once, also while the main thread waits or loads. A node that
    is `loading` has nothing to lose. If it does not get to its end soon, the process is left as
    it is.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def watch() -> None:
        while os.read(reading, 1)[0] not in process.SIGNALS:
            pass
        stopped.set()
        executor.create_task(lambda: None)  # ends the wait of `spin_once`; `wake` does not
        time.sleep(_LOADING_S)
        if loading():
            process.leave(0)

    threading.Thread(target=watch, name='signals', daemon=True).start()
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    process.on_signal(lambda: None)
