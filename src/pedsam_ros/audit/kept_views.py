"""What somebody has of a view who keeps all messages: earlier frames, later ones, and workers that
join. A worker need not look at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedsam_ros.audit.attack import History
from pedsam_ros.audit.attacks import harmonic, panorama
from pedsam_ros.audit.camera import Camera, after, before
from pedsam_ros.audit.guessing import guesses
from pedsam_ros.audit.motion import Map, carried
from pedsam_ros.audit.scores import Estimate

_MOST_COALITIONS = 70  # of a size: all of 8
_Masks = NDArray[np.bool_]
Kept = dict[int, dict[str, float]]  # by the number of workers that join


def shares(camera: Camera) -> Kept:
    """The share of the last view that workers have by earlier frames (`earlier`), and of the
    middle view by all frames (`all_frames`): the mean over coalitions, and the `_worst` of them.
    """
    middle = camera.last // 2
    earlier = camera.true(camera.last, before(camera.last))
    around = camera.true(middle, before(middle)) | camera.true(middle, after(middle, camera.last))
    found: Kept = {}
    for key, number, maps in (('earlier', camera.last, earlier), ('all_frames', middle, around)):
        masks = _masks(camera, number, maps)
        for size in range(1, len(masks)):
            joined = [*combinations(range(len(masks)), size)][:_MOST_COALITIONS]
            each = [float(masks[[*some]].any(0).mean()) for some in joined]
            figures = found.setdefault(size, {})
            figures[key], figures[f'{key}_worst'] = float(np.mean(each)), max(each)
    return found


def rebuilt(camera: Camera) -> dict[str, float]:
    """What one worker makes of the middle view by its own windows of all frames, and of this frame
    alone: gain over mean fill where this frame shows it nothing, dB, and SSIM; means over workers.
    """
    each = [_of_worker(camera, worker) for worker in range(len(camera.views))]
    return {key: Estimate.of(one[key] for one in each).mean for key in each[0]}


def figures(kept: Sequence[Kept], made: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Means over cameras, with standard errors."""
    sizes = sorted({size for each in kept for size in each})
    return {
        'workers': {
            str(size): {
                key: Estimate.of(each[size][key] for each in kept).figures()
                for key in kept[0][size]
            }
            for size in sizes
        },
        'rebuilt': {
            key: Estimate.of(each[key] for each in made).figures()
            for key in (made[0] if made else ())
        },
    }


def _masks(camera: Camera, number: int, maps: Mapping[int, Map]) -> _Masks:
    """(workers, H, W) bool: what each worker has of a view, in whatever frame."""
    shown = [camera.owners[number], *(carried(camera.owners[n], m) for n, m in maps.items())]
    workers = range(1, len(camera.views) + 1)
    return np.array([np.any([each == worker for each in shown], axis=0) for worker in workers])


def _of_worker(camera: Camera, worker: int) -> dict[str, float]:
    number, views = camera.last // 2, camera.views[worker]
    view, history = views[number], History(camera.recording.arch)
    others = sorted({*before(number), *after(number, camera.last)}, key=lambda n: abs(n - number))
    found = camera.by_itself(worker, number, others)
    gathered = panorama.gathered(view, [(views[n], places) for n, places in found.items()])
    pictures = {
        'one_frame_': harmonic.attack(view.pixels, view.seen, history),
        '': harmonic.attack(gathered.pixels, gathered.seen, history),
    }
    told = guesses(view, camera.recording.moments[number].truth, pictures)
    gains = {f'{name}gain_db': each.gain_db for name, each in told.items()}
    return gains | {f'{name}ssim': each.ssim for name, each in told.items()}
