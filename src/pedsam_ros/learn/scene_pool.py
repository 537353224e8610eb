"""Composed scenes on disk: many steps learn from each, flipped, shifted and asked for anew.

Composing a scene takes a core twenty times as long as a GPU takes to learn from it.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.files import replacing
from pedsam_ros.core.foreign_text import read_json
from pedsam_ros.core.shown import written
from pedsam_ros.learn.asset_pack import AssetPack
from pedsam_ros.learn.scenes import LONG_PX, Scene, compose, visible

MOST_OBJECTS = 12  # of a scene that may be asked for
PLACES = 9  # on each object: the deepest one, and others, deep ones more often
NO_LABEL = 255  # of pixels outside of a scene
_MOST_BYTES = 2**12  # of its pool.json


@dataclass(frozen=True, slots=True, eq=False)
class ScenePool:
    """N scenes in square arrays of side L = LONG_PX; a scene lies in the top left corner.

    Scene i depends only on the seed and i. Several processes may fill a pool, and others read what
    is ready.
    """

    rgb: NDArray[np.uint8]  # (N, L, L, 3); the rim of a scene is repeated outside of it
    labels: NDArray[np.uint8]  # (N, L, L); NO_LABEL outside of the scene
    sizes: NDArray[np.int16]  # (N, 2) height and width
    numbers: NDArray[np.uint8]  # (N, MOST_OBJECTS) labels of its objects, 0: none
    boxes: NDArray[np.float32]  # (N, MOST_OBJECTS, 4) x0, y0, x1, y1
    places: NDArray[np.float32]  # (N, MOST_OBJECTS, PLACES, 2) x, y
    ready: NDArray[np.uint8]  # (N,) 1 if the scene is there

    @classmethod
    def at(cls, folder: Path, count: int, seed: int, assets: str) -> ScenePool:
        """Opens the pool in a folder, or makes an empty one for `count` scenes of some assets,
        which their hash names.

        Raises ConfigError if there is one of another kind, or too little space.
        """
        kind = {'scenes': count, 'seed': seed, 'side': LONG_PX, 'assets': assets}
        told = folder / 'pool.json'
        folder.mkdir(parents=True, exist_ok=True)
        if not told.exists():
            _check_space(folder, count)
            with replacing(told) as partial:
                partial.write_text(json.dumps(kind))
        if (found := read_json(told, _MOST_BYTES)) != kind:
            raise ConfigError(f'{told}: a pool of {written(found)}, not of {kind}')
        side, most = LONG_PX, MOST_OBJECTS
        return cls(
            rgb=_mapped(folder / 'rgb', np.uint8, (count, side, side, 3)),
            labels=_mapped(folder / 'labels', np.uint8, (count, side, side)),
            sizes=_mapped(folder / 'sizes', np.int16, (count, 2)),
            numbers=_mapped(folder / 'numbers', np.uint8, (count, most)),
            boxes=_mapped(folder / 'boxes', np.float32, (count, most, 4)),
            places=_mapped(folder / 'places', np.float32, (count, most, PLACES, 2)),
            ready=_mapped(folder / 'ready', np.uint8, (count,)),
        )

    def fill(self, index: int, pack: AssetPack, seed: int) -> None:
        """Composes scene `index`, unless it is ready."""
        if self.ready[index]:
            return
        rng = np.random.default_rng((seed, index))
        while not visible(scene := compose(pack, rng)):
            pass
        height, width = scene.labels.shape
        rim = (0, LONG_PX - height), (0, LONG_PX - width)
        self.rgb[index] = np.pad(scene.rgb, (*rim, (0, 0)), mode='edge')
        self.labels[index] = np.pad(scene.labels, rim, constant_values=NO_LABEL)
        self.sizes[index] = height, width
        self._note_objects(index, scene, rng)
        self.ready[index] = 1

    def _note_objects(self, index: int, scene: Scene, rng: np.random.Generator) -> None:
        chosen = rng.permutation(visible(scene))[:MOST_OBJECTS]
        self.numbers[index] = 0
        for at, number in enumerate(chosen):
            mask = (scene.labels == number).astype(np.uint8)
            x, y, width, height = cv2.boundingRect(mask)
            part = mask[y : y + height, x : x + width]
            self.numbers[index, at] = number
            self.boxes[index, at] = x, y, x + width, y + height
            self.places[index, at] = _places(part, rng) + np.array((x, y), np.float32)


def _places(mask: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """(PLACES, 2) x, y of pixels of an object: the deepest one, then random ones."""
    depth = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 3)[1:-1, 1:-1].ravel()
    weights = np.cumsum(depth, dtype=np.float64)
    drawn = np.searchsorted(weights, rng.random(PLACES - 1) * weights[-1], side='right')
    found = np.concatenate([[depth.argmax()], np.minimum(drawn, len(depth) - 1)])
    rows, columns = np.divmod(found, mask.shape[1])
    return np.stack([columns, rows], 1).astype(np.float32)


def _check_space(folder: Path, count: int) -> None:
    """Raises ConfigError unless so many scenes fit on the disk: they are written where they lie,
    and a full disk would end the process."""
    needed, free = count * 4 * LONG_PX**2, shutil.disk_usage(folder).free
    if needed > free:
        raise ConfigError(f'scenes={count}: they take {needed} bytes; {folder} has {free}')


def _mapped(path: Path, dtype: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """An array in a file, which is made of zeros if it is not there. What another process has
    written stays. Raises ConfigError if the file has another size."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    with open(path, 'ab') as file:
        found = os.fstat(file.fileno()).st_size
        if not found:
            os.ftruncate(file.fileno(), size)
    if found not in (0, size):
        raise ConfigError(f'{path}: {found} bytes; a whole pool has {size}')
    return np.memmap(path, dtype, mode='r+', shape=shape)
