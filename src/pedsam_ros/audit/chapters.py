"""The chapters of an audit's page, made of its figures and pictures, in the order of reading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pedsam_ros.audit import chapter_content, chapter_network, chapter_time, told
from pedsam_ros.audit.blocks import (
    ABSENT,
    Block,
    Chapter,
    Command,
    Photo,
    Points,
    Table,
    bars,
    curves,
)
from pedsam_ros.audit.charts import Chart, Series
from pedsam_ros.audit.verdict import own_workers

Photos = Mapping[str, Sequence[Photo]]
_GAIN = 'gain over a flat colour, dB'
LIMITS = (
    'An attack that fails here may be weak. A low leak is a statement about these attacks, not '
    'about those of tomorrow.',
    'No generative model guesses what is hidden, unless its weights were given with --attacker. '
    'The detectors of faces and persons are old and weak.',
    'The figures hold for this model, these images, this number of workers and this seed.',
    'Standard errors tell the chance of the images, and nothing about other kinds of scenes.',
    'Whatever lies inside one window is seen by its worker. No placement changes that; regions '
    'and local windows do.',
    'A gain in dB is a mean over pixels. A face that is guessed well counts as little as a wall.',
    'The adversary here keeps to the rules and only looks. One that also lies, stops or floods is '
    'the subject of the tests of faults, not of this page.',
)


def chapters(figures: Mapping[str, Any], photos: Photos) -> list[Chapter]:
    """All chapters. One without figures says so."""
    return [
        chapter_time.over_time(figures, photos.get('over_time', ())),
        _pictures(photos.get('single_frame', ())),
        chapter_content.whole(figures, photos.get('content', ())),
        _together(figures, photos.get('coalitions', ())),
        _counts(figures),
        chapter_network.way_back(figures, photos.get('return_path', ())),
        chapter_network.side_channels(figures, photos.get('side_channels', ())),
        _attacks(figures),
        Chapter('What this cannot show', 'limits', (), (Points(LIMITS),)),
        _commands(figures),
    ]


def _pictures(photos: Sequence[Photo]) -> Chapter:
    words = 'What an adversary has, what it makes of it, and how far off it is.'
    return Chapter('One frame in pictures', 'pictures', (words if photos else ABSENT,), photos)


def _together(figures: Mapping[str, Any], photos: Sequence[Photo]) -> Chapter:
    by_count = told.counted(figures, 'coalitions', 'workers')
    title = 'Workers that join'
    if not by_count:
        return Chapter(title, 'coalitions', (ABSENT,))
    sizes = sorted({size for each in by_count.values() for size in told.counted(each)}, key=int)
    seen = [
        Series(f'of {count}', [told.value(by_count, count, size, 'share_seen') for size in sizes])
        for count in by_count
    ]
    chart = Chart(title, [float(size) for size in sizes], seen, 'share seen', 'that join', most=1)
    own = own_workers(figures)
    rows = [
        (
            f'{size} of {own}',
            told.share(told.known(each, 'share_seen')),
            *_rest(each),
        )
        for size, each in told.counted(by_count, own).items()
    ]
    head = ('workers that join', 'see', 'guess of the rest', 'SSIM of the rest')
    caption = 'What coalitions see of one frame, and how well they guess the rest.'
    blocks: Sequence[Block] = (
        curves(chart, 'Share of one frame that some workers see together, by their number.'),
        Table(f'{caption} {_attack_of(figures)}', head, rows),
        *photos,
    )
    return Chapter(title, 'coalitions', ('Nothing stops workers from joining.',), blocks)


def _rest(figures: Mapping[str, Any]) -> tuple[str, str]:
    """How well the rest is guessed, if there is any."""
    seen = told.value(figures, 'share_seen')
    if seen is not None and seen >= 1:
        return 'nothing is left', ''
    gain, like = told.known(figures, 'gain_db'), told.known(figures, 'ssim')
    return told.gain(gain), told.number(like)


def _attack_of(figures: Mapping[str, Any]) -> str:
    attack = told.at(figures, 'coalitions', 'attack')
    return f'Attack: {attack}.' if isinstance(attack, str) else ''


def _counts(figures: Mapping[str, Any]) -> Chapter:
    by_count = told.counted(figures, 'single_frame', 'workers')
    later = told.counted(figures, 'over_time', 'workers')
    title, anchor = 'Two to eight workers', 'workers'
    if not by_count and not later:
        return Chapter(title, anchor, (ABSENT,))
    blocks = [*_shares_by_count(by_count, later), *_gains_by_count(by_count)]
    words = 'What the number of workers changes, for one worker alone.'
    return Chapter(title, anchor, (words,), blocks)


def _shares_by_count(by_count: Mapping[str, Any], later: Mapping[str, Any]) -> list[Block]:
    counts = sorted({*by_count, *later}, key=int)
    series = [_series('one frame', by_count, counts, 'share_seen')]
    if later:
        series.append(_series('after a moving camera', later, counts, 'all_frames'))
        series.append(_series('the largest of them', later, counts, 'all_frames_largest'))
    places = [float(count) for count in counts]
    chart = Chart('Share that one worker sees', places, series, 'share seen', 'workers', most=1)
    caption = 'Share of the present view that one worker has, by the number of workers.'
    return [curves(chart, f'{caption} Whiskers are standard errors.')]


def _gains_by_count(by_count: Mapping[str, Any]) -> list[Block]:
    places = [float(count) for count in by_count]
    series = [
        _series(name, by_count, by_count, 'attacks', name, 'gain_db')
        for name in ('nearest', 'harmonic', 'learned')
        if any(told.inner(each, 'attacks', name) for each in by_count.values())
    ]
    chart = Chart('Gain of one worker', places, series, _GAIN, 'workers')
    caption = (
        'How much better than a flat colour one worker guesses the rest of one frame, by the '
        'number of workers. Whiskers are standard errors.'
    )
    return [curves(chart, caption)] if series else []


def _series(name: str, by_count: Any, counts: Iterable[str], *path: str) -> Series:
    found = [told.known(by_count, count, *path) for count in counts]
    means = [None if each is None else each.mean for each in found]
    return Series(name, means, [None if each is None else each.error for each in found])


def _attacks(figures: Mapping[str, Any]) -> Chapter:
    own = told.inner(figures, 'single_frame', 'workers', own_workers(figures))
    attacks, references = told.groups(own, 'attacks'), told.groups(own, 'references')
    if not attacks:
        return Chapter('All attacks on one frame', 'attacks', (ABSENT,))
    ranked = sorted(attacks, key=lambda name: told.value(attacks, name, 'gain_db') or 0.0)
    gains = Series(
        'gain',
        [told.value(attacks, name, 'gain_db') for name in ranked],
        [told.error(attacks, name, 'gain_db') for name in ranked],
    )
    names = [name.replace('_', ' ') for name in ranked]
    chart = Chart('Gain of each attack', names, [gains], _GAIN)
    rows = [_attack_row(name, attacks[name]) for name in reversed(ranked)]
    rows += [_attack_row(f'reference: {name}', each) for name, each in references.items()]
    head = ('attack', 'gain', 'PSNR', 'SSIM', 'CPU time of a view')
    near = [_distance_row(name, attacks[name]) for name in reversed(ranked)]
    return Chapter(
        'All attacks on one frame',
        'attacks',
        ('Only what the worker does not see is judged.',),
        (
            bars(chart, 'Gain of each attack over a flat colour. Whiskers are standard errors.'),
            Table(f'Attacks and references, for {own_workers(figures)} workers.', head, rows),
            Table('Gain by the distance from the nearest seen pixel.', _near_head(attacks), near),
        ),
    )


def _attack_row(name: str, figures: Any) -> tuple[str, ...]:
    return (
        name.replace('_', ' '),
        told.gain(told.known(figures, 'gain_db')),
        told.db(told.known(figures, 'psnr_db')),
        told.number(told.known(figures, 'ssim')),
        '' if name.startswith('reference') else told.time(told.known(figures, 'cpu_s')),
    )


def _bands(attacks: Mapping[str, Any]) -> list[str]:
    return list(told.inner(next(iter(attacks.values())), 'gain_by_distance_db'))


def _near_head(attacks: Mapping[str, Any]) -> list[str]:
    bands = [each.removesuffix('_px').replace('_', ' ') for each in _bands(attacks)]
    return ['attack', *(f'{each} px'.replace(' ', '\u2013', each[:1].isdigit()) for each in bands)]


def _distance_row(name: str, figures: Any) -> list[str]:
    bands = told.inner(figures, 'gain_by_distance_db')
    return [name.replace('_', ' '), *(told.gain(told.known(bands, each)) for each in bands)]


def _commands(figures: Mapping[str, Any]) -> Chapter:
    whole = told.at(figures, 'command')
    blocks: list[Block] = []
    if isinstance(whole, str):
        blocks.append(Command('The whole audit:', whole))
    for name, each in figures.items():
        if isinstance(command := told.at(each, 'command'), str):
            took = told.time(told.known(each, 'took_s'))
            blocks.append(Command(f'{name.replace("_", " ")} alone ({took}):', command))
    machine, versions = told.inner(figures, 'machine'), told.inner(figures, 'versions')
    facts = ' \u00b7 '.join(f'{name} {each}' for name, each in {**machine, **versions}.items())
    return Chapter('Commands and versions', 'commands', (facts,), blocks)
