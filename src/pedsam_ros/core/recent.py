"""The last embedding of every window, for the rule `stale`. No I/O; time is an argument
(monotonic seconds)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pedsam_ros.core.config import LossConfig
from pedsam_ros.core.laid import Laid
from pedsam_ros.core.types import Values


@dataclass(frozen=True, slots=True, eq=False)
class Recent:
    """The last embedding of a window: (rows, columns, C) float32 tokens."""

    tokens: Values
    laid: Laid  # the frame that the window was cut from
    at_s: float  # when it came
    worker: str  # who sent it


class RecentEmbeddings:
    """Keeps the last embedding of each window; keeps nothing if `stale` is not one of the
    rules."""

    def __init__(self, rules: LossConfig, on_cap: Sequence[str] = ()) -> None:
        self._oldest_s = rules.stale_s
        self._kept = 'stale' in (*rules.on_server_loss, *on_cap)
        self._by_window: dict[int, Recent] = {}

    def note(self, index: int, recent: Recent) -> None:
        """Replaces the last embedding of a window."""
        if self._kept:
            self._by_window[index] = recent

    def fresh(self, laid: Laid, now_s: float) -> set[int]:
        """Names the windows whose last embedding may still be used for a frame that lies so."""
        oldest = now_s - self._oldest_s
        return {
            index
            for index, recent in self._by_window.items()
            if recent.at_s >= oldest and recent.laid.as_in(laid)
        }

    def forget(self, worker: str) -> None:
        """Drops everything that a worker sent."""
        self._by_window = {i: one for i, one in self._by_window.items() if one.worker != worker}

    def __getitem__(self, index: int) -> Recent:
        """The last embedding of one window. Raises KeyError if there is none."""
        return self._by_window[index]
