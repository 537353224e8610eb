"""What every attack is given, and what it returns. Each file of `attacks` is one attack:

    NEEDS = Needs.FRAME

    def attack(view: Pixels, seen: Seen, history: History) -> Picture | Findings:

`view` is (H, W, 3) uint8 RGB, the content of the canvas as the adversary has it; what it was not
sent is grey. `seen` is (H, W) bool. `history` is everything else that the adversary has. The
truth is never given: `scores` compares the guess with it.

A picture is (H, W, 3) float32, 0..255, in which the seen pixels stay as they are. Findings are
figures by name.
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
from pedsam_ros.core.types import Embedding, Pixels

Seen: TypeAlias = NDArray[np.bool_]
Picture: TypeAlias = NDArray[np.float32]
Findings: TypeAlias = Mapping[str, float]


class Needs(Enum):
    """What an attack needs besides one frame's view. The value names the section it runs in."""

    FRAME = 'frame'  # nothing
    WEIGHTS = 'weights'  # weights of a user, so it only runs when asked for
    EARLIER = 'earlier'  # the views of earlier frames
    EMBEDDINGS = 'embeddings'  # the way back, opened
    MESSAGES = 'messages'  # sizes and times of sealed messages


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What an adversary has of one frame: (H, W, 3) uint8 RGB, grey where `seen` is False."""

    pixels: Pixels
    seen: Seen


@dataclass(frozen=True, slots=True)
class Message:
    """A sealed message as anyone on the network sees it."""

    worker: str  # whose domain it travels in
    frame: int  # number of the frame, which its time tells
    size: int  # bytes
    at_s: float = math.nan  # when it was heard, monotonic; NaN if no network was there


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What an adversary has besides the present view."""

    arch: Architecture  # everybody knows the model
    earlier: Sequence[View] = ()  # of earlier frames, the oldest first
    embeddings: Mapping[int, Embedding] = field(default_factory=dict)  # by window, of this frame
    messages: Sequence[Message] = ()  # of all frames
    weights: Path | None = None  # of a network of the adversary's own
