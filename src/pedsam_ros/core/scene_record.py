"""What an edge remembers of the scene, as bytes: entries one after the other.

An entry is a letter, a length, its content and a checksum. A file begins with all that is known,
and grows with what `Scene.note` returns. The last entry may be cut off by a crash: then nothing of
it was sent. Whatever else is wrong with the bytes, `read` raises ConfigError.

    N  the workers, each under its identity; the number of bits goes by the order
    L  the identities of the workers that are homes, in the order of the lattice
    K  a keyframe: pose, features, what was seen; no picture
    S  what a frame showed to workers: boxes in a view, and where it lies in a keyframe

    E  the end of what the file began with: without it, the file is cut off

Which entries follow an S does not matter: a keyframe's own entry replaces what it held before,
and holds what all S entries before it told.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np

from pedsam_ros.core import planes
from pedsam_ros.core.coverage import MOST_WORKERS, Box
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.exposure_record import is_identity
from pedsam_ros.core.keyframes import MOST_KEYFRAMES, OWN_SCENE, Keyframe, Keyframes, unseen
from pedsam_ros.core.planes import Matrix
from pedsam_ros.core.recognition import MOST_FEATURES, Features
from pedsam_ros.core.registration import LONG_PX, MOST_SLACK_PX

MOST_BYTES = 2**24
MOST_ENTRY_BYTES = 2**20
MAGIC = b'PEDSAM-SCENE\x01'  # the last byte is the version
_HEAD, _SUM = struct.Struct('<cI'), struct.Struct('<I')
_KEYFRAME = struct.Struct('<IIHH9d2dHI')
_SENDS = struct.Struct('<I9ddH')
_SENT = struct.Struct('<HHHHH')
_MOST_PLACE = 1e6  # px; of an origin, or of a matrix


@dataclass(slots=True)
class SceneRecord:
    """What is kept of the scene over a restart."""

    identities: list[str] = field(default_factory=list)  # of the workers; the place is the bit
    lattice: list[str] = field(default_factory=list)  # the identities of homes, in its order
    keyframes: Keyframes = field(default_factory=Keyframes)
    scenes: int = 0  # that ever began


def written(record: SceneRecord) -> bytes:
    """All of a record. The keyframe that was used last comes last."""
    keyframes = [keyframe_entry(each) for each in reversed(list(record.keyframes))]
    lattice = entry(b'L', '\n'.join(record.lattice).encode())
    return b''.join([MAGIC, names_entry(record), lattice, *keyframes, entry(b'E', b'')])


def names_entry(record: SceneRecord) -> bytes:
    """The workers, and how many scenes began."""
    names = '\n'.join(record.identities).encode()
    return entry(b'N', struct.pack('<I', record.scenes) + names)


def keyframe_entry(keyframe: Keyframe) -> bytes:
    """A keyframe without its picture."""
    points, around = keyframe.features.points, keyframe.features.around
    seen = zlib.compress(keyframe.seen.astype('<u2').tobytes(), 1)
    head = _KEYFRAME.pack(
        keyframe.number,
        keyframe.scene,
        *keyframe.size,
        *keyframe.pose.ravel(),
        *keyframe.origin,
        len(points),
        len(seen),
    )
    return entry(b'K', head + points.astype('<f4').tobytes() + around.tobytes() + seen)


def sends_entry(
    keyframe: int, matrix: Matrix, slack_px: float, sends: Iterable[tuple[int, Box]]
) -> bytes:
    """What a frame, which `matrix` puts into a keyframe, shows: a bit and a box of each window."""
    sent = [_SENT.pack(bits, *box) for bits, box in sends]
    head = _SENDS.pack(keyframe, *(matrix / matrix[2, 2]).ravel(), slack_px, len(sent))
    return entry(b'S', head + b''.join(sent))


def read(data: bytes) -> SceneRecord:
    """Reads what `written` wrote, and entries after it. Raises ConfigError."""
    try:
        if len(data) > MOST_BYTES:
            raise ValueError(f'{len(data)} bytes; at most {MOST_BYTES}')
        if data[: len(MAGIC)] != MAGIC:
            raise ValueError('it begins with something else')
        record = SceneRecord(keyframes=Keyframes(2 * MOST_KEYFRAMES))
        whole = False
        for kind, content in entries(data):
            whole |= kind == b'E'
            if kind != b'E':
                _READERS[kind](record, content)
        if not whole:
            raise ValueError('it is cut off')
        record.keyframes.limit(MOST_KEYFRAMES)
        if not record.identities and len(record.keyframes):
            raise ValueError('it names no worker')
        return record
    except (ValueError, KeyError, struct.error, zlib.error) as error:
        raise ConfigError(f'not what was seen of a scene: {error}') from None


def entry(kind: bytes, content: bytes) -> bytes:
    """One entry, with its checksum."""
    head = _HEAD.pack(kind, len(content))
    return head + content + _SUM.pack(zlib.crc32(head + content))


def entries(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields letter and content of each entry of a file; leaves out a last one that is cut off.
    Raises ValueError for what is no entry."""
    at = len(MAGIC)
    while at + _HEAD.size <= len(data):
        kind, length = _HEAD.unpack_from(data, at)
        if length > MOST_ENTRY_BYTES:
            raise ValueError(f'entry of {length} bytes; at most {MOST_ENTRY_BYTES}')
        end = at + _HEAD.size + length
        if end + _SUM.size > len(data):
            return
        if _SUM.unpack_from(data, end)[0] != zlib.crc32(data[at:end]):
            raise ValueError(f'entry at byte {at}: its checksum is wrong')
        yield kind, data[at + _HEAD.size : end]
        at = end + _SUM.size


