"""What every attack is given, and what it returns. Each file of `attacks` is one attack:

    NEEDS = Needs.FRAME

    def attack(view: Pixels, seen: Seen, history: History) -> Picture | Findings | Boxes | None:

`view` is (H, W, 3) uint8 RGB, the content of the canvas as the adversary has it; what it was not
sent is grey. `seen` is (H, W) bool. `history` is everything else that the adversary has. The
truth is never given: `scores` compares the guess with it.

A picture is (H, W, 3) float32, 0..255, in which the seen pixels stay as they are. Findings are
figures by name. Boxes are (N, 4) float32, around what a detector found: x0, y0, x1, y1, canvas px;
None if the detector is not installed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.types import Embedding, Pixels, Values

Seen: TypeAlias = NDArray[np.bool_]
Picture: TypeAlias = NDArray[np.float32]
Findings: TypeAlias = Mapping[str, float]
Boxes: TypeAlias = NDArray[np.float32]
NOT_SHIFTED = Shift()


class Needs(Enum):
    """What an attack needs besides one frame's view. Its section runs it: see CONTRIBUTING.md."""

    FRAME = 'frame'  # nothing
    WEIGHTS = 'weights'  # weights of a user, so it only runs when asked for
    CONTENT = 'content'  # nothing; it finds boxes around something in a view
    EARLIER = 'earlier'  # the views of earlier frames
    EMBEDDINGS = 'embeddings'  # the way back, opened
    MESSAGES = 'messages'  # sizes and times of sealed messages


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What an adversary has of one frame: (H, W, 3) uint8 RGB, grey where `seen` is False."""

    pixels: Pixels
    seen: Seen
    shift: Shift = NOT_SHIFTED  # of its windows, as each message says


@dataclass(frozen=True, slots=True)
class Message:
    """A sealed message as anyone on the network sees it."""

    worker: str  # whose domain it travels in
    frame: int  # number of the frame, which its time tells
    size: int  # bytes
    at_s: float = math.nan  # when it was heard, monotonic; NaN if no network was there


@dataclass(frozen=True, slots=True, eq=False)
class Own:
    """Windows of the adversary's own pictures, and what the worker's half makes of them.

    `pixels` are (h, w, 3) uint8, `tokens` (rows, columns, C) float32.
    """

    pixels: Sequence[Pixels]
    tokens: Sequence[Values]


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What an adversary has besides the present view."""

    arch: Architecture  # everybody knows the model
    earlier: Sequence[View] = ()  # of earlier frames, the oldest first
    embeddings: Mapping[int, Embedding] = field(default_factory=dict)  # by window, of this frame
    shift: Shift = NOT_SHIFTED  # of the present frame's windows
    own: Own | None = None  # to learn from what an embedding shows
    messages: Sequence[Message] = ()  # of all frames
    weights: Path | None = None  # of a network of the adversary's own
