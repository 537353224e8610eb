"""The windows that a worker was sent, kept on the disk with their pixels: for the audit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pedsam_ros.core.files import replacing
from pedsam_ros.core.types import Pixels, Window

_MOST = 10**6  # windows in a folder


@dataclass(frozen=True, slots=True, eq=False)
class KeptWindow:
    """A window as its worker opened it."""

    index: int
    pixels: Pixels  # (h, w, 3) uint8 RGB


class WindowKeeper:
    """Writes windows to a folder that is there already, each as a file of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, count(folder)

    def keep(self, window: Window) -> None:
        """Writes a window. Nobody ever finds half a file. Raises OSError."""
        path = self._folder / f'{self._count:06d}.npz'
        with replacing(path) as partial, partial.open('wb') as file:
            np.savez(file, index=window.index, pixels=window.pixels)
        self._count += 1


def count(folder: Path) -> int:
    """How many windows are kept in a folder."""
    return len(list(folder.glob('*.npz')))


def kept(folder: Path, first: int) -> Iterator[KeptWindow]:
    """Yields the windows that were kept, from number `first` on, in the order they came."""
    for number in range(first, _MOST):
        path = folder / f'{number:06d}.npz'
        if not path.exists():
            return
        with np.load(path) as file:
            yield KeptWindow(int(file['index']), file['pixels'])
