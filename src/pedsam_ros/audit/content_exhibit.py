"""Pictures of what one worker has of the things in view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from pedsam_ros.audit.detections import Fill
from pedsam_ros.audit.section import Exhibit
from pedsam_ros.audit.subject import Subject
from pedsam_ros.audit.whole import Thing, on_canvas, owners, parts
from pedsam_ros.core.types import Pixels
from pedsam_ros.evaluation import rle

_SHOWN = 3  # images
_COLOURS = ((230, 60, 60), (60, 160, 60), (60, 90, 230), (220, 160, 30))
_NOBODY = (150, 150, 150)
_GAP_PX = 6


def exhibits(
    things: Sequence[Thing], subject: Subject, fills: Mapping[str, Fill]
) -> list[Exhibit]:
    """Who has each window with the outlines of things, and what a worker makes of its view."""
    return [*_whole(things, subject), *_views(subject, fills)]


def _whole(things: Sequence[Thing], subject: Subject) -> list[Exhibit]:
    every = [each for each in things if each.kind == 'things']
    if not every:
        return []
    pictures = [_outlined(subject, number) for number in range(min(_SHOWN, len(subject.samples)))]
    some = sum(each.some for each in every) / len(every)
    given = sum(each.given for each in every) / len(every)
    caption = (
        f'Each colour is the view of one worker, grey stays on the edge. A thing with a white '
        f'outline lies whole with one worker, others have a black one. Of {len(every)} things '
        f'{some:.2f} lie whole with some worker, {given:.2f} with a given one.'
    )
    return [Exhibit(_row(pictures), caption)]


def _outlined(subject: Subject, number: int) -> Pixels:
    sample = subject.samples[number]
    moment = subject.recorded(sample.name, [sample.rgb()], subject.entries).moments[0]
    names = [entry.name for entry in subject.entries if not entry.spare]
    owned = owners(moment, names)
    colours = np.array([*(_COLOURS[i % len(_COLOURS)] for i in range(len(names))), _NOBODY])
    picture = (0.7 * moment.truth + 0.3 * colours[owned]).astype(np.uint8)
    for segment in sample.segments:
        if segment.thing:
            shape = on_canvas(rle.decode(segment.mask), owned)
            whole = max(parts(shape, owned, len(names))) >= 0.9
            outline, _ = cv2.findContours(
                shape.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
            )
            cv2.drawContours(picture, outline, -1, (255,) * 3 if whole else (0,) * 3, 1)
    return picture


def _views(subject: Subject, fills: Mapping[str, Fill]) -> list[Exhibit]:
    if not subject.stills:
        return []
    recording = subject.record(subject.stills[0])
    moment = recording.moments[0]
    view = moment.view(recording.workers[:1])
    pictures = [moment.truth, view.pixels, *(fill(view) for fill in fills.values())]
    caption = (
        f'From left to right: the scene; what one worker was sent, {view.seen.mean():.2f} of it; '
        f'and that view filled by {", then by ".join(fills)}. Detectors and the model are asked '
        'on these.'
    )
    return [Exhibit(_row(pictures), caption)]


def _row(pictures: Sequence[Pixels]) -> Pixels:
    """Pictures side by side, with white gaps."""
    height = max(picture.shape[0] for picture in pictures)
    framed = [
        np.pad(
            picture,
            ((0, height - picture.shape[0]), (0, _GAP_PX), (0, 0)),
            constant_values=255,
        )
        for picture in pictures
    ]
    return np.ascontiguousarray(np.concatenate(framed, axis=1)[:, :-_GAP_PX])
