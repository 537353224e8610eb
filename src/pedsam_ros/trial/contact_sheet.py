"""Pictures of results: an overlay of each frame, and a sheet with some of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from pedsam_ros.core import pictures
from pedsam_ros.core.types import Frame, Masks, Pixels

_COLUMNS, _TILES, _TILE_PX = 4, 12, (320, 240)  # of the sheet; width and height of a tile


def write_pictures(folder: Path, pairs: Iterable[tuple[Frame, Masks]], count: int) -> list[Path]:
    """Writes FOLDER/NNNN.png for each of `count` frames, and FOLDER/contact_sheet.png.

    Returns all paths. Raises OSError if a file cannot be written.
    """
    written, tiles = [], []
    chosen = {i * count // _TILES for i in range(_TILES)}
    for i, (frame, masks) in enumerate(pairs):
        picture = pictures.overlay(frame.rgb, masks)
        written.append(_write(folder / f'{i:04d}.png', picture))
        if i in chosen:
            tiles.append(pictures.fitted(picture, *_TILE_PX))
    if tiles:
        written.append(_write(folder / 'contact_sheet.png', _sheet(tiles)))
    return written


def _write(path: Path, rgb: Pixels) -> Path:
    if not cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)):
        raise OSError(f'{path}: cannot be written')
    return path


def _sheet(tiles: list[Pixels]) -> Pixels:
    """The tiles in rows; black ones fill the last row."""
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % _COLUMNS)
    rows = [np.hstack(tiles[i : i + _COLUMNS]) for i in range(0, len(tiles), _COLUMNS)]
    return np.vstack(rows)
