"""What travels between the parts: frozen, numpy arrays only, contiguous."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FrameKey:
    """The camera's header: the identity of a frame, carried from its image to its masks."""

    stamp_ns: int
    frame_id: str


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A camera image: (H, W, 3) uint8, RGB."""

    key: FrameKey
    rgb: Pixels
    arrived_s: float = math.inf  # on the edge's steady clock; infinite: when it is started


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One window on its way to a worker: its content, (h, w, 3) uint8 RGB, h and w up to the
    window's side."""

    request_id: int
    model_id: str
    index: int
    pixels: Pixels
    reply_dtype: str
    within_s: float = 0.0  # after that, from its arrival, nobody waits for the reply; 0: no limit


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """One window's tokens on their way back; `values` is encoded as codec.py says."""

    request_id: int
    model_id: str
    index: int
    shape: tuple[int, int, int]  # (rows, columns, channels)
    dtype: str
    values: bytes | memoryview
    encode_s: float = 0.0  # from the window's arrival to this reply, on the worker's clock


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """A worker's heartbeat; the fields are those of WorkerStatus.msg."""

    model_id: str
    architecture: str
    clients: int
    queued: int
    encoded: int
    rejected: int
    encode_s: float
    reader: str
    last_error: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """Points as (x, y, label) with label 1 = on the object, 0 = not; a box as (x0, y0, x1, y1);
    image px."""

    points: tuple[tuple[float, float, int], ...] = ()
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """One mask at the camera's size, as COCO run lengths (column-major, zeros first)."""

    prompt: int  # index of the prompt it answers; -1 = automatic
    score: float  # IoU predicted by the model
    stability: float
    box: tuple[int, int, int, int]  # x, y, width, height, px
    area: int  # px
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Masks:
    """All masks of a frame; a mask's id is its place here + 1."""

    key: FrameKey
    height: int
    width: int
    model_id: str
    masks: tuple[Mask, ...]
    stale_windows: tuple[int, ...] = ()  # for which an older embedding was used
