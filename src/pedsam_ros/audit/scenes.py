"""What the audit shows to the edge: frames of one camera; ideal ones made of a photograph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.types import Pixels

Item = TypeVar('Item')
STEPS = 32  # of an ideal pan, for one view
PAN_VIEWS = 0.9  # how far it turns, in views


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Frames of one camera, (H, W, 3) uint8 each, the oldest first."""

    name: str
    frames: Sequence[Pixels]
    camera: str = ''  # that a still is one frame of; '' for a picture of its own


def pan(photo: Pixels, arch: Architecture) -> Iterator[Pixels]:
    """Turns an ideal camera over a photograph, by 1/32 of the view a frame, to the right.

    The view is 4:3, as large as the canvas, and moves by whole pixels, so that nothing is
    resampled between two frames.
    """
    width, height = arch.image_px, arch.image_px * 3 // 4
    step = pan_step(arch)
    count = round(PAN_VIEWS * STEPS)
    strip = filled(photo, height, width + step * count)
    for number in range(count + 1):
        yield np.ascontiguousarray(strip[:, number * step : number * step + width])


def pan_step(arch: Architecture) -> int:
    """How far an ideal pan moves from frame to frame, px of the frame."""
    return arch.image_px // STEPS


def filled(photo: Pixels, height: int, width: int) -> Pixels:
    """(height, width, 3): the middle of the photograph, scaled so that it covers all of it."""
    scale = max(height / photo.shape[0], width / photo.shape[1])
    size = max(width, round(photo.shape[1] * scale)), max(height, round(photo.shape[0] * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    whole = np.asarray(cv2.resize(photo, size, interpolation=how), np.uint8)
    top, left = (whole.shape[0] - height) // 2, (whole.shape[1] - width) // 2
    return np.ascontiguousarray(whole[top : top + height, left : left + width])


def spread(some: Sequence[Item], most: int) -> list[Item]:
    """At most so many items, evenly from the whole sequence."""
    count = min(len(some), most)
    return [some[number * len(some) // count] for number in range(count)]
