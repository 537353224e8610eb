"""A frame whose windows are at the workers, and what is under way of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.types import FrameKey, Pixels, Values, Window
from pedsam_ros.core.windows import Canvas


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """A window and the worker it goes to; LOCAL: this edge."""

    worker: str
    window: Window


@dataclass(frozen=True, slots=True, eq=False)
class Recent:
    """The last embedding of a window."""

    tokens: Values
    canvas: Canvas  # of its frame
    at_s: float
    worker: str


@dataclass(slots=True, eq=False)
class InFlight:
    """A frame whose windows are at the workers, or back."""

    serial: int
    key: FrameKey
    canvas: Canvas
    rgb: Pixels
    contents: Mapping[int, Pixels]  # the content of each window
    tokens: dict[int, Values] = field(default_factory=dict)
    sources: dict[int, str] = field(default_factory=dict)  # window -> who answered
    stale: set[int] = field(default_factory=set)
    arrived_s: float = 0.0
    sent_s: float = 0.0  # for whoever sends: when the last window was handed over
    back_s: float = 0.0  # when the last reply came
    worker_s: float = 0.0  # the longest that a worker took for a window
    bytes_down: int = 0

    def answered(self, index: int, tokens: Values, worker: str) -> None:
        """A window's embedding came."""
        self.tokens[index], self.sources[index] = tokens, worker

    def fill(self, index: int, recent: Recent) -> None:
        """A window's last embedding is used in place of its own."""
        self.answered(index, recent.tokens, recent.worker)
        self.stale.add(index)

    def asked(self) -> list[int]:
        """Windows that a worker answered for this very frame."""
        return sorted(
            index
            for index, worker in self.sources.items()
            if worker != LOCAL and index not in self.stale
        )

    def loudest(self) -> str:
        """Whose answer holds the largest of all values."""
        index = max(self.sources, key=lambda index: float(abs(self.tokens[index]).max()))
        return self.sources[index]


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """A frame's image embedding, (1, E, T, T), and the frame itself, (H, W, 3) uint8 RGB: ready
    for any prompt."""

    key: FrameKey
    canvas: Canvas
    embedding: Any  # a torch tensor, which only core.model looks into
    rgb: Pixels
    stale: tuple[int, ...] = ()  # windows for which an older embedding was used
    sources: frozenset[str] = frozenset()  # workers whose answers it is made of
