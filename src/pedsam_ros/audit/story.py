"""The story of an audit in five lines, made of its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pedsam_ros.audit import told
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
        return Line(_short(own, 'share_seen'), about, 'No attack on the rest was measured.')
    by = told.known(own, 'attacks', best, 'gain_db')
    blur = told.known(own, 'references', 'blur_10', 'gain_db')
    text = (
        f'The best guess of the rest ({best}) is {gain(by)} better than a flat colour. A blur '
        f'that leaves shapes readable would be {gain(mean_only(blur))}.'
    )
    return Line(_short(own, 'share_seen'), about, text)


def _moving(figures: Mapping[str, Any]) -> Line:
    return Line(told.UNKNOWN, 'When the camera moves.', '')


def _together(figures: Mapping[str, Any]) -> Line:
    count = own_workers(figures)
    own = told.inner(figures, 'coalitions', 'workers', count)
    about = f'Two of {count or "the"} workers together see this share of one frame.'
    by = told.known(own, '2', 'gain_db')
    text = f'Their guess of the rest is {gain(by)} better than a flat colour.'
    return Line(_short(own, '2', 'share_seen'), about, text)


def _whole(figures: Mapping[str, Any]) -> Line:
    return Line(told.UNKNOWN, 'Whole with one worker.', '')


def _network(figures: Mapping[str, Any]) -> Line:
    return Line(told.UNKNOWN, 'The network.', '')
