"""Follows one camera that moves: what each worker has of its views, and makes of them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pedsam_ros.audit.attack import History, Needs, Picture, Seen, View
from pedsam_ros.audit.attacks import attacks, harmonic, mean, panorama
from pedsam_ros.audit.coverage import Shares, claimed, covered, owners
from pedsam_ros.audit.motion import Map, apart, plane, shift
from pedsam_ros.audit.recording import Recording
from pedsam_ros.audit.registration import Album, Film
from pedsam_ros.audit.scenes import Scene, pan_step
from pedsam_ros.audit.scores import psnr, ssim
from pedsam_ros.audit.subject import Subject
from pedsam_ros.core.types import Pixels

RIGHT_PX = 4.0  # of a place that a worker finds, from the true one
NEAR_PX = 8.0  # of a step from frame to frame, from the true one
_PRESENTS = 9  # views of a scene that are attacked
_REBUILT = 3  # of them, those that are rebuilt


@dataclass(frozen=True, slots=True, eq=False)
class Rebuilt:
    """What one worker makes of one view."""

    worker: str
    truth: Pixels
    view: View
    panorama: View  # what it has of the view by then
    pictures: Mapping[str, Picture]  # by attack
    gains_db: Mapping[str, float]  # over mean fill, where one frame shows nothing
    ssims: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Present:
    """One view and what was seen of it. Shares are those of `coverage.covered`."""

    number: int  # of its frame
    true: Mapping[int, Map]  # earlier frame -> map, exact or of whole frames
    by_truth: Shares
    by_edge: Shares
    by_itself: Shares
    by_itself_taken: Shares
    rebuilt: Sequence[Rebuilt]


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """One scene."""

    name: str
    frames: int
    workers: Sequence[str]
    ledger: Mapping[str, float]
    presents: Sequence[Present] = field(default_factory=tuple)
    registration: Mapping[str, float] = field(default_factory=dict)
    cpu_s: float = math.nan  # that a worker spends on a view, mean

    def curve(self, pick: Callable[[Present], Shares]) -> Shares:
        """Mean of some shares over the present views."""
        return np.asarray(np.mean([pick(each) for each in self.presents], axis=0), np.float64)

    def scores(self) -> dict[str, dict[str, float]]:
        """By attack: gain over mean fill, dB, and SSIM; means over views and workers."""
        every = [each for present in self.presents for each in present.rebuilt]
        return {
            name: {
                'gain_db': float(np.mean([each.gains_db[name] for each in every])),
                'ssim': float(np.mean([each.ssims[name] for each in every])),
            }
            for name in dict.fromkeys(name for each in every for name in each.pictures)
        }


def follow(subject: Subject, scene: Scene) -> Followed:
    """Attacks views of a scene: of an ideal pan the last one, else some of its second half."""
    camera = _Camera(subject.record(scene), subject.ideal)
    last = len(scene.frames) - 1
    numbers = _spread(range(camera.depth, last + 1), _PRESENTS)
    shown = _spread(numbers, _REBUILT)
    begun_s = time.process_time()
    for number in numbers:
        for album in camera.albums:
            album.motions(number, camera.depth)
    cpu_s = (time.process_time() - begun_s) / max(1, len(numbers) * len(camera.albums))
    return Followed(
        scene.name,
        last + 1,
        camera.recording.workers,
        camera.recording.ledger,
        [camera.present(number, number in shown) for number in numbers],
        camera.registration(),
        cpu_s,
    )


class _Camera:
    """A recording, and the pictures that each worker has of it."""

    def __init__(self, recording: Recording, ideal: bool) -> None:
        last = len(recording.moments) - 1
        self.recording = recording
        self.depth = last if ideal else (last + 1) // 2  # earlier frames of each present view
        self.film = Film([moment.truth for moment in recording.moments])
        self.views = [recording.views([worker]) for worker in recording.workers]
        self.albums = [Album([(each.pixels, each.seen) for each in own]) for own in self.views]
        self._step = pan_step(recording.arch) if ideal else None
        self._owners = owners(recording)

    def present(self, number: int, rebuild: bool) -> Present:
        """What each worker has of one view and of the `depth` before it."""
        by_edge = self.film.maps(number, self.depth)
        true = by_edge if self._step is None else self._exact(number)
        own = [self._own(worker, number) for worker in range(len(self.views))]
        sums = [
            claimed(self._seen(worker, number), own[worker], true, RIGHT_PX)
            for worker in range(len(self.views))
        ]
        rebuilt = (
            [self._rebuilt(worker, number, maps, by_edge) for worker, maps in enumerate(own)]
            if rebuild
            else ()
        )
        return Present(
            number,
            true,
            self._covered(number, true),
            self._covered(number, by_edge),
            np.array([right for _, right in sums]).T,
            np.array([taken for taken, _ in sums]).T,
            rebuilt,
        )

    def registration(self) -> dict[str, float]:
        """How often a worker can tell the motion from frame to frame, and how right it is."""
        distances = [
            self._distance(album, number)
            for album in self.albums
            for number in range(1, len(self.recording.moments))
        ]
        told = [each for each in distances if each is not None]
        steps = max(1, len(distances))
        return {
            'succeeded': len(told) / steps,
            'within_8_px': sum(each < NEAR_PX for each in told) / steps,
            'median_error_px': float(np.median(told)) if told else math.nan,
        }

    def _distance(self, album: Album, number: int) -> float | None:
        """How far off a worker's step is, px; None if it could not tell."""
        matrix = album.motion(number, number - 1)
        if matrix is None:
            return None
        true = self.film.maps(number, 1) if self._step is None else self._exact(number, 1)
        distance = apart(plane(matrix, self._size), true[number - 1])
        return float(np.nanmedian(distance)) if np.isfinite(distance).any() else math.inf

    @property
    def _size(self) -> tuple[int, int]:
        return self.recording.moments[0].canvas.content

    def _exact(self, number: int, depth: int | None = None) -> dict[int, Map]:
        """The maps of an ideal pan."""
        first = number - (self.depth if depth is None else depth)
        step = self._step or 0
        return {
            earlier: plane(shift(step * (number - earlier), 0), self._size)
            for earlier in range(number - 1, first - 1, -1)
        }

    def _own(self, worker: int, number: int) -> dict[int, Map]:
        """What a worker's own registration tells."""
        motions = self.albums[worker].motions(number, self.depth)
        return {earlier: plane(matrix, self._size) for earlier, matrix in motions.items()}

    def _seen(self, worker: int, number: int) -> list[tuple[int, Seen]]:
        """What it saw, the newest first."""
        first = number - self.depth
        return [(n, self.views[worker][n].seen) for n in range(number, first - 1, -1)]

    def _covered(self, number: int, maps: Mapping[int, Map]) -> Shares:
        earlier = ((self._owners[n], places) for n, places in maps.items())
        return covered(self._owners[number], earlier, len(self.views))

    def _rebuilt(
        self, worker: int, number: int, own: Mapping[int, Map], by_edge: Mapping[int, Map]
    ) -> Rebuilt:
        views = self.views[worker]
        history = History(self.recording.arch, views[number - self.depth : number])
        view, truth = views[number], self.recording.moments[number].truth
        flat = mean.attack(view.pixels, view.seen, history)
        gathered = panorama.gathered(view, [(views[n], m) for n, m in own.items()])
        pictures = {
            'one_frame': harmonic.attack(view.pixels, view.seen, history),
            'panorama': harmonic.attack(gathered.pixels, gathered.seen, history),
            'panorama_by_edge': panorama.rebuilt(
                view, [(views[n], m) for n, m in by_edge.items()], history
            ),
            **_others(view, history),
        }
        unseen = ~view.seen
        flat_db = psnr(flat, truth, unseen)
        return Rebuilt(
            self.recording.workers[worker],
            truth,
            view,
            gathered,
            pictures,
            {name: psnr(each, truth, unseen) - flat_db for name, each in pictures.items()},
            {name: ssim(each, truth, unseen) for name, each in pictures.items()},
        )


def _others(view: View, history: History) -> dict[str, Picture]:
    """What the attacks on earlier frames make of a view; `panorama` has its registration here."""
    return {
        name: module.attack(view.pixels, view.seen, history)
        for name, module in attacks(Needs.EARLIER).items()
        if module is not panorama
    }


def _spread(numbers: Sequence[int], most: int) -> list[int]:
    """At most `most` of some numbers, evenly spread; the last is one of them."""
    count = min(most, len(numbers))
    return [numbers[-1 - (len(numbers) - 1) * n // max(1, count - 1)] for n in range(count)][::-1]
