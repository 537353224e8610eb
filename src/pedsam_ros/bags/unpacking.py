"""Unpacks zstd and lz4 with a limit, because a few kB of either can stand for gigabytes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
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
_STARTS = {'zstd': zstd.ZstdDecompressor, 'lz4': LZ4FrameDecompressor}


def unpacked(data: bytes | memoryview, packing: str, limit: int = MAX_BYTES) -> bytes:
    """Unpacks zstd or lz4 frames of at most `limit` bytes; `packing` is their name.

    Never holds more than `limit` bytes and one step. Raises ValueError if the data are damaged,
    become larger than that, or `packing` is unknown.
    """
    if packing not in _STARTS:
        raise ValueError(f'packed as {packing[:20]!r}; {" and ".join(_STARTS)} can be read')
    parts, size = [], 0
    for part in _steps(_STARTS[packing], iter([data])):
        size += len(part)
        if size > limit:
            raise ValueError(f'more than {limit} bytes once unpacked')
        parts.append(part)
    return b''.join(parts)


def unpack_file(packed: Path, target: Path, limit: int, starts: tuple[bytes, ...]) -> int:
    """Writes a file packed with zstd to `target`; returns the number of bytes written.

    `starts` are the first bytes that are expected; others are refused before they are written.
    Raises ValueError if the file is damaged or becomes larger than `limit` bytes, OSError.
    """
    size = 0
    with packed.open('rb') as source, target.open('wb') as file:
        blocks = iter(lambda: source.read(_STEP_BYTES), b'')
        for part in _steps(zstd.ZstdDecompressor, blocks):
            if not size and not part.startswith(starts):
                raise ValueError('holds neither mcap nor sqlite3')
            size += len(part)
            if size > limit:
                raise ValueError(f'more than {limit} bytes once unpacked; unpack it with zstd -d')
            file.write(part)
    return size


def _steps(start: Callable[[], Any], blocks: Iterator[bytes | memoryview]) -> Iterator[bytes]:
    """Yields what the frames in `blocks` hold, in parts of at most 1 MB. Raises ValueError."""
    frame = start()
    for block in blocks:
        rest: bytes | memoryview = block
        while True:
            if frame.eof:  # what follows is one more frame
                frame = start()
            try:
                part = frame.decompress(rest, max_length=_STEP_BYTES)
            except (zstd.ZstdError, RuntimeError) as error:  # the latter is lz4's
                raise ValueError(f'damaged: {error}') from error
            if part:
                yield part
            rest = (frame.unused_data or b'') if frame.eof else b''
            if not rest and (frame.eof or frame.needs_input):
                break
    if not frame.eof:
        raise ValueError('cut off')
