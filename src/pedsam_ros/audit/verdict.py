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
            return 'Run the section single_frame to compare them with harmonic fill.'
        sign = 'not weaker' if self.strength is Strength.STRONG else 'weaker'
        best = f'The best other attack on one frame, {self.best or "none"}, '
        gains = f'{told.gain(self.best_db)} against {told.gain(self.reference_db)}'
        return f'{best}is {sign} than harmonic fill: {gains} over a flat colour.'
