"""The pictures of the section on one frame: the truth, a view, what attacks make of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pedsam_ros.audit.attack import Picture, View
from pedsam_ros.audit.guessing import Guessed
from pedsam_ros.audit.section import Exhibit
from pedsam_ros.core.types import Pixels

MOST = 3  # stills that are shown
_GAP_PX = 4  # white, between pictures of a row


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """One still as one worker sees it, and a guess of each attack."""

    truth: Pixels
    view: View
    guesses: Mapping[str, Guessed]


def of(stills: Sequence[Still], best: str | None) -> list[Exhibit]:
    """One row a still with the strongest attack, and one row with every attack."""
    if best is None or not stills:
        return []
    rows = [_row(still, best) for still in stills]
    return [*rows, _all(stills[0])]


def _row(still: Still, best: str) -> Exhibit:
    guess = still.guesses[best]
    difference = np.abs(guess.picture - still.truth)
    rgb = beside([still.truth, still.view.pixels, _shown(guess.picture), _shown(difference)])
    seen = float(still.view.seen.mean())
    return Exhibit(
        rgb,
        f'The truth; what one worker sees ({seen:.0%}); the best guess of the rest ({best}); '
        f'the difference. The guess gains {_scores(guess)}.',
    )


def _all(still: Still) -> Exhibit:
    names = sorted(still.guesses, key=lambda name: still.guesses[name].gain_db)
    rgb = beside([still.view.pixels, *(_shown(still.guesses[name].picture) for name in names)])
    told = '; '.join(f'{name} {_scores(still.guesses[name])}' for name in names)
    return Exhibit(rgb, f'One view, and what each attack makes of it, the weakest first: {told}.')


def _scores(guess: Guessed) -> str:
    return f'{guess.gain_db:+.1f} dB over the mean fill, SSIM {guess.ssim:.2f}'


def _shown(picture: Picture) -> Pixels:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def beside(pictures: Sequence[Pixels]) -> Pixels:
    """Pictures of one height in a row."""
    gap = np.full((pictures[0].shape[0], _GAP_PX, 3), 255, np.uint8)
    parts = [part for picture in pictures for part in (picture, gap)][:-1]
    return np.concatenate(parts, 1)
