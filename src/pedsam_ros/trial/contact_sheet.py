"""Writes pictures of results: an overlay of each frame, and a sheet with some of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pedsam_ros.core import pictures
from pedsam_ros.core.files import write_image
from pedsam_ros.core.types import Frame, Masks, Pixels

_COLUMNS, _TILES, _TILE_PX = 4, 12, (320, 240)  # of the sheet; a tile's width and height


def write_pictures(folder: Path, pairs: Iterable[tuple[Frame, Masks]], count: int) -> list[Path]:
    """Writes FOLDER/NNNN.png for each of `count` frames, and FOLDER/contact_sheet.png.

    Returns all paths. Raises OSError if a file cannot be written.
    """
    written, tiles = [], []
    chosen = {i * count // _TILES for i in range(_TILES)}
    for i, (frame, masks) in enumerate(pairs):
        picture = pictures.overlay(frame.rgb, masks)
        written.append(write_image(folder / f'{i:04d}.png', picture))
        if i in chosen:
            tiles.append(pictures.fitted(picture, *_TILE_PX))
    if tiles:
        written.append(write_image(folder / 'contact_sheet.png', _sheet(tiles)))
    return written


def _sheet(tiles: list[Pixels]) -> Pixels:
    """Arranges tiles of equal size in rows; black ones fill the last row."""
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % _COLUMNS)
    rows = [np.hstack(tiles[i : i + _COLUMNS]) for i in range(0, len(tiles), _COLUMNS)]
    return np.vstack(rows)
