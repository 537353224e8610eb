"""The data that the parts of the package exchange.

All classes are frozen. All arrays are contiguous numpy arrays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core.shift import Shift

Pixels = NDArray[np.uint8]
Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FrameKey:
    """The camera's header, which identifies a frame and travels from its image to its masks."""

    stamp_ns: int  # ns since the epoch of the camera's clock
    frame_id: str  # the camera's coordinate frame


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A camera image."""

    key: FrameKey
    rgb: Pixels  # (H, W, 3) uint8
    arrived_s: float = math.inf  # s on the edge's steady clock; infinite: counts from its start


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One window on its way to a worker."""

    request_id: int  # random; the reply carries it back
    model_id: str  # the model that both ends must run
    index: int  # in the grid of windows
    pixels: Pixels  # (h, w, 3) uint8 RGB: its content; empty in a window of canvas padding
    reply_dtype: str  # one of codec.DTYPES, or a fitted codec by its name
    within_s: float = 0.0  # s from arrival after which nobody waits for the reply; 0: no limit
    offset: tuple[int, int] = (0, 0)  # of the grid, tokens: see windows.Grid
    corner: tuple[int, int] = (0, 0)  # row and column, px, of the window where its content begins


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """The tokens of one window on their way back to the edge."""

    request_id: int  # of the window that this answers
    model_id: str  # the model that the worker runs
    index: int  # in the grid of windows
    shape: tuple[int, int, int]  # (rows, columns, channels), in tokens
    dtype: str  # the reply_dtype of the window
    values: bytes | memoryview  # the tokens, packed
    encode_s: float = 0.0  # s from the window's arrival to this reply, on the worker's clock


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """A worker's heartbeat. WorkerStatus.msg explains the fields, which have the same names."""

    model_id: str
    architecture: str
    queued: int
    encoded: int
    rejected: int
    foreign: int
    encode_s: float
    last_error: str
    process: str = ''  # tells the worker's process from others; the handshake names it
    codec_id: str = ''  # of the model's codec; empty if it has none


@dataclass(frozen=True, slots=True)
class Prompt:
    """What to segment: points, a box, or both, in image px."""

    points: tuple[tuple[float, float, int], ...] = ()  # (x, y, label): 1 is on the object, 0 off
    box: tuple[float, float, float, float] | None = None  # (x0, y0, x1, y1)
    fault: str = ''  # why it could not be read; its place among the others still counts


@dataclass(frozen=True, slots=True)
class Refusal:
    """A prompt that gets no mask."""

    prompt: int  # its index among those that were asked together
    reason: str  # the value, and the rule that it breaks


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """One mask at the camera's size."""

    prompt: int  # index of the prompt that it answers; -1 in an automatic mask
    score: float  # IoU predicted by the model
    stability: float  # IoU of the mask cut at a higher and at a lower logit
    box: tuple[int, int, int, int]  # x, y, width, height, px
    area: int  # px
    counts: tuple[int, ...]  # COCO run lengths: column-major, zeros first


class Search(IntEnum):
    """How the search for automatic masks ended. Masks.msg has the same numbers."""

    COMPLETE = 0  # everything in view was looked for
    FULL = 1  # there were more masks than may be
    LATE = 2  # its time had passed


@dataclass(frozen=True, slots=True, eq=False)
class Masks:
    """All masks of a frame."""

    key: FrameKey
    height: int  # of the camera image, px
    width: int  # px
    model_id: str  # the model that made them
    masks: tuple[Mask, ...]  # the id of a mask is its place here + 1
    stale_windows: tuple[int, ...] = ()  # windows for which an older embedding was used
    shift: Shift | None = None  # None: windows are fixed to the image
    search: Search = Search.COMPLETE


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What comes of prompts: masks of those that fit the frame, and why the others got none."""

    masks: Masks
    refused: tuple[Refusal, ...] = ()
