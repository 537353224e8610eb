"""The story of an audit in five lines, made of its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pedsam_ros.audit import told
from pedsam_ros.audit.headlines import best, last_of, padding
from pedsam_ros.audit.told import gain, mean_only, share
from pedsam_ros.audit.verdict import own_workers


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its figure, what it is about, and a sentence or two."""

    big: str
    about: str
    text: str

    @property
    def known(self) -> bool:
        """Whether its figure was measured."""
        return self.big != told.UNKNOWN


def lines(figures: Mapping[str, Any]) -> list[Line]:
    """The five lines. What was not measured is told so."""
    return [
        _one_frame(figures),
        _moving(figures),
        _together(figures),
        _whole(figures),
        _network(figures),
    ]


_LEAST_FOUND = 10  # detections, for a share of them


def _told(big: str, about: str, text: str) -> Line:
    """A line; without its figure, a text made of figures would say nothing."""
    return Line(big, about, '' if big == told.UNKNOWN else text)


def _short(figures: Any, *path: str) -> str:
    return share(mean_only(told.known(figures, *path)))


def strongest(attacks: Mapping[str, Any]) -> str:
    """The name of the attack with the largest gain; empty if none is known."""
    gains = {name: told.value(each, 'gain_db') for name, each in attacks.items()}
    known = {name: value for name, value in gains.items() if value is not None}
    return max(known, key=lambda name: known[name], default='')


def _one_frame(figures: Mapping[str, Any]) -> Line:
    own = told.inner(figures, 'single_frame', 'workers', own_workers(figures))
    best = strongest(told.inner(own, 'attacks'))
    about = 'Of one frame, one worker sees this share of the picture.'
    if not best:
        return _told(_short(own, 'share_seen'), about, 'No attack on the rest was measured.')
    by = told.known(own, 'attacks', best, 'gain_db')
    blur = told.known(own, 'references', 'blur_10', 'gain_db')
    text = (
        f'The best guess of the rest ({best}) is {gain(mean_only(by))} better than a flat colour. '
        f'A blur that leaves shapes readable would be {gain(mean_only(blur))}.'
    )
    return Line(_short(own, 'share_seen'), about, text)


def _moving(figures: Mapping[str, Any]) -> Line:
    found = told.inner(figures, 'over_time')
    own, alone = (told.inner(found, 'coverage', each) for each in ('true', 'by_itself'))
    end = last_of(own)
    camera = 'an ideal pan' if told.at(found, 'ideal') else 'a moving camera'
    about = (
        f'After {end or "some"} frames of {camera}, one worker was sent this share of the view.'
    )
    kept = told.inner(found, 'kept', 'workers')
    made = told.inner(found, 'reconstruction')
    before, after = (gain(told.value(made, key, 'gain_db')) for key in ('one_frame', 'panorama'))
    text = (
        f'Without help it puts {_short(alone, end)} together in the right place, and then guesses '
        f'what the present frame hides {after} better than a flat colour, instead of {before}. If '
        f'it keeps all frames, it has {_short(kept, "1", "all_frames")} of an earlier view. The '
        f'ledger of the edge says at most {_short(found, "ledger_largest_share")}.'
    )
    return _told(_short(own, end), about, text)


def _together(figures: Mapping[str, Any]) -> Line:
    count = own_workers(figures)
    own = told.inner(figures, 'coalitions', 'workers', count)
    about = f'Two of {count or "the"} workers together see this share of one frame.'
    by = told.known(own, '2', 'gain_db')
    guess = f'Their guess of the rest is {gain(mean_only(by))} better than a flat colour. '
    later = told.inner(figures, 'over_time', 'kept', 'workers', '2')
    moved = f'Of a moving view they have {_short(later, "earlier")}.' if later else ''
    text = (guess if by is not None else '') + moved
    return _told(_short(own, '2', 'share_seen'), about, text)


def _whole(figures: Mapping[str, Any]) -> Line:
    own = told.inner(figures, 'content', 'workers', 'own')
    kinds = {'heads': ('heads',), 'things': ('things', 'all')}
    for kind, path in kinds.items():
        if told.known(own, *path, 'some_worker') is not None:
            given = _short(own, *path, 'given_worker')
            about = f'Of the {kind}, this share lies whole with some worker.'
            count = told.number(told.value(own, *path, 'count'), 0)
            text = f'A given worker has {given}. {count} {kind} were counted.'
            return Line(_short(own, *path, 'some_worker'), about, text)
    about = 'How many things lie whole with one worker depends on the images.'
    faces = told.inner(figures, 'content', 'detectors', 'faces')
    all_faces = told.number(told.value(faces, 'in_full_pictures'), 0)
    seen = mean_only(best(told.groups(faces, 'views'), 'given_worker'))
    found = (
        f' Of {all_faces} faces that a detector finds in the full pictures, it still '
        f'finds {share(seen)} with a given worker.'
    )
    enough = seen is not None and (told.value(faces, 'in_full_pictures') or 0) >= _LEAST_FOUND
    text = 'Images with label maps are needed to tell.' + (found if enough else '')
    return Line(told.UNKNOWN, about, text)


def _network(figures: Mapping[str, Any]) -> Line:
    found = told.inner(figures, 'side_channels')
    pad = padding(figures)
    tells = told.bits(told.value(found, pad, 'information_bits'))
    about = f'So much does the size of a sealed message tell of its window ({pad}).'
    other = told.bits(told.value(found, 'unpadded', 'information_bits'))
    chance = told.bits(told.value(found, 'unpadded', 'information_by_chance_bits'))
    back = told.inner(figures, 'return_path')
    attacks = told.groups(back, 'dtypes', str(told.at(back, 'transport')))
    level = mean_only(best(attacks, 'psnr_db'))
    small = told.value(back, 'references', 'thumbnail_16px', 'psnr_db')
    text = f'Without padding it would be {other}, of which {chance} by chance.'
    if level is not None:
        text += (
            f' Whoever opens the way back gets the pixels at {told.db(level)}; a thumbnail of '
            f'16 px a window has {told.db(small)}.'
        )
    return _told(tells, about, text)
