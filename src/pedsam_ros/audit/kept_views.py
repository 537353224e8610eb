"""What somebody has of a view who keeps all messages: earlier frames, later ones, and workers that
join. A worker need not look at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedsam_ros.audit.attack import History
from pedsam_ros.audit.attacks import harmonic, mean, panorama
from pedsam_ros.audit.coverage import owners
from pedsam_ros.audit.motion import Map, carried, plane, shift
from pedsam_ros.audit.recording import Recording
from pedsam_ros.audit.registration import Album, Film
from pedsam_ros.audit.scenes import pan_step
from pedsam_ros.audit.scores import Estimate, psnr, ssim
from pedsam_ros.audit.subject import Subject

_MOST_COALITIONS = 70  # of a size: all of 8
_REBUILT = 2  # scenes, at most
_Masks = NDArray[np.bool_]


def kept_views(subject: Subject) -> dict[str, Any]:
    """Figures over the moving scenes.

    `workers` has, by how many workers join, the share of the last view that earlier frames give
    them (`earlier`), and of the middle view that all frames give (`all_frames`): the mean over
    coalitions and the `worst` of them. `rebuilt` is what one worker makes of the middle view by
    its own registration, over mean fill, where this frame shows it nothing.
    """
    recordings = [subject.record(scene) for scene in subject.motion]
    shares = [_shares(each, subject.ideal) for each in recordings]
    count = max((len(each.workers) for each in recordings), default=0)
    rebuilt = [_rebuilt(each) for each in recordings[:_REBUILT]]
    return {
        'workers': {
            str(size): {
                key: Estimate.of(found[size][key] for found in shares).figures()
                for key in ('earlier', 'earlier_worst', 'all_frames', 'all_frames_worst')
            }
            for size in range(1, count)
        },
        'rebuilt': {
            key: Estimate.of(each[key] for each in rebuilt).figures()
            for key in (rebuilt[0] if rebuilt else ())
        },
    }


def _shares(recording: Recording, ideal: bool) -> dict[int, dict[str, float]]:
    last = len(recording.moments) - 1
    found: dict[int, dict[str, float]] = {}
    for key, number, whole in (('earlier', last, False), ('all_frames', last // 2, True)):
        masks = _masks(recording, number, _maps(recording, number, ideal, whole))
        for size in range(1, len(masks)):
            joined = [*combinations(range(len(masks)), size)][:_MOST_COALITIONS]
            each = [float(masks[[*some]].any(0).mean()) for some in joined]
            figures = found.setdefault(size, {})
            figures[key], figures[f'{key}_worst'] = float(np.mean(each)), max(each)
    return found


def _masks(recording: Recording, number: int, maps: Mapping[int, Map]) -> _Masks:
    """(workers, H, W) bool: what each worker has of a view, in which frame ever."""
    owned = owners(recording)
    workers = range(1, len(recording.workers) + 1)
    masks = np.array([owned[number] == worker for worker in workers])
    for other, places in maps.items():
        then = carried(owned[other], places)
        masks |= np.array([then == worker for worker in workers])
    return masks


def _maps(recording: Recording, number: int, ideal: bool, whole: bool) -> dict[int, Map]:
    """The maps from a view to earlier frames and, if `whole`, to later ones."""
    last = len(recording.moments) - 1
    others = range(last + 1) if whole else range(number)
    if ideal:
        step, size = pan_step(recording.arch), recording.moments[0].canvas.content
        return {n: plane(shift(step * (number - n), 0), size) for n in others if n != number}
    truths = [moment.truth for moment in recording.moments]
    maps = Film(truths).maps(number, number)
    if whole:
        back = Film(truths[::-1]).maps(last - number, last - number)
        maps |= {last - n: places for n, places in back.items()}
    return maps


def _rebuilt(recording: Recording) -> dict[str, float]:
    """Means over the workers of one scene."""
    number = (len(recording.moments) - 1) // 2
    each = [_of_worker(recording, worker, number) for worker in recording.workers]
    return {key: float(np.nanmean([one[key] for one in each])) for key in each[0]}


def _of_worker(recording: Recording, worker: str, number: int) -> dict[str, float]:
    views, history = recording.views([worker]), History(recording.arch)
    view, truth = views[number], recording.moments[number].truth
    # The present view is the last of an album; what is nearest in time stands next to it.
    order = [*range(number), *range(len(views) - 1, number, -1), number]
    album = Album([(views[n].pixels, views[n].seen) for n in order])
    motions = album.motions(len(order) - 1, len(order) - 1)
    found = [(views[order[n]], plane(m, view.seen.shape)) for n, m in motions.items()]
    gathered = panorama.gathered(view, found)
    flat = mean.attack(view.pixels, view.seen, history)
    made: Sequence[Any] = [
        harmonic.attack(each.pixels, each.seen, history) for each in (view, gathered)
    ]
    unseen = ~view.seen
    flat_db = psnr(flat, truth, unseen)
    one, kept = ((psnr(each, truth, unseen) - flat_db, ssim(each, truth, unseen)) for each in made)
    return {
        'one_frame_gain_db': one[0],
        'one_frame_ssim': one[1],
        'gain_db': kept[0],
        'ssim': kept[1],
    }
