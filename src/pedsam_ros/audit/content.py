"""What a worker learns of the things in view: which it has whole, and what machines find there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from tqdm import tqdm

from pedsam_ros.audit import tracks, whole
from pedsam_ros.audit.attack import History, Needs, View
from pedsam_ros.audit.attacks import attacks
from pedsam_ros.audit.content_exhibit import exhibits
from pedsam_ros.audit.detections import Fill, detections
from pedsam_ros.audit.record import workers
from pedsam_ros.audit.recording import Recording
from pedsam_ros.audit.scenes import Scene, spread
from pedsam_ros.audit.scores import psnr
from pedsam_ros.audit.section import Section
from pedsam_ros.audit.subject import Subject
from pedsam_ros.audit.unseen_masks import box_scores
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model import loading
from pedsam_ros.core.types import Pixels
from pedsam_ros.core.workers_file import WorkerEntry

NAME = 'content'
WORKERS = (2, 3, 4, 5, 8)
OWN = 'own'  # the subject's own workers, beside those numbers
_SEGMENTED = 12  # images on which the model is asked
_DETECTED = 24  # images that detectors look at
_JUDGED = 3  # images on which the best fill is chosen


def run(subject: Subject, bar: tqdm[Any]) -> Section:
    """Counts what is whole, runs detectors, and asks the model. Null where labels are missing."""
    things = {str(k): _things(subject, workers(k), bar) for k in WORKERS}
    things[OWN] = _things(subject, subject.entries, bar)
    stills = [subject.record(scene) for scene in spread(subject.stills, _DETECTED)]
    best = _best(stills[:_JUDGED])
    fills = {name: partial(_filled, subject, name) for name in dict.fromkeys(('mean', best))}
    figures: dict[str, Any] = {
        'whole_share': whole.WHOLE,
        'best_fill': best,
        'workers': {name: whole.table(each) if each else None for name, each in things.items()},
        'tracks': _tracks(subject, bar),
        'detectors': detections(stills, fills, bar.update),
        'unseen_masks': _masks(subject, fills, bar),
    }
    return Section(figures, exhibits(things[OWN] or (), subject, fills))


def _things(
    subject: Subject, entries: Sequence[WorkerEntry], bar: tqdm[Any]
) -> list[whole.Thing] | None:
    """None without labels, or if the settings allow no placement for these workers."""
    if not subject.samples:
        return None
    names = [entry.name for entry in entries if not entry.spare]
    found = []
    for sample in subject.samples:
        try:
            recording = subject.recorded(sample.name, [sample.rgb()], entries)
        except ConfigError:
            return None
        owned = whole.owners(recording.moments[0], names)
        found += whole.things(sample, owned, len(names))
        bar.update()
    return found


def _best(recordings: Sequence[Recording]) -> str:
    """The attack on one frame that comes nearest to what a worker did not see."""
    if not recordings:
        return 'mean'
    reached = {}
    for name, module in attacks(Needs.FRAME).items():
        db = []
        for recording in recordings:
            moment, history = recording.moments[0], History(recording.arch)
            view = moment.view(recording.workers[:1])
            guess = module.attack(view.pixels, view.seen, history)
            db.append(psnr(guess, moment.truth, ~view.seen))
        reached[name] = float(np.mean(db))
    return max(reached, key=lambda name: reached[name])


def _filled(subject: Subject, name: str, view: View) -> Pixels:
    module = attacks(Needs.FRAME)[name]
    guess = module.attack(view.pixels, view.seen, History(subject.model.arch))
    return np.asarray(np.clip(guess, 0, 255).round(), np.uint8)


def _masks(subject: Subject, fills: Mapping[str, Fill], bar: tqdm[Any]) -> dict[str, Any] | None:
    samples = spread(subject.samples, _SEGMENTED)
    if not samples:
        return None
    recordings = [
        subject.recorded(sample.name, [sample.rgb()], subject.entries) for sample in samples
    ]
    model = loading.load_monolithic(subject.weights)
    return box_scores(samples, recordings, model, fills, bar.update)


def _tracks(subject: Subject, bar: tqdm[Any]) -> dict[str, Any] | None:
    """Null if no camera stands still."""
    still = [scene for scene in subject.motion if tracks.stands_still(scene.frames)]
    if not still:
        return None
    found = []
    for scene in still:
        found.append(tracks.follow(scene.frames, _placements(subject, scene)))
        bar.update()
    every = [track for scene in found for track in scene]
    names = every[0].parts if every else ()
    return {
        'scenes': len(still),
        'followed_frames': tracks.FOLLOWED,
        'count': len(every),
        'workers': {name: tracks.table(found, name) for name in names} or None,
    }


def _placements(subject: Subject, scene: Scene) -> dict[str, tuple[whole.Owners, int]]:
    """Who has each pixel, by number of workers. One frame tells: the camera stands still."""
    found = {}
    choices = {**{str(k): workers(k) for k in WORKERS}, OWN: subject.entries}
    for name, entries in choices.items():
        names = [entry.name for entry in entries if not entry.spare]
        try:
            recording = subject.recorded(scene.name, scene.frames[:1], entries)
        except ConfigError:
            continue
        found[name] = whole.owners(recording.moments[0], names), len(names)
    return found
