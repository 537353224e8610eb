"""A part of the report: figures under stable names, and pictures with their captions.

A section is a module with `NAME` and `run(subject, bar)`. Curves and bars are drawn from the
figures by `report`, so that figures of two audits can be drawn side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pedsam_ros.core.types import Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Exhibit:
    """A picture, (H, W, 3) uint8 RGB. The caption says what it shows, with its figures."""

    rgb: Pixels
    caption: str


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """What a section found out. Figures hold only what JSON can hold; null is what is unknown."""

    figures: Mapping[str, Any]
    exhibits: Sequence[Exhibit] = field(default_factory=tuple)
