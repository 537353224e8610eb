"""Cameras that move over a picture in a way that is known exactly, and what workers see of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from pedsam_ros.core.planes import Matrix, shift
from pedsam_ros.core.types import Pixels
from pedsam_ros.core.windows import Canvas
from pedsam_ros.trial import witness
from pedsam_ros.trial.drawn_world import drawn_world as drawn_world  # for the tests

HEIGHT, WIDTH = 480, 640  # of a frame
_INVERSE = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """A frame, and where it lies: `matrix` leads from its px to those of the world."""

    rgb: Pixels
    matrix: Matrix | None = None  # None: not known

    @property
    def view(self) -> witness.View:
        """Where it lies, which must be known."""
        assert self.matrix is not None
        return witness.View(self.matrix, (self.rgb.shape[0], self.rgb.shape[1]))


def covering(photo: Pixels, height: int, width: int) -> Pixels:
    """(height, width, 3): the middle of a photograph, scaled so that it covers all of it."""
    scale = max(height / photo.shape[0], width / photo.shape[1])
    size = max(width, round(photo.shape[1] * scale)), max(height, round(photo.shape[0] * scale))
    whole = cv2.resize(photo, size, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)
    top, left = (whole.shape[0] - height) // 2, (whole.shape[1] - width) // 2
    return np.ascontiguousarray(whole[top : top + height, left : left + width])


def shot(world: Pixels, matrix: Matrix, height: int = HEIGHT, width: int = WIDTH) -> Shot:
    """What a camera shows whose px `matrix` leads to those of the world."""
    rgb = cv2.warpPerspective(
        world, matrix, (width, height), flags=_INVERSE, borderMode=cv2.BORDER_REFLECT
    )
    return Shot(np.asarray(rgb, np.uint8), matrix)


def turned(x: float, y: float, zoom: float = 1.0, degrees: float = 0.0) -> Matrix:
    """A view with its middle at x, y of the world, `zoom` times as large, turned."""
    c, s = math.cos(math.radians(degrees)) / zoom, math.sin(math.radians(degrees)) / zoom
    about = np.array([[c, -s, x], [s, c, y], [0.0, 0.0, 1.0]])
    return np.asarray(about @ shift(-WIDTH / 2, -HEIGHT / 2))


class Witness:
    """What workers have seen of a world, by exact geometry."""

    def __init__(self, size: tuple[int, ...]) -> None:
        self._witness = witness.Witness(size)

    def note(self, shot: Shot, canvas: Canvas, plan: Mapping[int, str]) -> None:
        """Notes that windows of a shot went to workers."""
        for index, worker in plan.items():
            if worker not in ('', '*'):
                self._witness.note(shot.view, canvas, worker, [index])

    def coverage(self, shot: Shot) -> dict[str, float]:
        """The share of a shot that each worker has ever seen."""
        return self._witness.coverage(shot.view)


def pan(world: Pixels, far_px: float, step_px: float, tilt: float = 0.0) -> Iterator[Shot]:
    """Turns to the right from the left end of a world."""
    for number in range(round(far_px / step_px) + 1):
        right = number * step_px
        yield shot(world, shift(right, tilt * right))


def shake(world: Pixels, px: float, count: int, seed: int = 0) -> Iterator[Shot]:
    """A hand that trembles around the middle of a world."""
    draw = np.random.default_rng(seed)
    top, left = (world.shape[0] - HEIGHT) / 2, (world.shape[1] - WIDTH) / 2
    for right, down in draw.uniform(-px, px, (count, 2)):
        yield shot(world, shift(left + right, top + down))


def zoom(world: Pixels, most: float, count: int) -> Iterator[Shot]:
    """Zooms into the middle of a world, and back."""
    y, x = world.shape[0] / 2, world.shape[1] / 2
    for number in range(count):
        part = math.sin(math.pi * number / (count - 1))
        yield shot(world, turned(x, y, most**part))


def roll(world: Pixels, degrees: float, count: int) -> Iterator[Shot]:
    """Turns around the line of sight."""
    y, x = world.shape[0] / 2, world.shape[1] / 2
    for number in range(count):
        yield shot(world, turned(x, y, 1.0, degrees * number / (count - 1)))


def crops(world: Pixels, count: int) -> Iterator[Shot]:
    """A still sensor that is read out in four ways in turn: whole, and three parts of it."""
    modes = ((480, 640, 0, 0), (360, 640, 60, 0), (480, 480, 0, 80), (360, 480, 60, 80))
    top, left = (world.shape[0] - HEIGHT) / 2, (world.shape[1] - WIDTH) / 2
    for number in range(count):
        height, width, down, right = modes[number * len(modes) // count]
        yield shot(world, shift(left + right, top + down), height, width)