def _read_names(record: SceneRecord, content: bytes) -> None:
    (scenes,) = struct.unpack_from('<I', content)
    names = content[4:].decode('ascii').split('\n') if len(content) > 4 else []
    if len(names) > MOST_WORKERS or len(set(names)) < len(names):
        raise ValueError(f'{len(names)} workers; at most {MOST_WORKERS}, none twice')
    if not all(map(is_identity, names)) or names[: len(record.identities)] != record.identities:
        raise ValueError('no identities of workers, or others than before')
    record.identities, record.scenes = names, max(scenes, record.scenes)


def _read_lattice(record: SceneRecord, content: bytes) -> None:
    names = content.decode('ascii').split('\n') if content else []
    if len(names) > MOST_WORKERS or not all(map(is_identity, names)):
        raise ValueError('no identities of homes')
    record.lattice = names


def _read_keyframe(record: SceneRecord, content: bytes) -> None:
    number, scene, height, width, *rest = _KEYFRAME.unpack_from(content)
    pose, origin, (points, length) = np.array(rest[:9]).reshape(3, 3), rest[9:11], rest[11:]
    if not 1 <= min(height, width) <= max(height, width) <= LONG_PX:
        raise ValueError(f'keyframe of {height}x{width} px: from 1 to {LONG_PX}')
    _check_matrix(pose)
    if not all(abs(each) <= _MOST_PLACE for each in origin):
        raise ValueError(f'origin={origin}: too far away')
    if points > MOST_FEATURES * 2 or len(content) != _KEYFRAME.size + points * 40 + length:
        raise ValueError(f'keyframe {number}: {len(content)} bytes do not fit it')
    at = _KEYFRAME.size
    places = np.frombuffer(content, '<f4', points * 2, at).reshape(-1, 2).astype(np.float32)
    around = np.frombuffer(content, np.uint8, points * 32, at + points * 8).reshape(-1, 32)
    if not (np.isfinite(places).all() and (np.abs(places) <= LONG_PX).all()):
        raise ValueError(f'keyframe {number}: features lie outside of it')
    empty = unseen((height, width))
    opened = zlib.decompressobj()
    plain = opened.decompress(content[at + points * 40 :], empty.nbytes + 1)
    if len(plain) != empty.nbytes:
        raise ValueError(f'keyframe {number}: what was seen has another size')
    seen = np.frombuffer(plain, '<u2').reshape(empty.shape).astype(np.uint16)
    record.keyframes.put(
        Keyframe(
            number,
            scene,
            (height, width),
            pose,
            (origin[0], origin[1]),
            Features(places, around.copy()),
            seen,
        )
    )
    if scene < OWN_SCENE:
        record.scenes = max(record.scenes, scene + 1)


def _read_sends(record: SceneRecord, content: bytes) -> None:
    """Draws the boxes into a keyframe, larger by what may be wrong about their places."""
    number, *rest, slack_px, count = _SENDS.unpack_from(content)
    matrix = np.array(rest).reshape(3, 3)
    _check_matrix(matrix)
    if not 0 <= slack_px <= MOST_SLACK_PX:
        raise ValueError(f'slack={slack_px}: from 0 to {MOST_SLACK_PX} px')
    if len(content) != _SENDS.size + count * _SENT.size:
        raise ValueError(f'{count} windows in {len(content)} bytes')
    keyframe = record.keyframes.get(number)
    if keyframe is None:
        raise ValueError(f'keyframe {number}: not there')
    record.keyframes.use(keyframe)
    top, left = keyframe.margin
    grow = 2 * int(np.ceil(slack_px)) + 1
    for bits, *box in _SENT.iter_unpack(content[_SENDS.size :]):
        plane = np.zeros(keyframe.seen.shape, np.uint8)
        outline = planes.applied(matrix, _outline(box)) + np.array([left, top], np.float32)
        cv2.fillConvexPoly(plane, np.rint(np.clip(outline, -1e4, 1e4)).astype(np.int32), 1)
        larger = cv2.dilate(plane, np.ones((grow, grow), np.uint8))
        keyframe.seen[np.asarray(larger) > 0] |= np.uint16(bits)


def _outline(box: list[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    top, left, bottom, right = box
    if not (top < bottom <= LONG_PX and left < right <= LONG_PX):
        raise ValueError(f'box={box}: no part of a view')
    bottom, right = bottom - 1, right - 1  # whole numbers are the middles of pixels
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def _check_matrix(matrix: Matrix) -> None:
    fits = np.isfinite(matrix).all() and (np.abs(matrix) <= _MOST_PLACE).all()
    if not fits or abs(np.linalg.det(matrix)) < 1e-12:
        raise ValueError('a matrix that no camera motion has')


_READERS = {b'N': _read_names, b'L': _read_lattice, b'K': _read_keyframe, b'S': _read_sends}
