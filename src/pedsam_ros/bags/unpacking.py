"""Unpacks zstd and lz4 with a limit, because a few kB of either can stand for gigabytes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from lz4.frame import LZ4FrameDecompressor

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'
MAX_BYTES = 2**28  # of one message or one chunk, packed or not: an 8K image with alpha has 2^27
MAX_BAG_BYTES = 2**33  # of all files of a bag that are unpacked onto the disk
_STEP_BYTES = 2**20
_SLICE_BYTES = 2**14  # is given at once; at the end of a frame its rest is copied
_FREE_FRAMES = 1000  # in one go; more must hold 1 kB on average, for each takes time
_STARTS = {'zstd': zstd.ZstdDecompressor, 'lz4': LZ4FrameDecompressor}

Stopped = Callable[[], bool]  # whether the user wants an end


class Interrupted(Exception):
    """The caller's `stopped` has returned True while a bag was opened or read."""


def never() -> bool:
    """A `Stopped` that always returns False."""
    return False


def unpacked(data: bytes | memoryview, packing: str, limit: int = MAX_BYTES) -> bytes:
    """Unpacks zstd or lz4 frames of at most `limit` bytes; `packing` is their name.

    Holds at most twice `limit` bytes. Raises ValueError if the data are damaged, become larger
    than that, consist of too many frames, or `packing` is unknown.
    """
    if packing not in _STARTS:
        raise ValueError(f'packed as {packing[:20]!r}; {" and ".join(_STARTS)} can be read')
    view = memoryview(data)
    slices = (view[i : i + _SLICE_BYTES] for i in range(0, len(view), _SLICE_BYTES))
    return b''.join(_steps(_STARTS[packing], slices, limit, never))


def unpack_file(
    packed: Path, target: Path, limit: int, starts: tuple[bytes, ...], stopped: Stopped = never
) -> int:
    """Writes a file packed with zstd to `target`; returns the number of bytes written.

    `starts` are the first bytes that are expected; others are refused before they are written.
    Raises ValueError as `unpacked`, OSError, Interrupted once `stopped` returns True.
    """
    size = 0
    with packed.open('rb') as source, target.open('wb') as file:
        slices = iter(lambda: source.read(_SLICE_BYTES), b'')
        for part in _steps(zstd.ZstdDecompressor, slices, limit, stopped):
            if not size and not part.startswith(starts):
                raise ValueError('holds neither mcap nor sqlite3')
            size += len(part)
            file.write(part)
    return size


def _steps(
    start: Callable[[], Any], slices: Iterable[bytes | memoryview], limit: int, stopped: Stopped
) -> Iterator[bytes]:
    """Yields what the frames in `slices` hold, in parts of at most 1 MB. Raises as its callers."""
    frame, frames, size = start(), 1, 0
    for each in slices:
        rest: bytes | memoryview = each
        while True:
            if stopped():
                raise Interrupted
            if frame.eof:  # what follows is one more frame
                frame, frames = start(), frames + 1
            try:
                part = frame.decompress(rest, max_length=_STEP_BYTES)
            except (zstd.ZstdError, RuntimeError) as error:  # the latter is lz4's
                raise ValueError(f'damaged: {error}') from error
            size += len(part)
            if size > limit:
                raise ValueError(f'more than {limit} bytes once unpacked')
            if frames > _FREE_FRAMES + size // 1024:
                raise ValueError(f'{frames} frames for {size} bytes')
            if part:
                yield part
            rest = (frame.unused_data or b'') if frame.eof else b''
            if not rest and (frame.eof or frame.needs_input):
                break
    if not frame.eof:
        raise ValueError('cut off')
