"""The base of the edge and worker nodes: settings, lifecycle, diagnostics and a clean end."""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, ClassVar

import torch
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rcl_interfaces.msg import SetParametersResult
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from pedsam_ros.core.errors import ConfigError, PedsamError
from pedsam_ros.core.model import loading
from pedsam_ros.ros import clock, diagnostics, params, qos

_OLDEST_TORCH = (2, 1)  # the first with load_state_dict(assign=True)
_MOST_WARNINGS, _PER_S = 20, 5.0  # at most so many log messages of a kind in so many s
_EXPECTED = (PedsamError, RuntimeError, OSError)  # raised by us, by torch and DDS, by the disk


class ManagedNode(LifecycleNode):
    """A lifecycle node: configure loads, activate starts, deactivate stops, cleanup unloads.

    A transition that fails logs why, and can be repeated. `config_type` is the class of the
    node's settings in core/config.py.
    """

    config_type: ClassVar[type[Any]]

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self._wrong = params.declare(self, self.config_type)  # parameter -> its error
        self.config: Any = None  # a `config_type` while configured
        self.running: ExitStack | None = None  # set while active
        self.loading = False  # a transition is under way, and nothing would be lost with it
        self.fault = next(iter(self._wrong.values()), '')  # what is wrong with the node itself
        self._warned: deque[float] = deque(maxlen=_MOST_WARNINGS)  # monotonic seconds
        self._defects: deque[float] = deque(maxlen=_MOST_WARNINGS)
        for wrong in self._wrong.values():
            self.get_logger().error(wrong)
        self.add_on_set_parameters_callback(self._on_set_parameters)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS)
        clock.timer(self, 1.0, self._on_timer)
        self._autostart = clock.timer(self, 0.01, self._start_alone)

    # A subclass overrides these.
    def load(self) -> None:
        """Loads the weights and whatever else `self.config` asks for. Raises PedsamError."""
        raise NotImplementedError

    def unload(self) -> None:
        """Undoes `load` and frees its memory."""
        raise NotImplementedError

    def start(self, running: ExitStack) -> None:
        """Starts topics and threads, and pushes onto `running` what ends them.

        `running` ends them in reverse order. Raises PedsamError, RuntimeError or OSError.
        """
        raise NotImplementedError

    def changed(self, config: Any) -> None:
        """Applies settings that may change while the node runs. `config` has their new values."""

    def report(self) -> None:
        """Reports the state of the node through `publish_report`, perhaps on another thread.

        It is called every second while the node is active.
        """
        raise NotImplementedError

    # Lifecycle.
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Checks the parameters and loads. Fails if a parameter is wrong or `load` raises."""
        result = self._attempt(self._configure)
        if result != TransitionCallbackReturn.SUCCESS:
            self.config = None
        return result

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Starts. Fails if `start` raises; what it had started is ended again."""
        return self._attempt(self._activate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Ends all that `start` started."""
        self.close()
        return TransitionCallbackReturn.SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unloads, and forgets the settings."""
        self.config = None
        self.unload()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Ends all that `start` started, if the node is active."""
        self.close()
        return TransitionCallbackReturn.SUCCESS

    def close(self) -> None:
        """Ends all that `start` started, if the node is active."""
        if self.running is not None:
            running, self.running = self.running, None
            running.close()
            self.get_logger().info('inactive')

    def destroy_node(self) -> None:
        """Ends all that `start` started, and removes the node."""
        self.close()
        super().destroy_node()

    def publish_report(self, statuses: list[DiagnosticStatus]) -> None:
        """Publishes `statuses` in /diagnostics. Any thread may call it."""
        self._diagnostics.publish(diagnostics.array(clock.stamp(self), statuses))

    def warn(self, message: str) -> None:
        """Logs a warning, or drops it if there were too many in the last seconds."""
        if _may_log(self._warned):
            self.get_logger().warning(message)

    def on_defect(self, error: Exception) -> None:
        """Logs an unexpected exception with its traceback, and shows it in /diagnostics.

        The node goes on. If there were too many in the last seconds, the log leaves it out.
        """
        self.fault = f'{type(error).__name__}: {error}'
        if _may_log(self._defects):
            self.get_logger().error(''.join(traceback.format_exception(error)))

    def _configure(self) -> None:
        if self._wrong:
            raise ConfigError(next(iter(self._wrong.values())))
        if _torch_version() < _OLDEST_TORCH:
            raise ConfigError(f'torch {torch.__version__}: {_OLDEST_TORCH} or newer is needed')
        self.config = params.read(self, self.config_type)
        if self.config.threads:
            torch.set_num_threads(self.config.threads)
        loading.check_device(self.config.device)
        self.load()

    def _activate(self) -> None:
        with ExitStack() as running:
            self.start(running)
            self.running = running.pop_all()
        self.get_logger().info('active')

    def _attempt(self, transition: Callable[[], None]) -> TransitionCallbackReturn:
        self.loading = True
        try:
            transition()
        except _EXPECTED as error:
            self.fault = str(error)
            self.get_logger().error(self.fault)
            return TransitionCallbackReturn.FAILURE
        except Exception as error:
            self.on_defect(error)
            return TransitionCallbackReturn.FAILURE
        finally:
            self.loading = False
        self.fault = ''
        return TransitionCallbackReturn.SUCCESS

    def _on_set_parameters(self, changes: list[Parameter]) -> SetParametersResult:
        result = params.check_change(self.config_type, self.config, changes)
        if not result.successful:
            return result
        for change in changes:
            self._wrong.pop(change.name, None)
        live = params.live_changes(self.config_type, changes)
        if self.config is not None and live:
            self.config = params.replaced(self.config, live)
            self.changed(self.config)
        return result

    def _on_timer(self) -> None:
        if self.running is not None:
            self.report()
            return
        level = diagnostics.ERROR if self.fault else diagnostics.WARN
        message = self.fault or 'not active'
        self.publish_report(
            [diagnostics.status(self.get_fully_qualified_name(), level, message, {})]
        )

    def _start_alone(self) -> None:
        """Configures the node if `autostart` is set, and activates it at the next call.

        In between the executor may see that the process shall end.
        """
        wanted = self.get_parameter('autostart').value
        if wanted and self.config is None:
            if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
                return
        elif wanted and self.running is None:
            self.trigger_activate()
        self._autostart.cancel()


def _may_log(before: deque[float]) -> bool:
    now = time.monotonic()
    if len(before) == before.maxlen and now - before[0] <= _PER_S:
        return False
    before.append(now)
    return True


def _torch_version() -> tuple[int, ...]:
    return tuple(int(part) for part in torch.__version__.split('.')[:2])
