"""Files on disk: replaced as a whole or not at all; images read and written as RGB."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2

from pedsam_ros.core import pixels
from pedsam_ros.core.errors import BadImage
from pedsam_ros.core.shown import shown
from pedsam_ros.core.types import Pixels

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives the path of an empty file beside `path`, to be written; at the end it becomes `path`.

    Its mode is what the umask leaves, whatever the block does with the file. Nobody ever finds
    half a file under `path`, and a link that waits in its place is removed and not followed. If
    the block raises, the new file is removed and `path` stays as it was. Raises OSError.
    """
    partial = path.with_name(path.name + '.partial')
    partial.unlink(missing_ok=True)  # of a process that was killed, or a link
    descriptor = os.open(partial, _CREATE, 0o666)
    mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    os.close(descriptor)
    try:
        yield partial
        partial.chmod(mode)  # the block may have made the file anew
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def write_image(path: Path, rgb: Pixels) -> Path:
    """Writes (H, W, 3) uint8 RGB as an image of the format that the suffix names.

    Returns `path`. Raises OSError, which names `path`, if the file cannot be written.
    """
    try:
        packed = cv2.imencode(ascii(path.suffix)[1:-1], cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1]
        path.write_bytes(packed.tobytes())  # OpenCV itself crashes if a name is no UTF-8
    except (cv2.error, OSError) as error:  # an unknown suffix; no folder
        raise OSError(f'{path}: cannot be written: {shown(error, 200)}') from error
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
