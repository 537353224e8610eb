"""The chapter on things, people and heads that lie whole with one worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pedsam_ros.audit import told
from pedsam_ros.audit.blocks import ABSENT, Block, Chapter, Photo, Table, bars
from pedsam_ros.audit.charts import Chart, Series

_OWN = 'own'
_KINDS = {  # what is counted, with its place in the figures
    'under 0.5 % of the image': ('things', 'under_0.5_percent'),
    '0.5 to 2 %': ('things', '0.5_to_2_percent'),
    '2 to 8 %': ('things', '2_to_8_percent'),
    'over 8 %': ('things', 'over_8_percent'),
    'all things': ('things', 'all'),
    'people': ('people',),
    'heads': ('heads',),
}
_WHO = {'some_worker': 'some worker', 'given_worker': 'a given worker'}


def whole(figures: Mapping[str, Any], photos: Sequence[Photo]) -> Chapter:
    """Things, people and heads that lie whole with one worker."""
    title, anchor = 'Whole with one worker', 'content'
    found = told.inner(figures, 'content')
    if not found:
        return Chapter(title, anchor, (ABSENT,), photos)
    words = (
        'A thing that is smaller than a window often lies within one. The split hides the scene, '
        'not the patch.'
    )
    blocks: list[Block] = [*_counted(found), *photos, *_detected(found), *_asked(found)]
    paragraphs = [words]
    if not told.groups(found, 'workers'):
        paragraphs.append(
            'Whole things were not measured: only images with label maps tell where they are.'
        )
    return Chapter(title, anchor, paragraphs, blocks)


def _counted(found: Mapping[str, Any]) -> list[Block]:
    by_count = told.groups(found, 'workers')
    if not by_count:
        return _tracked(found)
    own = told.inner(by_count, _OWN)
    present = {name: path for name, path in _KINDS.items() if told.inner(own, *path)}
    series = [
        Series(
            words,
            [told.value(own, *path, who) for path in present.values()],
            [told.error(own, *path, who) for path in present.values()],
        )
        for who, words in _WHO.items()
    ]
    names = [
        f'{name} ({told.number(told.value(own, *path, "count"), 0)})'
        for name, path in present.items()
    ]
    chart = Chart('Whole with one worker', names, series, 'share of them', most=1.0)
    others = [name for name in by_count if name != _OWN]
    rows = [
        (
            name,
            told.share(told.known(own, *path, 'some_worker')),
            *(told.share(told.known(by_count, k, *path, 'given_worker')) for k in others),
        )
        for name, path in present.items()
    ]
    head = ('what', 'some worker', *(f'a given one of {k}' for k in others))
    return [
        bars(chart, f'Share that lies whole ({_share(found)} of the pixels). {_NUMBERS}'),
        Table('Share that lies whole, by the number of workers.', head, rows),
        *_tracked(found),
    ]


_NUMBERS = 'In brackets their number; whiskers are standard errors over images.'


def _share(found: Mapping[str, Any]) -> str:
    return f'at least {told.share(told.known(found, "whole_share"))}'


def _tracked(found: Mapping[str, Any]) -> list[Block]:
    by_count = told.groups(found, 'tracks', 'workers')
    rows = [
        (
            'your workers' if name == _OWN else f'{name} workers',
            *(told.share(told.known(each, who)) for who in _WHO),
        )
        for name, each in by_count.items()
    ]
    count = told.number(told.value(found, 'tracks', 'count'), 0)
    frames = told.number(told.value(found, 'tracks', 'followed_frames'), 0)
    caption = (
        f'In front of a camera that stands still: {count} things that moved for {frames} frames '
        'and more, and the share of them that was whole at some time.'
    )
    head = ('', 'with some worker', 'with a given one')
    return [Table(caption, head, rows)] if rows else []


def _detected(found: Mapping[str, Any]) -> list[Block]:
    rows = [
        (
            f'{name.replace("_", " ")}, gaps filled by {fill}',
            told.number(told.value(each, 'in_full_pictures'), 0),
            *(told.share(told.known(view, who)) for who in _WHO),
        )
        for name, each in told.groups(found, 'detectors').items()
        for fill, view in told.groups(each, 'views').items()
    ]
    caption = (
        'What detectors find in the full pictures, and the share of it that they still find in '
        'what one worker sees.'
    )
    head = ('detector', 'in full pictures', 'with some worker', 'with a given one')
    return [Table(caption, head, rows)] if rows else []


def _asked(found: Mapping[str, Any]) -> list[Block]:
    scores = told.inner(found, 'unseen_masks', 'box_miou')
    things = told.number(told.value(found, 'unseen_masks', 'things'), 0)
    rows = [(name.replace('_', ' '), told.number(told.known(scores, name), 3)) for name in scores]
    caption = (
        f'What the model segments of {things} things of which a worker sees less than half: mean '
        'IoU under box prompts. A view that does not beat the box itself tells nothing.'
    )
    return [Table(caption, ('picture', 'mean IoU'), rows)] if rows else []
