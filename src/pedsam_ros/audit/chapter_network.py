"""The chapters on the network: the way back, and what sizes and times tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pedsam_ros.audit import told
from pedsam_ros.audit.blocks import ABSENT, Block, Chapter, Photo, Table, bars
from pedsam_ros.audit.charts import Chart, Series


def way_back(figures: Mapping[str, Any], photos: Sequence[Photo]) -> Chapter:
    """What embeddings show of their windows."""
    title, anchor = 'The way back', 'return_path'
    dtypes = told.groups(figures, 'return_path', 'dtypes')
    references = told.groups(figures, 'return_path', 'references')
    if not dtypes:
        return Chapter(title, anchor, (ABSENT,), photos)
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
        'Whoever opens embeddings can read pixels out of them, about as well as told here. The '
        'worker has the pixels anyway; from all others the seal keeps the embeddings.'
    )
    blocks: Sequence[Block] = (
        bars(chart, 'How well pixels come out of embeddings, by the type they travel in.'),
        Table('From embeddings to pixels.', ('attack', 'PSNR', 'SSIM'), rows),
        *photos,
    )
    return Chapter(title, anchor, (words,), blocks)


def _back_row(name: str, figures: Any) -> tuple[str, str, str]:
    level, like = told.known(figures, 'psnr_db'), told.known(figures, 'ssim')
    return name.replace('_', ' '), told.db(level), told.number(like)


def side_channels(figures: Mapping[str, Any], photos: Sequence[Photo]) -> Chapter:
    """What sizes and times tell to those who open nothing."""
    title, anchor = 'Sizes and times', 'side_channels'
    found = told.inner(figures, 'side_channels')
    if not told.groups(found):
        return Chapter(title, anchor, (ABSENT,), photos)
    padded = told.at(found, 'pad')
    state = {True: 'pads', False: 'does not pad'}.get(padded, 'may or may not pad')
    words = (
        f'An eavesdropper opens nothing, but sees how many messages go where, and how large they '
        f'are. This edge {state} its messages.'
    )
    blocks = [_sizes(found), *_regions(found), *_times(found), *photos, _avoided(found)]
    return Chapter(title, anchor, (words,), blocks)


def _sizes(found: Mapping[str, Any]) -> Table:
    rows = [
        (
            name,
            told.number(told.value(found, name, 'messages'), 0),
            told.bits(told.known(found, name, 'information_bits')),
            told.bits(told.known(found, name, 'information_by_chance_bits')),
        )
        for name in ('padded', 'unpadded')
    ]
    head = ('messages', 'number', 'their sizes tell', 'by chance')
    caption = 'What sizes tell of the detail in a window. 3 bits would tell it in eight levels.'
    return Table(caption, head, rows)


def _regions(found: Mapping[str, Any]) -> list[Block]:
    region = told.inner(found, 'region')
    worker, other = told.inner(region, 'worker'), told.inner(region, 'eavesdropper')
    right = told.share(told.known(worker, 'precision'))
    equal = told.at(other, 'all_domains_transcripts_equal')
    seen = {True: 'messages as without a region', False: 'messages differ from those without one'}
    rows = [
        ('a worker', told.share(told.known(worker, 'recall')), f'{right} of its guesses hold'),
        (
            'an eavesdropper',
            told.share(told.known(other, 'recall')),
            seen.get(equal, told.UNKNOWN) if isinstance(equal, bool) else told.UNKNOWN,
        ),
    ]
    caption = (
        'Who can tell which windows a region keeps on the edge: the share of them that is found. '
        'A worker opens its windows, and sees which are grey.'
    )
    return [Table(caption, ('who', 'finds', 'because'), rows)] if region else []


def _times(found: Mapping[str, Any]) -> list[Block]:
    times = told.inner(found, 'timing')
    rows = [
        ('messages of one frame take', told.time(told.known(times, 'burst_s'))),
        ('until those of the next frame', told.time(told.known(times, 'apart_s'))),
        (
            'correlation with the detail in a frame',
            told.number(told.known(times, 'correlation_with_detail')),
        ),
    ]
    caption = 'What the times of messages tell, between real processes.'
    return [Table(caption, ('', 'median'), rows)] if times else []


def _avoided(found: Mapping[str, Any]) -> Table:
    avoided = told.inner(found, 'avoided')
    jpeg, changed = told.inner(avoided, 'jpeg'), told.inner(avoided, 'only_changed_windows')
    rows = [
        ('JPEG: correlation of size with', 'detail', jpeg.get('correlation_with_detail')),
        ('', 'people', jpeg.get('correlation_with_people')),
        ('', 'motion', jpeg.get('correlation_with_motion')),
        ('changed windows only: motion', 'precision', changed.get('precision')),
        ('', 'recall', changed.get('recall')),
    ]
    cells = [(name, of, told.number(told.known(figure))) for name, of, figure in rows]
    caption = 'Designs that this package avoids, because sizes or presence of messages would talk.'
    return Table(caption, ('design', 'of what', 'figure'), cells)
