"""What a camera that moves shows to each worker in time, and what a worker makes of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from pedsam_ros.audit import geometry, kept_views
from pedsam_ros.audit.camera import Camera
from pedsam_ros.audit.coverage import Shares, covered, owners
from pedsam_ros.audit.followed import Followed, Present, follow
from pedsam_ros.audit.motion import Map
from pedsam_ros.audit.over_time_exhibits import exhibits
from pedsam_ros.audit.record import workers
from pedsam_ros.audit.scenes import Scene
from pedsam_ros.audit.scores import Estimate
from pedsam_ros.audit.section import Section
from pedsam_ros.audit.subject import Subject
from pedsam_ros.core.errors import ConfigError

NAME = 'over_time'
COUNTS = range(2, 9)  # workers
_REBUILT = 2  # scenes of which a worker rebuilds a view from all frames
_EARLIER = (0, 1, 2, 4, 8, 16, 32, 64)  # frames before the present one
_Figures = dict[str, Any]


def run(subject: Subject, bar: tqdm[Any]) -> Section:
    """Attacks every scene as each worker sees it, by registration of the edge and of its own."""
    told, others = list[Followed](), list[Mapping[int, Shares | None]]()
    kept, made = list[kept_views.Kept](), list[dict[str, float]]()
    for number, scene in enumerate(subject.motion):
        camera = Camera(subject.record(scene), subject.ideal)
        followed = follow(camera, subject.ideal)
        told.append(followed)
        kept.append(kept_views.shares(camera))
        if number < _REBUILT:
            made.append(kept_views.rebuilt(camera))
        bar.update()
        others.append(_others(subject, scene, followed, bar))
    figures: _Figures = {
        'subject_workers': sum(not entry.spare for entry in subject.entries),
        'ideal': subject.ideal,
        'scenes': {each.name: _scene(each) for each in told},
        **_over_scenes(told),
        'workers': _by_count(others),
        'kept': kept_views.figures(kept, made),
    }
    if subject.stills:
        figures['geometry'] = geometry.measured(subject, subject.stills[0].frames[0])
    return Section(figures, exhibits(told))


def _others(
    subject: Subject, scene: Scene, followed: Followed, bar: tqdm[Any]
) -> Mapping[int, Shares | None]:
    """By number of workers: shares as of `coverage.covered`; None if they cannot be placed so."""
    found: dict[int, Shares | None] = {}
    for count in COUNTS:
        bar.update()
        try:
            recording = subject.recorded(scene.name, scene.frames, workers(count))
        except ConfigError:
            found[count] = None
            continue
        owner = owners(recording)
        found[count] = np.mean(
            [covered(owner[p.number], _earlier(owner, p.true), count) for p in followed.presents],
            axis=0,
        )
    return found


def _earlier(owner: Sequence[Any], maps: Mapping[int, Map]) -> list[tuple[Any, Map]]:
    return [(owner[number], places) for number, places in maps.items()]


def _scene(followed: Followed) -> _Figures:
    """The figures of one scene, means over its present views."""
    edge = followed.curve(lambda present: present.by_edge)
    own = followed.curve(lambda present: present.by_itself)
    return {
        'frames': followed.frames,
        'present_views': len(followed.presents),
        'largest_share': followed.largest,
        'ledger_share': followed.ledger,
        'stays_here': followed.stays_here,
        'frames_not_sent': followed.nothing_sent,
        'by_edge': {name: _at(edge[:, number]) for number, name in enumerate(followed.workers)},
        'by_itself': {name: _at(own[:, number]) for number, name in enumerate(followed.workers)},
        'registration': {
            key: each if math.isfinite(each) else None
            for key, each in followed.registration.items()
        },
    }


def _over_scenes(told: Sequence[Followed]) -> _Figures:
    """Means over scenes and workers, with standard errors over scenes."""
    kinds: dict[str, Callable[[Present], Shares]] = {
        'by_edge': lambda present: present.by_edge,
        'by_itself': lambda present: present.by_itself,
        'by_itself_taken': lambda present: present.by_itself_taken,
        'true': lambda present: present.by_truth,
    }
    curves = {kind: [each.curve(pick) for each in told] for kind, pick in kinds.items()}
    scores = [each.scores() for each in told]
    registration = [each.registration for each in told]
    return {
        'coverage': {kind: _estimates(found) for kind, found in curves.items()},
        'ledger_largest_share': _mean(max(each.ledger.values()) for each in told),
        'largest_share': _mean(each.largest for each in told),
        'stays_here': _mean(each.stays_here for each in told),
        'registration': {
            key: _mean(each[key] for each in registration)
            for key in (registration[0] if registration else ())
        },
        'reconstruction': {
            name: {key: _mean(each[name][key] for each in scores) for key in ('gain_db', 'ssim')}
            for name in (scores[0] if scores else ())
        },
        'attacker_cpu_s': _mean(each.cpu_s for each in told),
    }


def _by_count(others: Sequence[Mapping[int, Shares | None]]) -> _Figures:
    """By number of workers: the share of the present view that a worker has after all frames."""
    found: _Figures = {}
    for count in COUNTS:
        shares = [each[count] for each in others]
        known = [each for each in shares if each is not None]
        found[str(count)] = {
            'one_frame': _mean(each[0].mean() for each in known),
            'all_frames': _mean(each[-1].mean() for each in known),
            'all_frames_largest': _mean(each[-1].max() for each in known),
        }
    return found


def _at(curve: Shares) -> dict[str, float]:
    last = len(curve) - 1
    return {str(n): float(curve[n]) for n in sorted({*_EARLIER, last}) if n <= last}


def _estimates(curves: Sequence[Shares]) -> dict[str, Any]:
    """By number of earlier frames that every scene has."""
    last = min((len(each) for each in curves), default=0) - 1
    return {
        str(n): _mean(each[n].mean() for each in curves)
        for n in sorted({*_EARLIER, last})
        if 0 <= n <= last
    }


def _mean(samples: Any) -> dict[str, Any]:
    return Estimate.of([float(each) for each in samples]).figures()
