"""A frame whose windows are at the workers, and what has come back of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pedsam_ros.core.laid import Laid
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.recent import Recent
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.types import FrameKey, Pixels, Values, Window
from pedsam_ros.core.windows import Canvas


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """A window and the worker it goes to; the worker LOCAL is this edge."""

    worker: str
    window: Window


@dataclass(slots=True, eq=False)
class InFlight:
    """A frame between its start and its end. core/edge.py describes its states."""

    serial: int  # its name in Dispatch
    key: FrameKey
    laid: Laid
    rgb: Pixels  # the camera image, (H, W, 3) uint8
    contents: Mapping[int, Pixels]  # window -> its content, (h, w, 3) uint8
    tokens: dict[int, Values] = field(default_factory=dict)  # window -> (rows, columns, C) float32
    sources: dict[int, str] = field(default_factory=dict)  # window -> who answered
    stale: set[int] = field(default_factory=set)  # windows filled with an older embedding
    complete: bool = False  # every window is there
    finishing: Iterator[None] | None = None  # makes and publishes its masks, batch by batch
    arrived_s: float = 0.0  # monotonic seconds, like all times here
    sent_s: float = 0.0  # when the last window was handed over; noted by whoever sends
    back_s: float = 0.0  # when the last reply came
    worker_s: float = 0.0  # the longest that a worker took for a window
    bytes_down: int = 0

    @property
    def canvas(self) -> Canvas:
        """Where the frame lies on the canvas, and its windows."""
        return self.laid.canvas

    def answered(self, index: int, tokens: Values, worker: str) -> None:
        """Notes the embedding of a window."""
        self.tokens[index], self.sources[index] = tokens, worker

    def fill(self, index: int, recent: Recent) -> None:
        """Uses the last embedding of a window in place of its own."""
        self.answered(index, recent.tokens, recent.worker)
        self.stale.add(index)

    def asked(self) -> list[int]:
        """Names the windows that a worker answered for this very frame, in ascending order."""
        return sorted(
            index
            for index, worker in self.sources.items()
            if worker != LOCAL and index not in self.stale
        )

    def loudest(self) -> str:
        """Names the worker whose answer holds the largest absolute value."""
        index = max(self.sources, key=lambda index: float(abs(self.tokens[index]).max()))
        return self.sources[index]


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """A frame that is ready for any prompt: its image embedding, (1, E, T, T), and its camera
    image, (H, W, 3) uint8 RGB."""

    key: FrameKey
    canvas: Canvas
    embedding: Any  # a torch tensor, which only core.model looks into
    rgb: Pixels
    stale: tuple[int, ...] = ()  # windows for which an older embedding was used
    owners: Mapping[int, str] = field(default_factory=dict)  # window -> who computed it
    shift: Shift | None = None  # None: windows are fixed to the image

    @property
    def sources(self) -> frozenset[str]:
        """The workers whose answers are in it."""
        return frozenset(self.owners.values())
