"""A node that looks at a system from outside: one DDS domain, spun until something holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from threading import Event, Thread
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Image

from pedsam_ros.core.errors import PedsamError
from pedsam_ros.core.health import WorkerState
from pedsam_ros.core.types import Frame
from pedsam_ros.ros import convert, qos
from pedsam_ros.ros.images import image_to_msg
from pedsam_ros.trial.processes import NodeProcess
from pedsam_ros.trial.system import EDGE

_LOOK_S = 0.1  # how often a condition is looked at while no message comes


class Client:
    """A node in one DDS domain, with a context and an executor of its own.

    It hears nothing unless it spins: in `until`, `within` and `spin`, or all the time on a thread
    of its own after `spin_in_background`. Waiting ends with PedsamError as soon as one of the
    `processes` (name -> process) has ended. `patience_s` is how long `until` waits by default.
    """

    def __init__(
        self,
        domain_id: int,
        name: str = 'client',
        processes: Mapping[str, NodeProcess] | None = None,
        patience_s: float = 300.0,
    ) -> None:
        self._processes = {} if processes is None else processes
        self._patience_s = patience_s
        with ExitStack() as opened:
            context = Context()
            context.init(args=[], domain_id=domain_id)
            opened.callback(context.try_shutdown)
            self.node = Node(name, context=context, enable_rosout=False)
            opened.callback(self.node.destroy_node)
            self._executor = SingleThreadedExecutor(context=context)
            self._executor.add_node(self.node)
            opened.callback(self._executor.shutdown)
            self._opened = opened.pop_all()

    def hear(
        self,
        kind: type[Any],
        topic: str,
        react: Callable[..., object],
        profile: Any = qos.OUTPUT,
        raw: bool = False,
    ) -> None:
        """Hands every message of a topic to `react`, or if `raw` its bytes.

        If `react` takes a second argument, it gets what DDS tells about the message.
        """
        self.node.create_subscription(kind, topic, react, profile, raw=raw)

    def collect(
        self, kind: type[Any], topic: str, profile: Any = qos.OUTPUT, raw: bool = False
    ) -> list[Any]:
        """A list to which every message of a topic is appended."""
        heard: list[Any] = []
        self.hear(kind, topic, heard.append, profile, raw)
        return heard

    def spin(self, patience_s: float) -> None:
        """Handles one message, or waits for one for `patience_s` at most."""
        self._executor.spin_once(timeout_sec=patience_s)

    def spin_for(self, seconds: float) -> None:
        """Handles whatever comes within a time."""
        self.within(seconds, lambda: False)

    def within(self, patience_s: float, condition: Callable[[], Any]) -> Any:
        """Spins until the condition is true, or `patience_s` have passed. Returns its value."""
        end_s = time.monotonic() + patience_s
        while not (value := condition()):
            if ended := next((p for p in self._processes.values() if not p.running), None):
                status = ended.process.returncode
                raise PedsamError(f'{ended.name} ended with status {status}; {ended.last_words()}')
            if (left_s := end_s - time.monotonic()) <= 0:
                break
            self.spin(min(_LOOK_S, left_s))
        return value

    def until(
        self,
        condition: Callable[[], Any],
        complaint: str = 'what was waited for did not happen',
        patience_s: float | None = None,
    ) -> Any:
        """Spins until the condition is true. Returns its value.

        Raises PedsamError with the complaint and `circumstances` when patience runs out.
        """
        patience_s = self._patience_s if patience_s is None else patience_s
        if value := self.within(patience_s, condition):
            return value
        raise PedsamError(f'{complaint} ({patience_s:.0f} s); {self.circumstances()}')

    def circumstances(self) -> str:
        """What may explain why something did not happen."""
        edge = self._processes.get(EDGE)
        return edge.last_words() if edge else ''

    def ask(self, service: Any, request: Any, again_s: Sequence[float] = ()) -> Any:
        """The answer of a service.

        If a time in `again_s` passes without an answer, the request is made again: give times
        only if that does no harm. Raises PedsamError if the last request is not answered either.
        """
        for patience_s in again_s:
            call = service.call_async(request)
            if self.within(patience_s, call.done):
                return call.result()
            service.remove_pending_request(call)
        call = service.call_async(request)
        self.until(call.done, f'{service.srv_name} does not answer')
        return call.result()

    def spin_in_background(self) -> None:
        """Spins on a thread until `close`."""
        stopped = Event()

        def spin() -> None:
            while not stopped.is_set():
                self.spin(_LOOK_S)

        thread = Thread(target=spin, name=f'{self.node.get_name()} spins', daemon=True)
        thread.start()
        self._opened.callback(thread.join)
        self._opened.callback(stopped.set)

    def close(self) -> None:
        """Ends the thread, the node and the context."""
        self._opened.close()


class EdgeClient(Client):
    """A client in the robot's domain, which knows what the edge last reported in /diagnostics.

    A component of the report is 'frames', or a worker's name, or '' while the edge is not active.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.report: dict[str, dict[str, str]] = {}  # component -> its figures
        self.reported_ns = 0  # the stamp of the last report, Unix time
        self._messages: dict[str, str] = {}
        self.hear(DiagnosticArray, '/diagnostics', self._on_report, qos.DIAGNOSTICS)

    def figures(self, component: str = 'frames') -> Mapping[str, str]:
        """The figures of a component; empty before the first report."""
        return self.report.get(component, {})

    def message(self, component: str = 'frames') -> str:
        """What the edge tells people about a component; empty before the first report."""
        return self._messages.get(component, '')

    def state(self, worker: str) -> WorkerState | None:
        """Whether the edge can use a worker; None before the first report."""
        figures = self.figures(worker)
        return WorkerState(figures['state']) if figures else None

    def forget(self, component: str) -> None:
        """Waits anew for the first report of a component."""
        self.report.pop(component, None)
        self._messages.pop(component, None)

    def circumstances(self) -> str:
        """The last report of the edge, and its last words."""
        return f'last report: {self._messages}, {self.report}; {super().circumstances()}'

    def _on_report(self, report: DiagnosticArray) -> None:
        stamp = report.header.stamp
        self.reported_ns = stamp.sec * 10**9 + stamp.nanosec
        for status in report.status:
            node, _, component = status.name.partition(': ')
            if node == f'/{EDGE}':
                self._messages[component] = status.message
                self.report[component] = {pair.key: pair.value for pair in status.values}


def image_msg(frame: Frame) -> Image:
    """A camera's message with the frame's pixels (rgb8) and header."""
    return image_to_msg(np.ascontiguousarray(frame.rgb), 'rgb8', convert.key_to_header(frame.key))
