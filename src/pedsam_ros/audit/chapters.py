"""The chapters of an audit's page, made of its figures and pictures, in the order of reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pedsam_ros.audit import chapters_more, told
from pedsam_ros.audit.blocks import Block, Chapter, Command, Photo, Points, Table, bars, curves
from pedsam_ros.audit.charts import Chart, Series
from pedsam_ros.audit.verdict import own_workers

Photos = Mapping[str, Sequence[Photo]]
_GAIN = 'gain over a flat colour, dB'
_ABSENT = 'Not measured: the section did not run, or it found nothing.'
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
        chapters_more.over_time(figures, photos.get('over_time', ())),
        _pictures(photos.get('single_frame', ())),
        chapters_more.whole(figures, photos.get('content', ())),
        _together(figures, photos.get('coalitions', ())),
        _counts(figures),
        chapters_more.way_back(figures, photos.get('return_path', ())),
        chapters_more.side_channels(figures, photos.get('side_channels', ())),
        _attacks(figures),
        Chapter('What this cannot show', 'limits', (), (Points(LIMITS),)),
        _commands(figures),
    ]


def _pictures(photos: Sequence[Photo]) -> Chapter:
    words = 'What an adversary has, what it makes of it, and how far off it is.'
    return Chapter('One frame in pictures', 'pictures', (words if photos else _ABSENT,), photos)


def _together(figures: Mapping[str, Any], photos: Sequence[Photo]) -> Chapter:
    by_count = told.counted(figures, 'coalitions', 'workers')
    title = 'Workers that join'
    if not by_count:
        return Chapter(title, 'coalitions', (_ABSENT,))
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
            told.gain(told.known(each, 'gain_db')),
            told.number(told.known(each, 'ssim')),
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


def _attack_of(figures: Mapping[str, Any]) -> str:
    attack = told.at(figures, 'coalitions', 'attack')
    return f'Attack: {attack}.' if isinstance(attack, str) else ''


def _counts(figures: Mapping[str, Any]) -> Chapter:
    by_count = told.counted(figures, 'single_frame', 'workers')
    counts = list(by_count)
    title, anchor = 'Two to eight workers', 'workers'
    if not counts:
        return Chapter(title, anchor, (_ABSENT,))
    places = [float(count) for count in counts]
    seen = Series('seen', [told.value(by_count, count, 'share_seen') for count in counts])
    names = [
        name
        for name in ('nearest', 'harmonic', 'learned')
        if any(told.value(by_count, count, 'attacks', name, 'gain_db') for count in counts)
    ]
    paths = [[(count, 'attacks', name, 'gain_db') for count in counts] for name in names]
    gains = [
        Series(
            name,
            [told.value(by_count, *path) for path in each],
            [told.error(by_count, *path) for path in each],
        )
        for name, each in zip(names, paths, strict=True)
    ]
    return Chapter(
        title,
        anchor,
        ('More workers see less each. How well they guess the rest falls more slowly.',),
        (
            curves(
                Chart('Share that one worker sees', places, [seen], 'share seen', 'workers'),
                'Share of one frame that one worker sees, by the number of workers.',
            ),
            curves(
                Chart('Gain of one worker', places, gains, _GAIN, 'workers'),
                'How much better than a flat colour one worker guesses the rest of one frame. '
                'Whiskers are standard errors.',
            ),
        ),
    )


def _attacks(figures: Mapping[str, Any]) -> Chapter:
    own = told.inner(figures, 'single_frame', 'workers', own_workers(figures))
    attacks, references = told.groups(own, 'attacks'), told.groups(own, 'references')
    if not attacks:
        return Chapter('All attacks on one frame', 'attacks', (_ABSENT,))
    ranked = sorted(attacks, key=lambda name: told.value(attacks, name, 'gain_db') or 0.0)
    gains = Series(
        'gain',
        [told.value(attacks, name, 'gain_db') for name in ranked],
        [told.error(attacks, name, 'gain_db') for name in ranked],
    )
    chart = Chart('Gain of each attack', ranked, [gains], _GAIN)
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
        name,
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
    return [name, *(told.gain(told.known(bands, each)) for each in bands)]


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
    facts = [f'{name}: {each}' for name, each in {**machine, **versions}.items()]
    return Chapter('Commands and versions', 'commands', (), (*blocks, Points(facts)))
