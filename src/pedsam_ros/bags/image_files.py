"""Reads a folder of images or a video frame by frame, each frame with a stamp."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core.errors import BadImage, ConfigError
from pedsam_ros.core.files import read_image
from pedsam_ros.core.shown import shown
from pedsam_ros.core.types import Pixels

SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff')
FOLDER_RATE_HZ = 10.0
MAX_RATE_HZ = 1e6
START_NS = 10**9  # first stamp if the frames have none; 0 would mean "no time" in ROS
MAX_STAMP_NS = 2**31 * 10**9 - 1  # std_msgs/Header counts seconds in an int32


def frames_of(
    source: Path, rate_hz: float | None = None, stamps: Path | None = None
) -> Iterator[tuple[int, Pixels]]:
    """Yields (stamp in ns, (H, W, 3) uint8 RGB) for each frame of a folder or a video.

    Frames are read one at a time. `rate_hz` defaults to 10 for a folder and to the video's own
    rate; `stamps` is a file for `read_stamps`. Raises ConfigError if source, rate or stamps break
    a rule, BadImage, which names the file, if an image cannot be read.
    """
    if rate_hz is not None and not 0 < rate_hz <= MAX_RATE_HZ:
        raise ConfigError(f'rate={rate_hz} Hz: above 0, at most {MAX_RATE_HZ:.0f}')
    if rate_hz is not None and stamps is not None:
        raise ConfigError(f'rate={rate_hz} Hz with stamps={stamps}: give one of them')
    try:
        if not source.exists():
            raise ConfigError(f'{source}: no such folder or video')
        whole = (_folder(source), FOLDER_RATE_HZ) if source.is_dir() else _video(source)
    except OSError as error:
        raise ConfigError(f'{source}: {error}') from error
    frames, own_rate_hz = whole
    if stamps is not None:
        return _paired(read_stamps(stamps), frames, stamps)
    return _regular(frames, _known_rate(source, rate_hz or own_rate_hz))


def read_stamps(file: Path) -> list[int]:
    """The stamps, in ns, of a text file that has one stamp in seconds on each line.

    Raises ConfigError if the file cannot be read or the stamps do not rise from 0 to below 2^31 s.
    """
    try:
        lines = file.read_text(encoding='utf-8').split()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'{file}: stamps cannot be read: {error}') from error
    stamps: list[int] = []
    for text in lines:
        stamps.append(_stamp_ns(file, text))
        if len(stamps) > 1 and stamps[-1] <= stamps[-2]:
            raise ConfigError(f'{file}: stamp {text}: not after the one before')
    return stamps


def _stamp_ns(file: Path, text: str) -> int:
    try:
        stamp = Decimal(text) * 10**9  # a float cannot hold the nanoseconds of a date
    except InvalidOperation:
        raise ConfigError(f'{file}: {text!r}: a number of seconds is expected') from None
    if not (stamp.is_finite() and 0 <= stamp <= MAX_STAMP_NS):
        raise ConfigError(f'{file}: stamp {text} s: from 0 to below 2^31')
    return round(stamp)


def _regular(frames: Iterable[Pixels], rate_hz: float) -> Iterator[tuple[int, Pixels]]:
    for index, rgb in enumerate(frames):
        yield START_NS + round(index * 1e9 / rate_hz), rgb


def _paired(
    stamps: list[int], frames: Iterable[Pixels], file: Path
) -> Iterator[tuple[int, Pixels]]:
    count = 0
    for count, rgb in enumerate(frames, 1):
        if count > len(stamps):
            raise ConfigError(f'{file}: {len(stamps)} stamps, but there are more frames')
        yield stamps[count - 1], rgb
    if count < len(stamps):
        raise ConfigError(f'{file}: {len(stamps)} stamps for {count} frames')


def _folder(folder: Path) -> Iterator[Pixels]:
    files = sorted(
        (each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES), key=_natural
    )
    if not files:
        raise ConfigError(f'{folder}: no image there ({" ".join(SUFFIXES)})')
    return map(read_image, files)


def _natural(file: Path) -> list[tuple[int, str]]:
    """Sort key that puts frame9 before frame10."""
    parts = re.split(r'(\d+)', file.name)
    return [(int(part), '') if part.isdecimal() else (-1, part) for part in parts]


def video_frames(file: Path) -> int:
    """How many frames a video states that it has; 0 if it does not say. Raises ConfigError."""
    return max(0, int(_opened(file).get(cv2.CAP_PROP_FRAME_COUNT)))


def _video(file: Path) -> tuple[Iterator[Pixels], float]:
    """The frames of a video, and the rate in Hz that the file states."""
    capture = _opened(file)
    return _video_frames(capture, file), capture.get(cv2.CAP_PROP_FPS)


def _opened(file: Path) -> cv2.VideoCapture:
    try:
        str(file).encode()
    except UnicodeEncodeError:  # OpenCV would crash
        raise ConfigError(f'{shown(file, 300)}: a name that is no UTF-8; rename it') from None
    capture = cv2.VideoCapture(str(file))
    if not capture.isOpened():
        raise ConfigError(f'{file}: neither a folder of images nor a video that OpenCV opens')
    return capture


def _video_frames(capture: cv2.VideoCapture, file: Path) -> Iterator[Pixels]:
    good, bgr = capture.read()
    if not good:
        raise BadImage(f'{file}: a video without a frame that OpenCV reads')
    while good:
        yield _rgb(bgr)
        good, bgr = capture.read()


def _known_rate(source: Path, rate_hz: float) -> float:
    if not 0 < rate_hz <= MAX_RATE_HZ:  # also NaN
        raise ConfigError(f'{source}: names no frame rate ({rate_hz}); give one')
    return rate_hz


def _rgb(bgr: NDArray[Any]) -> Pixels:
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
