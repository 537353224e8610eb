"""Follows one camera that moves: what each worker has of its views, and makes of them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pedsam_ros.audit.attack import History, Needs, Picture, View
from pedsam_ros.audit.attacks import attacks, harmonic, panorama
from pedsam_ros.audit.camera import Camera, before
from pedsam_ros.audit.coverage import Shares, claimed, covered
from pedsam_ros.audit.guessing import Guessed, guesses
from pedsam_ros.audit.motion import Map, apart
from pedsam_ros.audit.scores import Estimate
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
    guesses: Mapping[str, Guessed]  # by attack, where one frame shows nothing


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
    stays_here: float = 0.0  # share of the frames' area that was sent to nobody
    nothing_sent: int = 0  # frames

    def curve(self, pick: Callable[[Present], Shares]) -> Shares:
        """Mean of some shares over the present views."""
        return np.asarray(np.mean([pick(each) for each in self.presents], axis=0), np.float64)

    @property
    def largest(self) -> float:
        """The largest share of any present view that any worker was ever sent, as the edge tells
        or as is exact."""
        return max(float(present.by_truth[-1].max()) for present in self.presents)

    def scores(self) -> dict[str, dict[str, float]]:
        """By attack: gain over mean fill, dB, and SSIM; means over views and workers. A view of
        which a worker was sent nothing is left out: there is no mean colour to compare with."""
        every = [each for present in self.presents for each in present.rebuilt]
        return {
            name: {
                'gain_db': Estimate.of(each.guesses[name].gain_db for each in every).mean,
                'ssim': Estimate.of(each.guesses[name].ssim for each in every).mean,
            }
            for name in dict.fromkeys(name for each in every for name in each.guesses)
        }


def follow(camera: Camera, ideal: bool) -> Followed:
    """Attacks views of a camera: of an ideal pan the last one, else some of its second half."""
    depth = camera.last if ideal else (camera.last + 1) // 2  # earlier frames of each view
    numbers = _spread(range(depth, camera.last + 1), _PRESENTS)
    shown = _spread(numbers, _REBUILT)
    begun_s = time.process_time()
    for number in numbers:
        for album in camera.albums:
            album.motions(number, before(number, depth))
    cpu_s = (time.process_time() - begun_s) / max(1, len(numbers) * len(camera.albums))
    return Followed(
        camera.recording.name,
        camera.last + 1,
        camera.recording.workers,
        camera.recording.ledger,
        [_present(camera, number, depth, number in shown) for number in numbers],
        _registration(camera),
        cpu_s,
        float(np.mean([np.mean(owner == 0) for owner in camera.owners])),
        sum(not owner.any() for owner in camera.owners),
    )


def _present(camera: Camera, number: int, depth: int, rebuild: bool) -> Present:
    """What each worker has of one view and of the `depth` before it."""
    earlier = before(number, depth)
    by_edge = camera.by_whole_frames(number, earlier)
    true = camera.true(number, earlier)
    own = [camera.by_itself(worker, number, earlier) for worker in range(len(camera.views))]
    sums = [
        claimed([(n, views[n].seen) for n in (number, *earlier)], maps, true, RIGHT_PX)
        for views, maps in zip(camera.views, own, strict=True)
    ]
    shown = enumerate(own) if rebuild else ()
    return Present(
        number,
        true,
        _covered(camera, number, true),
        _covered(camera, number, by_edge),
        np.array([right for _, right in sums]).T,
        np.array([taken for taken, _ in sums]).T,
        [_rebuilt(camera, worker, number, maps, by_edge) for worker, maps in shown],
    )


def _covered(camera: Camera, number: int, maps: Mapping[int, Map]) -> Shares:
    earlier = ((camera.owners[n], places) for n, places in maps.items())
    return covered(camera.owners[number], earlier, len(camera.views))


def _registration(camera: Camera) -> dict[str, float]:
    """How often a worker can tell the motion from frame to frame, and how right it is."""
    distances = [
        _distance(camera, worker, number)
        for worker in range(len(camera.views))
        for number in range(1, camera.last + 1)
    ]
    told = [each for each in distances if each is not None]
    steps = max(1, len(distances))
    return {
        'succeeded': len(told) / steps,
        'within_8_px': sum(each < NEAR_PX for each in told) / steps,
        'median_error_px': float(np.median(told)) if told else math.nan,
    }


def _distance(camera: Camera, worker: int, number: int) -> float | None:
    """How far off a worker's step is, px; None if it could not tell."""
    own = camera.by_itself(worker, number, [number - 1])
    if not own:
        return None
    distance = apart(own[number - 1], camera.true(number, [number - 1])[number - 1])
    return float(np.nanmedian(distance)) if np.isfinite(distance).any() else math.inf


def _rebuilt(
    camera: Camera, worker: int, number: int, own: Mapping[int, Map], by_edge: Mapping[int, Map]
) -> Rebuilt:
    views = camera.views[worker]
    view, truth = views[number], camera.recording.moments[number].truth
    earlier = [views[n] for n in sorted(by_edge)]
    history = History(camera.recording.arch, earlier, shift=view.shift)
    gathered = panorama.gathered(view, [(views[n], m) for n, m in own.items()])
    pictures = {
        'one_frame': harmonic.attack(view.pixels, view.seen, history),
        'panorama': harmonic.attack(gathered.pixels, gathered.seen, history),
        'panorama_by_edge': panorama.rebuilt(
            view, [(views[n], m) for n, m in by_edge.items()], history
        ),
        **_others(view, history),
    }
    told = guesses(view, truth, pictures)
    return Rebuilt(camera.recording.workers[worker], truth, view, gathered, told)


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
