"""Whether an audit's attacks are strong enough to prove anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pedsam_ros.audit import told

_REFERENCE = 'harmonic'  # fill that anybody can write in ten lines


class Strength(Enum):
    """Of the best attack on one frame, against harmonic fill. The values are stable names."""

    STRONG = 'strong'
    WEAK = 'weak'  # weaker than the reference, so that low leaks mean nothing
    UNKNOWN = 'unknown'  # the section did not run


@dataclass(frozen=True, slots=True)
class Verdict:
    """The strength, with the names and the gains (dB over mean fill) that it rests on."""

    strength: Strength
    best: str = ''
    best_db: float | None = None
    reference_db: float | None = None

    @property
    def title(self) -> str:
        """A short sentence."""
        return {
            Strength.STRONG: 'The attacks are strong enough to count.',
            Strength.WEAK: 'This audit failed: its attacks are too weak to prove anything.',
            Strength.UNKNOWN: 'The strength of the attacks was not measured.',
        }[self.strength]

    @property
    def text(self) -> str:
        """What the strength rests on."""
        if self.strength is Strength.UNKNOWN:
            return 'The section single_frame compares them, where there is something to guess.'
        sign = 'not measurably' if self.strength is Strength.STRONG else 'clearly'
        best = f'The best other attack on one frame, {self.best}, '
        gains = f'{self.best_db:+.2f} dB against {self.reference_db:+.2f} dB'
        return f'{best}is {sign} weaker than harmonic fill: {gains} over a flat colour.'


def verdict_of(figures: Mapping[str, Any]) -> Verdict:
    """The verdict on the figures of an audit: on one frame, with the workers that it has."""
    section = told.inner(figures, 'single_frame')
    if not section:
        return Verdict(Strength.UNKNOWN)
    own = told.inner(figures, 'single_frame', 'workers', own_workers(figures), 'attacks')
    gains = {name: told.value(each, 'gain_db') for name, each in own.items()}
    reference_db = gains.pop(_REFERENCE, None)
    others = {name: gain for name, gain in gains.items() if gain is not None}
    best = max(others, key=lambda name: others[name], default='')
    best_db = others.get(best)
    weak = section.get('weak')
    if not isinstance(weak, bool) or best_db is None or reference_db is None:
        return Verdict(Strength.UNKNOWN)
    return Verdict(Strength.WEAK if weak else Strength.STRONG, best, best_db, reference_db)


def own_workers(figures: Mapping[str, Any]) -> str:
    """The number of the audited edge's workers, as a name in its figures."""
    count = told.value(figures, 'settings', 'workers')
    return '' if count is None else str(int(count))
