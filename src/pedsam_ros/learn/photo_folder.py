"""Turns a folder of unlabelled images into examples for distillation.

The teacher provides the answers, so that the examples need only prompts.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from torch.utils.data import Dataset

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.errors import BadImage, ConfigError
from pedsam_ros.core.files import read_image
from pedsam_ros.core.types import Pixels
from pedsam_ros.learn.examples import Example, make_example
from pedsam_ros.learn.scenes import Scene
from pedsam_ros.learn.shifts import Shifts

_SUFFIXES = ('.jpg', '.jpeg', '.png', '.webp', '.bmp')
_CELLS = 12  # random regions that stand in for objects
_LEAST_PART = 0.4  # smallest part taken of a photograph's sides


class PhotoExamples(Dataset[Example]):
    """Endless examples: random parts of a folder's images, with random prompts.

    Example i depends only on the seed and i; `shifts` as in Examples. Raises ConfigError if the
    folder has no image.
    """

    def __init__(
        self, folder: Path, arch: Architecture, seed: int, shifts: Shifts | None = None
    ) -> None:
        self.paths = image_paths(folder)
        self.arch, self.seed, self.shifts = arch, seed, shifts

    def __getitem__(self, index: int) -> Example:
        cv2.setNumThreads(0)
        rng = np.random.default_rng((self.seed, index))
        rgb = _fitted(random_part(self._readable(rng), rng), self.arch.image_px)
        cells = _cells((rgb.shape[0], rgb.shape[1]), rng)
        numbers = [int(n) for n in np.unique(cells)]
        shift = self.shifts.of(index) if self.shifts else None
        return make_example(Scene(rgb, cells), numbers, self.arch, rng, shift)

    def _readable(self, rng: Generator) -> Pixels:
        """(H, W, 3) of a random image that can be read. Raises ConfigError if none can."""
        for index in rng.permutation(len(self.paths)):
            with suppress(BadImage):
                return read_image(self.paths[index])
        raise ConfigError(f'{self.paths[0].parent}: none of {len(self.paths)} images can be read')


def image_paths(folder: Path) -> list[Path]:
    """All images in a folder and below it, sorted. Raises ConfigError if there is none."""
    paths = sorted(p for p in folder.rglob('*') if p.suffix.lower() in _SUFFIXES)
    if not paths:
        raise ConfigError(f'images={str(folder)!r}: no image in it')
    return paths


def random_part(rgb: Pixels, rng: Generator) -> Pixels:
    """A random part of the image, at a chance of one half mirrored."""
    share = rng.uniform(_LEAST_PART, 1.0)
    height, width = (max(1, int(side * share)) for side in rgb.shape[:2])
    top = int(rng.integers(rgb.shape[0] - height + 1))
    left = int(rng.integers(rgb.shape[1] - width + 1))
    part = rgb[top : top + height, left : left + width]
    return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part)


def _fitted(rgb: Pixels, long_px: int) -> Pixels:
    """The image, shrunk if it is larger than the canvas."""
    scale = long_px / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    size = [max(1, round(side * scale)) for side in rgb.shape[1::-1]]
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _cells(size: tuple[int, int], rng: Generator) -> Pixels:
    """(H, W) numbers from 1: each pixel has the number of the nearest of _CELLS random places."""
    places = rng.uniform(0, 1, (_CELLS, 2)) * size
    rows, columns = np.indices(size, np.float32)
    distance: NDArray[np.float32] = np.stack(
        [(rows - y) ** 2 + (columns - x) ** 2 for y, x in places.astype(np.float32)]
    )
    return np.asarray(distance.argmin(0) + 1, np.uint8)
