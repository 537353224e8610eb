"""Files on disk: replaced as a whole or not at all; images read and written as RGB."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2

from pedsam_ros.core import pixels
from pedsam_ros.core.errors import BadImage
from pedsam_ros.core.types import Pixels


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives the path of a file beside `path`, to be written; at the end it becomes `path`.

    Nobody ever finds half a file under `path`. If the block raises, the new file is removed and
    `path` stays as it was. Raises OSError.
    """
    partial = path.with_name(path.name + '.partial')
    try:
        yield partial
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def write_synced(path: Path, text: str) -> None:
    """Replaces a text file; the file and its name are on the disk when this returns.

    Nobody ever finds half a file under `path`. Raises OSError.
    """
    with replacing(path) as partial, partial.open('w') as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_image(path: Path, rgb: Pixels) -> Path:
    """Writes (H, W, 3) uint8 RGB as an image of the format that the suffix names.

    Returns `path`. Raises OSError, which names `path`, if the file cannot be written.
    """
    try:
        written = cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    except cv2.error as error:  # an unknown suffix
        raise OSError(f'{path}: cannot be written: {error}') from error
    if not written:
        raise OSError(f'{path}: cannot be written')
    return path


def read_image(file: Path, as_stored: bool = False) -> Pixels:
    """Reads an image file as (H, W, 3) uint8 RGB, turned upright as its camera noted.

    With `as_stored` the image is not turned: its rows are those of the file. 16-bit grey is
    stretched, as `pixels.grey_to_8_bit` says. Raises BadImage, which names the file.
    """
    try:
        return pixels.decode(file.read_bytes(), upright=not as_stored)
    except (OSError, BadImage) as error:
        raise BadImage(f'{file}: {error}') from error
