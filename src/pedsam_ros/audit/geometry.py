"""What a camera's movements alone give to each worker: exact, for nothing is registered.

Each movement is a list of crops of one sensor that stands still. What the edge's ledger says of
it stands beside the truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pedsam_ros.audit.coverage import covered, owners
from pedsam_ros.audit.motion import inside, moved, pixels_of
from pedsam_ros.audit.recording import Recording
from pedsam_ros.audit.scenes import filled
from pedsam_ros.audit.subject import Subject
from pedsam_ros.core.planes import Matrix
from pedsam_ros.core.types import Pixels

_VIEW = (480, 640)  # height, width of a frame, px
_SHAKE_PX = 20  # of the hand, to each side
_FRAMES = 16


@dataclass(frozen=True, slots=True)
class Crop:
    """What a frame shows of the sensor, px: whole numbers, so that nothing is resampled."""

    x: int
    y: int
    width: int
    height: int


def measured(subject: Subject, photo: Pixels) -> dict[str, Any]:
    """By movement: the share of the present view each worker has seen, and the ledger's word.

    A movement that the ledger refuses is measured as far as it was allowed.
    """
    movements = {
        'crop_modes': _modes(),
        'shake_20_px': _shake(subject.seed),
        'zoom_1_to_2': _zoom(),
        'pan_by_3_windows': _pan(3 * _window(subject), 0),
        'diagonal_pan_by_3_windows': _pan(3 * _window(subject), 3 * _window(subject)),
    }
    return {name: _measured(subject, name, crops, photo) for name, crops in movements.items()}


def _measured(
    subject: Subject, name: str, crops: Sequence[Crop], photo: Pixels
) -> Mapping[str, Any]:
    height = max(crop.y + crop.height for crop in crops)
    width = max(crop.x + crop.width for crop in crops)
    sensor = filled(photo, height, width)
    frames = [
        np.ascontiguousarray(sensor[crop.y : crop.y + crop.height, crop.x : crop.x + crop.width])
        for crop in crops
    ]
    recording = subject.recorded(name, frames, subject.entries)
    shares = exact(recording, crops)
    return {
        'frames': len(crops),
        'mean_share': float(shares[-1].mean()),
        'largest_share': float(shares[-1].max()),
        'one_frame_largest_share': float(shares[0].max()),
        'ledger_largest_share': max(recording.ledger.values()),
    }


def exact(recording: Recording, crops: Sequence[Crop]) -> Any:
    """As `coverage.covered`, of the last crop after all earlier ones; each worker has a column."""
    owner = owners(recording)
    last = recording.moments[-1].canvas.content
    earlier = []
    for number in range(len(crops) - 2, -1, -1):
        size = recording.moments[number].canvas.content
        matrix = _matrix(crops[-1], last, crops[number], size)
        earlier.append((owner[number], inside(moved(pixels_of(last), matrix), size)))
    return covered(owner[-1], earlier, len(recording.workers))


def _matrix(a: Crop, a_size: tuple[int, int], b: Crop, b_size: tuple[int, int]) -> Matrix:
    """From the canvas of one crop to that of another; whole numbers are the middles of pixels."""
    to_sensor, to_canvas = _placed(a, a_size), np.linalg.inv(_placed(b, b_size))
    return np.asarray(to_canvas @ to_sensor, np.float64)


def _placed(crop: Crop, size: tuple[int, int]) -> Matrix:
    sx, sy = crop.width / size[1], crop.height / size[0]
    return np.array([[sx, 0.0, crop.x + 0.5 * sx], [0.0, sy, crop.y + 0.5 * sy], [0.0, 0.0, 1.0]])


def _window(subject: Subject) -> int:
    """Side of a window, px of a frame of the usual size."""
    arch = subject.model.arch
    return arch.window_px * _VIEW[1] // arch.image_px


def _modes() -> list[Crop]:
    """What cameras offer: the middle at full detail, a square, 16:9, and the whole sensor."""
    return [
        Crop(320, 240, 640, 480),
        Crop(160, 0, 960, 960),
        Crop(0, 120, 1280, 720),
        Crop(0, 0, 1280, 960),
    ]


def _shake(seed: int) -> list[Crop]:
    random = np.random.default_rng(seed)
    offsets = random.integers(0, 2 * _SHAKE_PX + 1, (_FRAMES, 2)).tolist()
    offsets.append([_SHAKE_PX, _SHAKE_PX])
    return [Crop(x, y, _VIEW[1], _VIEW[0]) for x, y in offsets]


def _zoom() -> list[Crop]:
    """From twice to once."""
    found = []
    for number in range(_FRAMES + 1):
        width = 640 + 640 * number // _FRAMES
        height = width * 3 // 4
        found.append(Crop((1280 - width) // 2, (960 - height) // 2, width, height))
    return found


def _pan(right: int, down: int) -> list[Crop]:
    return [
        Crop(right * number // _FRAMES, down * number // _FRAMES, _VIEW[1], _VIEW[0])
        for number in range(_FRAMES + 1)
    ]
