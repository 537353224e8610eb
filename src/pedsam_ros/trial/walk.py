"""A camera that walks through drawn rooms: what it shows depends on the frame's number alone.

It pans back and forth, by 1/30 of the view a frame at most, trembles and zooms a little. After
every 200 frames it is suddenly at another place, mostly in another room, and comes back later. For
40 of them it reads out only a part of its sensor.
"""

from __future__ import annotations

from math import pi, sin

import cv2
import numpy as np

from pedsam_ros.core.planes import Size, shift
from pedsam_ros.core.types import Pixels
from pedsam_ros.trial.drawn_world import drawn_world
from pedsam_ros.trial.witness import View

WORLD: Size = (360, 760)  # height and width of a room, px
SIZES: tuple[Size, ...] = ((240, 320), (180, 320), (240, 240))  # whole sensor, and two parts
_STRETCH = 200  # frames from one jump to the next
_ROOMS = (0, 0, 1, 0, 2)  # the room of each stretch, over and over
_SQUARE = 2  # the room where the part is square; windows show less there, as in a zoom by 4/3
_PARTS = range(80, 120)  # the frames of a stretch that show a part of the sensor
_PAN, _TILT, _ZOOM, _TREMBLE = 160.0, 35.0, 0.02, 1.0  # the most; px, px, share, px
_PAN_FRAMES, _TILT_FRAMES, _ZOOM_FRAMES = 120, 170, 330  # there and back
_JUMP = 47  # frames of the pan that a jump leaves out
_LINEAR = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


class Walk:
    """`seed` draws the rooms and the trembling. Frames are numbered from 0."""

    def __init__(self, seed: int) -> None:
        rooms = sorted(set(_ROOMS))
        self._seed = seed
        self._worlds = {room: drawn_world(*WORLD, seed=1000 * seed + room) for room in rooms}

    def picture(self, number: int) -> Pixels:
        """(H, W, 3) uint8: what the camera shows."""
        view = self.view(number)
        height, width = view.size
        world = self._worlds[self.room(number)]
        shown = cv2.warpPerspective(world, view.matrix, (width, height), flags=_LINEAR)
        return np.asarray(shown, np.uint8)

    def room(self, number: int) -> int:
        """In which room the camera is."""
        return _ROOMS[number // _STRETCH % len(_ROOMS)]

    def view(self, number: int) -> View:
        """Where the frame lies in its room."""
        (height, width), size = SIZES[0], self._size(number)
        stretch = number // _STRETCH
        x = WORLD[1] / 2 + _PAN * _wave(number + _JUMP * stretch, _PAN_FRAMES)
        y = WORLD[0] / 2 + _TILT * _wave(number, _TILT_FRAMES)
        right, down = np.random.default_rng((self._seed, number)).uniform(-_TREMBLE, _TREMBLE, 2)
        zoom = 1 + _ZOOM * _wave(number, _ZOOM_FRAMES)
        larger = np.diag([1 / zoom, 1 / zoom, 1.0])
        part = shift((width - size[1]) / 2, (height - size[0]) / 2)
        middle = shift(-(width - 1) / 2, -(height - 1) / 2)
        return View(shift(x + right, y + down) @ larger @ middle @ part, size)

    def _size(self, number: int) -> Size:
        if number % _STRETCH not in _PARTS:
            return SIZES[0]
        return SIZES[2] if self.room(number) == _SQUARE else SIZES[1]


def _wave(number: int, frames: int) -> float:
    """From -1 to 1 and back within so many frames."""
    return sin(2 * pi * number / frames)
