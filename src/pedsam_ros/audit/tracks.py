"""Follows what moves in front of a camera that stands still, and says who ever had it whole.

No labels are needed: a thing is a blob that differs from the background (MOG2), followed by the
overlap of its boxes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from pedsam_ros.audit.whole import WHOLE, Owners, parts, ratio
from pedsam_ros.core.types import Pixels

FOLLOWED = 20  # frames; 2 s at 10 Hz
_LEARNING = 20  # frames until the background is known
_MOST_FRAMES = 800
_SMALLEST, _LARGEST = 0.001, 0.2  # of a blob, as a share of the frame
_OVERLAP = 0.3  # IoU of the boxes of one thing in two frames
_LOST = 3  # frames without a thing until it counts as gone
_STILL_LEVELS = 12  # by how much most pixels of a still camera may change
_SHADOW = 127  # MOG2's own mark
Box: TypeAlias = 'tuple[int, int, int, int]'  # x0, y0, x1, y1, px


@dataclass(frozen=True, slots=True, eq=False)
class Blob:
    """Something that moves, in one frame: its box, and its pixels in the whole frame."""

    box: Box
    shape: NDArray[np.bool_]


@dataclass(slots=True, eq=False)
class Track:
    """One thing over time: the largest part that each worker ever had of it, 0..1."""

    box: Box
    last: int  # frame
    frames: int = 1
    parts: dict[str, list[float]] = field(default_factory=dict)  # by placement


def stands_still(frames: Sequence[Pixels]) -> bool:
    """Whether half of the pixels stay as they are from the first frame to the last."""
    if len(frames) < _LEARNING + FOLLOWED or frames[0].shape != frames[-1].shape:
        return False
    middle = frames[len(frames) // 2]
    return all(
        float(np.median(np.asarray(cv2.absdiff(frames[0], other)))) < _STILL_LEVELS
        for other in (middle, frames[-1])
    )


def moving(frames: Sequence[Pixels]) -> Iterator[NDArray[np.bool_]]:
    """(H, W) bool of each frame: what differs from the background; nothing while it is learned."""
    model = cv2.createBackgroundSubtractorMOG2(history=200, varThreshold=25, detectShadows=True)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    tall = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 21))
    for number, rgb in enumerate(frames[:_MOST_FRAMES]):
        mask = np.asarray(model.apply(rgb) > _SHADOW, np.uint8)
        opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel)
        closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, tall)
        yield np.asarray((closed > 0) & (number >= _LEARNING), np.bool_)


def follow(frames: Sequence[Pixels], owned: dict[str, tuple[Owners, int]]) -> list[Track]:
    """The things that were seen in FOLLOWED frames at least.

    `owned` is, by placement, who has each pixel of the canvas, and the number of workers.
    """
    open_: list[Track] = []
    done: list[Track] = []
    large = {name: (_as_large(o, frames[0]), count) for name, (o, count) in owned.items()}
    for number, mask in enumerate(moving(frames)):
        for blob in _blobs(mask):
            near = max(open_, key=lambda track: _iou(track.box, blob.box), default=None)
            if near is None or near.last == number or _iou(near.box, blob.box) < _OVERLAP:
                near = Track(blob.box, number, 0)
                open_.append(near)
            _extend(near, blob, number, large)
        done += [track for track in open_ if number - track.last > _LOST]
        open_ = [track for track in open_ if number - track.last <= _LOST]
    return [track for track in done + open_ if track.frames >= FOLLOWED]


def table(scenes: Sequence[Sequence[Track]], placement: str) -> dict[str, Any]:
    """The share of tracks that were at some time whole with a given, and with some worker.

    Errors take the tracks of one scene as one sample.
    """
    of = [str(number) for number, tracks in enumerate(scenes) for _ in tracks]
    most = [track.parts[placement] for tracks in scenes for track in tracks]
    given = [float(np.mean([part >= WHOLE for part in each])) for each in most]
    some = [float(max(each) >= WHOLE) for each in most]
    return {
        'given_worker': ratio(of, given).figures(),
        'some_worker': ratio(of, some).figures(),
    }


def _extend(track: Track, blob: Blob, number: int, owned: dict[str, tuple[Owners, int]]) -> None:
    track.box, track.last, track.frames = blob.box, number, track.frames + 1
    x0, y0, x1, y1 = blob.box
    inside = blob.shape[y0:y1, x0:x1]
    for name, (who, count) in owned.items():
        now = parts(inside, who[y0:y1, x0:x1], count)
        before = track.parts.get(name, [0.0] * count)
        track.parts[name] = [max(pair) for pair in zip(before, now, strict=True)]


def _blobs(mask: NDArray[np.bool_]) -> list[Blob]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    found = []
    for label in range(1, count):
        x, y, width, height, area = (int(each) for each in stats[label])
        if _SMALLEST <= area / mask.size <= _LARGEST:
            found.append(Blob((x, y, x + width, y + height), np.asarray(labels == label)))
    return found


def _as_large(owned: Owners, frame: Pixels) -> Owners:
    height, width = frame.shape[:2]
    large = cv2.resize(owned, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(large, np.int16)


def _iou(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    both = max(0, width) * max(0, height)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return both / (sum(areas) - both) if both else 0.0
