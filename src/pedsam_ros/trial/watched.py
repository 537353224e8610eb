"""A worker like any other that also keeps a diary: for the soak, the audit and the tests."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pedsam_ros.core.settings import setting
from pedsam_ros.core.types import Window
from pedsam_ros.core.worker_config import WorkerConfig
from pedsam_ros.nodes.spin import run
from pedsam_ros.nodes.worker_node import WorkerNode
from pedsam_ros.trial.diary import DiaryWriter
from pedsam_ros.trial.kept import WindowKeeper


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedConfig(WorkerConfig):
    """The settings of a worker, and where its diary and the windows go."""

    diary: str = setting('', 'file to which every window that comes is added')
    kept: str = setting('', 'folder to which the windows are written; if empty, none is')


class WatchedNode(WorkerNode):
    """Notes in `diary` when it becomes active, and which windows it is sent."""

    config_type = WatchedConfig

    def start(self, running: ExitStack) -> None:
        """Starts the worker between opening the diary and noting that it is active."""
        self._diary = DiaryWriter(Path(self.config.diary))
        running.callback(self._diary.close)
        self._keeper = WindowKeeper(Path(self.config.kept)) if self.config.kept else None
        super().start(running)
        self._diary.active()

    def on_window(self, window: Window) -> None:
        """Notes a window, then has it encoded."""
        self._diary.note(window)
        if self._keeper is not None:
            self._keeper.keep(window)
        super().on_window(window)


main = partial(run, WatchedNode, apart=True)
