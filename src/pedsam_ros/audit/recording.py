"""What crossed the wire while frames were shown, and the truth to compare it with."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pedsam_ros.audit import placed
from pedsam_ros.audit.attack import Message, Seen, View
from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.outbound import GREY
from pedsam_ros.core.types import Pixels
from pedsam_ros.core.windows import Canvas


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """A window as its worker opened it."""

    worker: str
    index: int  # in the grid of windows
    pixels: Pixels  # (h, w, 3) uint8 RGB
    size: int  # bytes of the sealed message
    at_s: float = math.nan  # when it was heard, monotonic; NaN if no network was there


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One frame, and every window that was sent of it; none if the edge refused to."""

    canvas: Canvas
    truth: Pixels  # (H, W, 3) uint8 RGB, the content of the canvas
    sent: Sequence[Sent]
    neutral: frozenset[int] = frozenset()  # windows sent as a grey one that shows nothing

    def view(self, workers: Collection[str]) -> View:
        """What these workers have of the frame together."""
        shown = {
            each.index: each.pixels
            for each in self.sent
            if each.worker in workers and each.index not in self.neutral
        }
        grey = np.full_like(self.truth, GREY)
        seen = placed.covered(self.canvas, shown)
        return View(placed.laid(self.canvas, shown, grey), seen, self.canvas.shift)


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Some frames of one camera, one after the other."""

    name: str
    arch: Architecture
    workers: Sequence[str]
    moments: Sequence[Moment]
    ledger: Mapping[str, float] = field(default_factory=dict)  # share by worker, as the edge says

    def views(self, workers: Collection[str]) -> list[View]:
        """What these workers have of every frame together."""
        return [moment.view(workers) for moment in self.moments]

    def messages(self) -> list[Message]:
        """What an eavesdropper sees."""
        return [
            Message(sent.worker, number, sent.size, sent.at_s)
            for number, moment in enumerate(self.moments)
            for sent in moment.sent
        ]


def share(seen: Seen) -> float:
    """The part of a frame that is seen, 0..1."""
    return float(seen.mean())
