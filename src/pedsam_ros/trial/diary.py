"""What a worker was sent, as the worker itself writes it down: one line of JSON for each window.

Nobody else could tell, because the windows are sealed.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from pedsam_ros.core.outbound import neutral
from pedsam_ros.core.types import Pixels, Window


class Sent(NamedTuple):
    """A window that came, without its pixels."""

    at_s: float  # when it came; monotonic
    window: int  # its index in the grid
    offset: tuple[int, int]  # of the grid, tokens
    corner: tuple[int, int]  # of the content in the window, px
    checksum: int  # of the pixels


def checksum(pixels: Pixels) -> int:
    """What stands for the pixels of a window in a diary."""
    return crc32(pixels.tobytes())


class DiaryWriter:
    """Adds to the diary of one worker, a file that its processes share one after the other."""

    def __init__(self, path: Path) -> None:
        self._file = path.open('a', buffering=1)  # each line is there at once

    def active(self) -> None:
        """Notes that the process is active. Windows may have come a moment before."""
        self._write(window=None)

    def note(self, window: Window) -> None:
        """Notes a window that came, unless it is a neutral one that shows nothing."""
        if not neutral(window.pixels):
            self._write(
                window=window.index,
                offset=window.offset,
                corner=window.corner,
                checksum=checksum(window.pixels),
            )

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _write(self, **entry: Any) -> None:
        whole = {'process': os.getpid(), 'at_s': time.monotonic(), **entry}
        self._file.write(json.dumps(whole) + '\n')


class Diary:
    """Reads the diary of a worker while it is written. Times are monotonic seconds."""

    def __init__(self, path: Path) -> None:
        self.windows: set[int] = set()  # that any process of the worker was ever sent
        self.count = 0  # of windows
        self.process = 0  # the last one that became active; 0 before the first
        self.active_s = math.inf  # when it became active
        self.sent_s = math.inf  # when the process that wrote last was sent its first window
        self._writer = 0  # the process that wrote last
        self._path, self._read = path, 0

    def look(self) -> None:
        """Takes in what was written since."""
        if not self._path.exists():
            return
        with self._path.open() as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind('\n') + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            self._note(json.loads(line))

    def _note(self, entry: dict[str, Any]) -> None:
        process = int(entry['process'])
        if process != self._writer:
            self._writer, self.sent_s = process, math.inf
        if entry['window'] is None:
            self.process, self.active_s = process, entry['at_s']
        else:
            self.windows.add(int(entry['window']))
            self.count += 1
            self.sent_s = min(self.sent_s, entry['at_s'])


def sent(path: Path) -> Iterator[Sent]:
    """Yields what a diary tells of windows, in the order they came, without reading it whole."""
    if not path.exists():
        return
    with path.open() as file:
        for entry in map(json.loads, file):
            if entry['window'] is not None:
                yield Sent(
                    entry['at_s'],
                    entry['window'],
                    tuple(entry['offset']),
                    tuple(entry['corner']),
                    entry['checksum'],
                )
