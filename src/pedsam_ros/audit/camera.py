"""A camera's frames as they were recorded, and how each lies to the others: for whole frames, and
for every worker by its own windows."""

from __future__ import annotations

from collections.abc import Iterable

from pedsam_ros.audit.coverage import owners
from pedsam_ros.audit.motion import Map, plane
from pedsam_ros.audit.recording import Recording
from pedsam_ros.audit.registration import Album, Film
from pedsam_ros.audit.scenes import pan_step
from pedsam_ros.core.planes import shift


class Camera:
    """A recording of frames of one size, with what each worker has of every frame.

    `ideal` says that `scenes.pan` made the frames, so that their motion is known.
    """

    def __init__(self, recording: Recording, ideal: bool) -> None:
        self.recording = recording
        self.last = len(recording.moments) - 1
        self.views = [recording.views([worker]) for worker in recording.workers]
        self.albums = [Album(own, recording.arch) for own in self.views]
        self.owners = owners(recording)
        self._film = Film([moment.truth for moment in recording.moments])
        self._step = pan_step(recording.arch) if ideal else None

    def by_whole_frames(self, number: int, others: Iterable[int]) -> dict[int, Map]:
        """Maps to the frames next to a frame, as `Film.maps` takes them."""
        return self._film.maps(number, others)

    def true(self, number: int, others: Iterable[int]) -> dict[int, Map]:
        """The same, exact for an ideal pan."""
        if self._step is None:
            return self.by_whole_frames(number, others)
        canvas = self.recording.moments[0].canvas
        step = self._step * canvas.content[1] / canvas.frame[1]
        return {
            other: plane(shift(step * (number - other), 0), canvas.content) for other in others
        }

    def by_itself(self, worker: int, number: int, others: Iterable[int]) -> dict[int, Map]:
        """What a worker's own registration tells."""
        size = self.recording.moments[0].canvas.content
        motions = self.albums[worker].motions(number, others)
        return {other: plane(matrix, size) for other, matrix in motions.items()}


def after(number: int, last: int) -> range:
    """The frames after a frame, the next one first."""
    return range(number + 1, last + 1)


def before(number: int, depth: int | None = None) -> range:
    """The frames before a frame, the newest first; at most `depth` of them."""
    return range(number - 1, -1 if depth is None else max(-1, number - depth - 1), -1)
