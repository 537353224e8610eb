"""Refuses image files that would cost far more to decode than the pixels that they announce.

A decoder takes memory and time for things beside the pixels: texts, tags, tiles, scans. What is
here looks at their headers only, before any decoder sees them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from pedsam_ros.core.errors import BadImage

MAX_PIXELS = 2**25  # of an image, unless a node's parameter says otherwise: 8K, 100 MB as RGB
_PNG = b'\x89PNG\r\n\x1a\n'
_PNG_KEPT = {b'IHDR', b'PLTE', b'tRNS', b'IDAT', b'eXIf', b'IEND'}  # no texts, no animation
_MOST_CHUNKS = 100_000  # of a PNG; usual ones hold 8 kB and more
_MARKER = re.compile(rb'\xff+([^\x00\x01\xd0-\xd7\xff])', re.DOTALL)  # of a JPEG, with a length
_MOST_SCANS = 64  # of a JPEG; usual ones have 1 to 10, and each is a pass over all pixels
_MOST_SEGMENTS = 4096  # of a JPEG
_MOST_TAGS = 512  # of a TIFF
_TAG_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_TAG_BYTES |= {16: 8, 17: 8, 18: 8}  # of BigTIFF
_COMPRESSION, _SAMPLES, _TILE_WIDTH, _TILE_HEIGHT = 259, 277, 322, 323
_COMPRESSIONS = {1, 5, 8, 32773, 32946}  # none, LZW, deflate, PackBits, deflate of old
_MOST_SAMPLES = 4

_Order: TypeAlias = Literal['little', 'big']


class _Tag(NamedTuple):
    """One entry of a TIFF's directory: its number, its bytes elsewhere, and its first value."""

    number: int
    size: int
    value: int


def defused(data: bytes, most_px: int) -> bytes:
    """The bytes of an image file that are to be decoded: a PNG without its texts and animation.

    Raises BadImage if a PNG, a JPEG, a TIFF or a WebP is damaged so that it cannot be looked at,
    or would cost more than `most_px` pixels do.
    """
    if data.startswith(_PNG):
        return b''.join([_PNG, *_chunks(data)])
    if data.startswith(b'\xff\xd8'):
        _check_scans(data)
    elif data[:4] in (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+'):
        _check_tags(data, most_px)
    elif data.startswith(b'RIFF') and data[8:12] == b'WEBP':
        _check_webp(data, most_px)
    return data


def _chunks(png: bytes) -> Iterator[bytes]:
    """The chunks of a PNG that matter. OpenCV takes memory for all that a chunk announces."""
    at = len(_PNG)
    for _ in range(_MOST_CHUNKS):
        name, length = png[at + 4 : at + 8], int.from_bytes(png[at : at + 4], 'big')
        end = at + 12 + length
        if end > len(png):
            raise BadImage(f'damaged PNG of {len(png)} bytes: a chunk of {length} bytes')
        if name in _PNG_KEPT:
            yield png[at:end]
        if name == b'IEND' or end + 8 > len(png):
            return
        at = end
    raise BadImage(f'PNG of more than {_MOST_CHUNKS} chunks')


def _check_scans(jpeg: bytes) -> None:
    at, scans = 2, 0
    for _ in range(_MOST_SEGMENTS):
        marker = _MARKER.search(jpeg, at)
        if marker is None or marker[1] == b'\xd9':  # the end of the image
            return
        scans += marker[1] == b'\xda'
        if scans > _MOST_SCANS:
            raise BadImage(f'JPEG of more than {_MOST_SCANS} scans')
        length = int.from_bytes(jpeg[marker.end() : marker.end() + 2], 'big')
        at = marker.end() + max(2, length)
    raise BadImage(f'JPEG of more than {_MOST_SEGMENTS} segments')


def _check_tags(tiff: bytes, most_px: int) -> None:
    tags = {tag.number: tag for tag in _tags(tiff)}
    if (size := sum(tag.size for tag in tags.values())) > len(tiff):
        raise BadImage(f'TIFF of {len(tiff)} bytes: tags of {size} bytes')
    value = {number: tag.value for number, tag in tags.items()}
    if value.get(_COMPRESSION, 1) not in _COMPRESSIONS:
        raise BadImage(
            f'TIFF compression={value[_COMPRESSION]}: one of {sorted(_COMPRESSIONS)} is read'
        )
    if value.get(_SAMPLES, 1) > _MOST_SAMPLES:
        raise BadImage(f'TIFF of {value[_SAMPLES]} samples a pixel: at most {_MOST_SAMPLES}')
    if (tile := value.get(_TILE_WIDTH, 0) * value.get(_TILE_HEIGHT, 0)) > most_px:
        raise BadImage(f'TIFF of tiles of {tile} px: at most {most_px} px')


def _tags(tiff: bytes) -> Iterator[_Tag]:
    """The entries of the first directory. Raises BadImage if there are too many."""
    order: _Order = 'little' if tiff[:2] == b'II' else 'big'
    big = tiff[2:4] in (b'+\0', b'\0+')
    word, entry = (8, 20) if big else (4, 12)

    def number(at: int, length: int) -> int:
        return int.from_bytes(tiff[at : at + length], order)

    start = number(8 if big else 4, word)
    head = 8 if big else 2
    count = number(start, head)
    if not count or start + head + count * entry > len(tiff):
        raise BadImage(f'damaged: TIFF of {len(tiff)} bytes without a directory')
    if count > _MOST_TAGS:
        raise BadImage(f'TIFF with {count} tags; at most {_MOST_TAGS}')
    for at in range(start + head, start + head + count * entry, entry):
        kind, values = number(at + 2, 2), number(at + 4, word)
        size = _TAG_BYTES.get(kind, 8)
        inline = number(at + 4 + word, min(size, word))
        yield _Tag(number(at, 2), size * values if size * values > word else 0, inline)


def _check_webp(webp: bytes, most_px: int) -> None:
    """Pillow and OpenCV make room for all pixels when they open a WebP."""
    kind, body = webp[12:16], webp[20:30]
    if kind == b'VP8X':
        width, height = (int.from_bytes(body[at : at + 3], 'little') + 1 for at in (4, 7))
    elif kind == b'VP8L':
        bits = int.from_bytes(body[1:5], 'little')
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (int.from_bytes(body[at : at + 2], 'little') & 0x3FFF for at in (6, 8))
    if width * height > most_px:
        raise BadImage(f'WebP of {width}x{height} px: at most {most_px} px')
