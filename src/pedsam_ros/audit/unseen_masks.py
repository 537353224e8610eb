"""What the shipped model still segments of things that a worker mostly did not see.

The box of a thing is the prompt. It tells much by itself, so the box taken as the mask is what
every view has to beat.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from pedsam_ros.audit.detections import Fill
from pedsam_ros.audit.recording import Recording
from pedsam_ros.audit.whole import on_canvas, owners, parts, ratio
from pedsam_ros.core.types import Frame, FrameKey, Pixels
from pedsam_ros.evaluation import rle
from pedsam_ros.evaluation.baselines import BoxItself
from pedsam_ros.evaluation.protocol import Segmenter, answers, scores
from pedsam_ros.evaluation.samples import Sample

MOSTLY_UNSEEN = 0.5  # a worker has less of the thing


def box_scores(
    samples: Sequence[Sample],
    recordings: Sequence[Recording],
    model: Segmenter,
    fills: Mapping[str, Fill],
    tick: Callable[[], object],
) -> dict[str, Any] | None:
    """Mean IoU under box prompts on full pictures, on views by fill, and of the box itself.

    One worker of each image is asked, in turn. Every picture is the canvas's, so that all have the
    same detail. Null if no thing is mostly unseen.
    """
    found: dict[str, list[float]] = defaultdict(list)
    images: list[str] = []
    for number, (sample, recording) in enumerate(zip(samples, recordings, strict=True)):
        worker = recording.workers[number % len(recording.workers)]
        chosen = _mostly_unseen(sample, recording, worker)
        if chosen.segments:
            images += [f'{sample.source}/{sample.name}'] * len(chosen.segments)
            for name, ious in _of(chosen, recording, worker, model, fills).items():
                found[name] += ious
        tick()
    if not images:
        return None
    means = {name: ratio(images, ious).figures() for name, ious in found.items()}
    return {'things': len(images), 'seen_below': MOSTLY_UNSEEN, 'box_miou': means}


def _mostly_unseen(sample: Sample, recording: Recording, worker: str) -> Sample:
    owned = owners(recording.moments[0], [worker])
    kept = tuple(
        segment
        for segment in sample.segments
        if segment.thing
        and parts(on_canvas(rle.decode(segment.mask), owned), owned, 1)[0] < MOSTLY_UNSEEN
    )
    return replace(sample, segments=kept)


def _of(
    sample: Sample,
    recording: Recording,
    worker: str,
    model: Segmenter,
    fills: Mapping[str, Fill],
) -> dict[str, list[float]]:
    moment = recording.moments[0]
    view = moment.view([worker])
    pictures = {'full': moment.truth} | {name: fill(view) for name, fill in fills.items()}
    found = {name: _ious(model, sample, rgb) for name, rgb in pictures.items()}
    return {**found, 'box_itself': _ious(BoxItself(), sample, moment.truth)}


def _ious(model: Segmenter, sample: Sample, rgb: Pixels) -> list[float]:
    size = sample.width, sample.height
    own_size = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    asked = answers(model, Frame(FrameKey(0, ''), own_size), sample, ['box'])
    return [score.iou for score in scores(sample, asked)]
