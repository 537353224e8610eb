"""The chapter on a camera that moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pedsam_ros.audit import told
from pedsam_ros.audit.blocks import ABSENT, Block, Chapter, Photo, Table, curves
from pedsam_ros.audit.charts import Chart, Series
from pedsam_ros.audit.headlines import frames_of, last_of
from pedsam_ros.core.placement_config import ANCHORS

_KINDS = {'by_edge': 'registered by the edge', 'by_itself': 'registered by itself'}
_ATTACKS = {
    'one_frame': 'the present frame alone',
    'panorama': 'panorama, registered by itself',
    'panorama_by_edge': 'panorama, registered by the edge',
}
_HERE = 'sent to nobody'
_MOST_SCENES = 24  # rows of a table


def over_time(figures: Mapping[str, Any], photos: Sequence[Photo]) -> Chapter:
    """What a camera that moves shows to a worker in time."""
    title, anchor = 'A camera that moves', 'over_time'
    found = told.inner(figures, 'over_time')
    if not told.groups(found, 'coverage'):
        return Chapter(title, anchor, (ABSENT,), photos)
    words = (
        'A worker keeps what it was sent. If the camera moves, its windows show other parts of '
        'the scene, and together they show more than one frame does. The curves tell how much of '
        'the present view one worker has ever been sent.'
    )
    keys = 'largest_share', 'ledger_largest_share', 'stays_here'
    most, ledger, here = (told.share(told.value(found, key)) for key in keys)
    said = (
        f'{_anchored(figures)} Whoever was sent most of any view had {most} of it; the ledger of '
        f'the edge says at most {ledger} in the end. {here} of the picture was sent to nobody.'
    )
    blocks: list[Block] = [
        *_curves(found),
        *photos,
        _rebuilt(found),
        *_kept(found),
        _scenes(found),
    ]
    if told.groups(found, 'geometry'):
        blocks.append(_movements(found))
    return Chapter(title, anchor, (words, f'{said} {_registered(found)}'), blocks)


def _anchored(figures: Mapping[str, Any]) -> str:
    anchor = told.at(figures, 'settings', 'placement', 'anchor')
    return f'Windows were fixed to the {anchor}.' if anchor in ANCHORS else ''


def _registered(found: Mapping[str, Any]) -> str:
    near = told.share(told.value(found, 'registration', 'within_8_px'))
    return f'A worker alone finds the motion between two frames within 8 px in {near} of them.'


def _curves(found: Mapping[str, Any]) -> list[Block]:
    coverage = told.groups(found, 'coverage')
    frames = frames_of(next(iter(coverage.values())))
    means = [
        Series(
            name,
            [told.value(coverage, kind, each) for each in frames],
            [told.error(coverage, kind, each) for each in frames],
        )
        for kind, name in _KINDS.items()
        if kind in coverage
    ]
    blocks: list[Block] = [
        curves(_chart('Coverage of the present view', frames, means), _CAPTION_MEAN)
    ]
    each = _by_worker(found, frames)
    if any(value is not None for series in each for value in series.values):
        chart = _chart('Coverage by each worker', frames, each)
        blocks.append(curves(chart, _CAPTION_WORKERS))
    return blocks


_CAPTION_MEAN = (
    'Share of the present view that one worker has ever been sent, as the edge tells by whole '
    'frames, and as much of it as the worker puts in the right place by its own windows. Means '
    'over workers and scenes; whiskers are standard errors over scenes.'
)
_CAPTION_WORKERS = 'The same for each worker by its own registration, means over scenes.'


def _chart(title: str, frames: Sequence[str], series: Sequence[Series]) -> Chart:
    places = [float(each) for each in frames]
    return Chart(title, places, series, 'share of the view', 'earlier frames', most=1)


def _by_worker(found: Mapping[str, Any], frames: Sequence[str]) -> list[Series]:
    scenes = told.groups(found, 'scenes').values()
    workers = dict.fromkeys(name for scene in scenes for name in told.inner(scene, 'by_itself'))
    return [
        Series(
            worker,
            [
                _mean(told.value(scene, 'by_itself', worker, each) for scene in scenes)
                for each in frames
            ],
        )
        for worker in workers
    ]


def _mean(values: Any) -> float | None:
    known = [each for each in values if each is not None]
    return sum(known) / len(known) if known else None


def _kept(found: Mapping[str, Any]) -> list[Block]:
    """What those have who keep all messages, or join."""
    sizes = told.groups(found, 'kept', 'workers')
    rows = [
        (size, *(told.share(told.known(each, key)) for key in _KEPT))
        for size, each in sizes.items()
    ]
    if not rows:
        return []
    rebuilt = told.gain(told.known(found, 'kept', 'rebuilt', 'gain_db'))
    caption = (
        'Share of a moving view that workers have who join and keep everything: of the last view '
        'by earlier frames, of the middle view by all frames; the mean over coalitions, and the '
        f'one with most. One worker alone rebuilds the middle view by its own windows: {rebuilt} '
        'over a flat colour.'
    )
    return [Table(caption, ('workers', 'earlier', 'most', 'all frames', 'most'), rows)]


_KEPT = ('earlier', 'earlier_worst', 'all_frames', 'all_frames_worst')


def _rebuilt(found: Mapping[str, Any]) -> Table:
    made = told.inner(found, 'reconstruction')
    rows = [
        (
            name,
            told.gain(told.known(made, key, 'gain_db')),
            told.number(told.known(made, key, 'ssim')),
        )
        for key, name in _ATTACKS.items()
    ]
    head = ('what a worker uses', 'gain', 'SSIM')
    caption = (
        'How well a worker rebuilds what the present frame does not show it. Gains are over a '
        'flat colour.'
    )
    return Table(caption, head, rows)


def _scenes(found: Mapping[str, Any]) -> Table:
    scenes = told.groups(found, 'scenes')
    rows = []
    for name, scene in list(scenes.items())[:_MOST_SCENES]:
        ends = [_largest(scene, kind) for kind in ('by_edge', 'by_itself')]
        shares = [told.value(each) for each in told.inner(scene, 'ledger_share').values()]
        ledger = max((each for each in shares if each is not None), default=None)
        frames = told.number(told.known(scene, 'frames'), 0)
        shares = [*ends, ledger, told.value(scene, 'stays_here')]
        rows.append((name, frames, *map(told.share, shares)))
    left = len(scenes) - len(rows)
    more = f' The other {left} are in audit.json.' if left else ''
    head = ('scene', 'frames', 'registered by the edge', 'by itself', 'the ledger says', _HERE)
    caption = f'Share of the present view that the worker with most of it has at the end.{more}'
    return Table(caption, head, rows)


def _largest(scene: Mapping[str, Any], kind: str) -> float | None:
    workers = told.groups(scene, kind).values()
    ends = [told.value(curve, last_of(curve)) for curve in workers]
    return max((each for each in ends if each is not None), default=None)


def _movements(found: Mapping[str, Any]) -> Table:
    head = ('movement', 'frames', 'in one frame', 'mean worker', 'largest', 'the ledger says')
    keys = ('one_frame_largest_share', 'mean_share', 'largest_share', 'ledger_largest_share')
    rows = [
        (
            name.replace('_', ' '),
            told.number(told.known(each, 'frames'), 0),
            *(told.share(told.known(each, key)) for key in keys),
        )
        for name, each in told.groups(found, 'geometry').items()
    ]
    caption = (
        'Geometry alone: share of the present view that a worker has ever been sent, after exact '
        'movements of the camera.'
    )
    return Table(caption, head, rows)
