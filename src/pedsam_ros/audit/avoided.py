"""Designs that the product avoids, because the size or the presence of a message would talk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from pedsam_ros.audit import tracks
from pedsam_ros.audit.recording import Moment
from pedsam_ros.audit.scenes import Scene
from pedsam_ros.audit.scores import Estimate
from pedsam_ros.audit.section import Exhibit
from pedsam_ros.audit.subject import Subject
from pedsam_ros.audit.transcripts import (
    correlation,
    covered,
    detail,
    jpeg_bytes,
    parts,
    precision_recall,
)
from pedsam_ros.audit.whole import PEOPLE, on_canvas, owners
from pedsam_ros.core.model import preprocess
from pedsam_ros.core.types import Pixels
from pedsam_ros.core.windows import Canvas, partition
from pedsam_ros.evaluation import rle
from pedsam_ros.evaluation.samples import Sample

_MOST_FRAMES = 400
_CHANGED = 1.5  # mean change of a window, levels, from which it would be sent
_MOVES = 0.005  # of a window's pixels, from which something moves in it


def run(
    subject: Subject, scenes: Sequence[Scene], bar: tqdm[Any]
) -> tuple[dict[str, Any], list[Exhibit]]:
    """The figures, and a picture of what JPEG sizes show. Null where nothing could show it."""
    moments = [subject.record(scene).moments[0] for scene in scenes]
    bar.update(len(scenes))
    still = [scene for scene in subject.motion if tracks.stands_still(scene.frames)]
    watched = [_watched(subject, scene.frames[:_MOST_FRAMES]) for scene in still]
    figures = {
        'jpeg': {
            'correlation_with_detail': Estimate.of(map(_with_detail, moments)).figures(),
            'correlation_with_people': _with_people(subject),
            'correlation_with_motion': Estimate.of(r for r, _ in watched).figures(),
        },
        'only_changed_windows': _changed([each for _, each in watched]),
    }
    shown = Estimate.of(map(_with_detail, moments[:1])).mean
    return figures, [_exhibit(moments[0], shown)] if moments else []


def _with_detail(moment: Moment) -> float:
    whole = list(parts(moment).values())
    return correlation([jpeg_bytes(p) for p in whole], [detail(p) for p in whole])


def _with_people(subject: Subject) -> dict[str, Any] | None:
    """Over the windows of each image with people; null if none is labelled."""
    people = [each for each in subject.samples if each.source in PEOPLE][:24]
    found = [_of_people(subject, sample) for sample in people]
    return Estimate.of(found).figures() if found else None


def _of_people(subject: Subject, sample: Sample) -> float:
    moment = subject.recorded(sample.name, [sample.rgb()], subject.entries).moments[0]
    owned = owners(moment, [])
    mask = np.zeros(owned.shape, bool)
    for segment in sample.segments:
        mask |= on_canvas(rle.decode(segment.mask), owned)
    inside, whole = covered(mask, moment.canvas), parts(moment)
    return correlation([jpeg_bytes(p) for p in whole.values()], [inside[i] for i in whole])


def _watched(
    subject: Subject, frames: Sequence[Pixels]
) -> tuple[float, tuple[list[bool], list[bool]]]:
    """A still camera: how JPEG sizes follow what moves in a window over time, as the mean over
    windows in which something does; and by window and frame, whether it changed and whether
    something moved."""
    canvas = Canvas.fit(subject.model.arch, *frames[0].shape[:2])
    bytes_, pixels, changed = [], [], []
    before: dict[int, Pixels] = {}
    for rgb, mask in zip(frames, tracks.moving(frames), strict=True):
        cut = partition(preprocess.resize(rgb, canvas.content), canvas.grid)
        size = canvas.content[1], canvas.content[0]
        small = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        if before and mask.any():
            bytes_.append([float(jpeg_bytes(part)) for part in cut.values()])
            pixels.append(list(covered(np.asarray(small > 0), canvas).values()))
            changed.append([_change(part, before[index]) for index, part in cut.items()])
        before = cut
    area = canvas.grid.window**2
    moves, sent = np.array(pixels) > _MOVES * area, np.array(changed) > _CHANGED
    follow = [
        correlation([row[i] for row in bytes_], [row[i] for row in pixels]) for i in _lively(moves)
    ]
    return Estimate.of(follow).mean, (sent.ravel().tolist(), moves.ravel().tolist())


def _lively(moves: NDArray[np.bool_]) -> list[int]:
    """The windows in which something moves in a tenth of the frames at least."""
    return [] if not moves.size else np.flatnonzero(moves.mean(0) > 0.1).tolist()


def _change(part: Pixels, before: Pixels) -> float:
    return float(np.asarray(cv2.absdiff(part, before)).mean())


def _changed(watched: Sequence[tuple[list[bool], list[bool]]]) -> dict[str, Any] | None:
    """How well the presence of a window's message tells that something moves in it."""
    if not watched:
        return None
    pairs = [precision_recall(sent, moves) for sent, moves in watched]
    return {
        'sent': Estimate.of(float(np.mean(sent)) for sent, _ in watched if sent).figures(),
        'moving': Estimate.of(float(np.mean(moves)) for _, moves in watched if moves).figures(),
        'precision': Estimate.of(p for p, _ in pairs).figures(),
        'recall': Estimate.of(r for _, r in pairs).figures(),
    }


def _exhibit(moment: Moment, reached: float) -> Exhibit:
    """The scene beside a map of its windows' JPEG sizes."""
    whole = parts(moment)
    bytes_ = {index: jpeg_bytes(part) for index, part in whole.items()}
    chart = np.zeros_like(moment.truth)
    for index, size in bytes_.items():
        chart[moment.canvas.content_span(index)] = round(255 * size / max(bytes_.values()))
    caption = (
        'Left: the scene. Right: the size of each window as a JPEG, white is the largest. It '
        f'follows the detail of a window with a correlation of {reached:.2f}. The product sends '
        'raw pixels, padded to one size.'
    )
    return Exhibit(np.ascontiguousarray(np.hstack([moment.truth, chart])), caption)
