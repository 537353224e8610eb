"""More chapters of an audit's page: what takes time, content, or a look at the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pedsam_ros.audit import told
from pedsam_ros.audit.blocks import Block, Chapter, Photo, Table, bars
from pedsam_ros.audit.charts import Chart, Series

_ABSENT = 'Not measured: the section did not run, or it found nothing.'


def over_time(figures: Mapping[str, Any], photos: Sequence[Photo]) -> Chapter:
    """What a camera that moves shows to a worker in time."""
    return Chapter('A camera that moves', 'over_time', (_ABSENT,), photos)


def whole(figures: Mapping[str, Any], photos: Sequence[Photo]) -> Chapter:
    """Things, people and heads that lie whole with one worker."""
    return Chapter('Whole with one worker', 'content', (_ABSENT,), photos)


def way_back(figures: Mapping[str, Any], photos: Sequence[Photo]) -> Chapter:
    """What embeddings show of their windows."""
    title, anchor = 'The way back', 'return_path'
    dtypes = told.groups(figures, 'return_path', 'dtypes')
    references = told.groups(figures, 'return_path', 'references')
    if not dtypes:
        return Chapter(title, anchor, (_ABSENT,), photos)
    attacks = list(dict.fromkeys(name for each in dtypes.values() for name in each))
    series = [
        Series(
            dtype,
            [told.value(each, name, 'psnr_db') for name in attacks],
            [told.error(each, name, 'psnr_db') for name in attacks],
        )
        for dtype, each in dtypes.items()
    ]
    marks = {
        name.replace('_', ' '): level
        for name, each in references.items()
        if (level := told.value(each, 'psnr_db')) is not None
    }
    chart = Chart('From embeddings to pixels', attacks, series, 'PSNR, dB', marks=marks)
    rows = [
        _back_row(f'{name}, {dtype}', each.get(name))
        for dtype, each in dtypes.items()
        for name in attacks
    ]
    rows += [_back_row(f'reference: {name}', each) for name, each in references.items()]
    words = (
        'Whoever opens an embedding sees its window. This holds for the worker, which has the '
        'window anyway; for others the seal on the way back is what protects the picture.'
    )
    blocks: Sequence[Block] = (
        bars(chart, 'How well pixels come out of embeddings, by the type they travel in.'),
        Table('From embeddings to pixels.', ('attack', 'PSNR', 'SSIM'), rows),
        *photos,
    )
    return Chapter(title, anchor, (words,), blocks)


def _back_row(name: str, figures: Any) -> tuple[str, str, str]:
    level, like = told.known(figures, 'psnr_db'), told.known(figures, 'ssim')
    return name, told.db(level), told.number(like)


def side_channels(figures: Mapping[str, Any], photos: Sequence[Photo]) -> Chapter:
    """What sizes and times tell to those who open nothing."""
    return Chapter('Sizes and times', 'side_channels', (_ABSENT,), photos)
