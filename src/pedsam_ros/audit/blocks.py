"""What a page is made of: chapters of drawings, photographs, tables, points and commands."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import cv2
import numpy as np
from markupsafe import Markup

from pedsam_ros.audit import charts
from pedsam_ros.audit.section import Exhibit

ABSENT = 'Not measured: the section did not run, or it found nothing.'
_MOST_PX = 1536  # longest side of a photograph
_MOST_HIGH_PX = 420  # of a photograph on the page
_STRIP = 2.2  # width over height from which on it holds several pictures side by side
_QUALITIES = (88, 75, 60, 40)  # of JPEG, the best first
_NARROW = 58  # characters of a line
_MOST_BYTES = 4_000_000  # of all photographs of a page, before base64


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart. The SVG is our own; every text in it is escaped."""

    svg: Markup
    caption: str


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture inside the page."""

    uri: str
    caption: str
    width: int
    height: int

    @property
    def strip(self) -> bool:
        """Whether it is too wide to be read on a phone without scrolling."""
        return self.width > _STRIP * self.height

    @property
    def most_px(self) -> int:
        """The width up to which it may be shown: twice its own, and no higher than a screen."""
        return round(min(2 * self.width, _MOST_HIGH_PX * self.width / self.height))


@dataclass(frozen=True, slots=True)
class Table:
    """Cells of text; the first of a row is its name. `marked` are numbers of rows to stress."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    marked: frozenset[int] = frozenset()

    @property
    def narrow(self) -> bool:
        """Whether it fits beside a drawing."""
        columns = [
            max(map(len, each), default=0) for each in zip(self.head, *self.rows, strict=False)
        ]
        return sum(columns) + 2 * len(columns) < _NARROW


@dataclass(frozen=True, slots=True)
class Points:
    """A list of sentences."""

    points: Sequence[str]


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, and what it makes."""

    what: str
    command: str


Block: TypeAlias = Drawing | Photo | Table | Points | Command


@dataclass(frozen=True, slots=True)
class Chapter:
    """A heading with what stands below it."""

    title: str
    anchor: str
    paragraphs: Sequence[str] = ()
    blocks: Sequence[Block] = field(default_factory=tuple)


def curves(chart: charts.Chart, caption: str) -> Drawing:
    """A drawing of curves."""
    return Drawing(Markup(charts.curves(chart)), caption)


def bars(chart: charts.Chart, caption: str) -> Drawing:
    """A drawing of bars."""
    return Drawing(Markup(charts.bars(chart)), caption)


def photos(exhibits: Mapping[str, Sequence[Exhibit]]) -> dict[str, list[Photo]]:
    """The exhibits of each section as JPEG, all of them together at most 4 MB if they can be."""
    packed: dict[str, list[tuple[bytes, Exhibit]]] = {}
    for quality in _QUALITIES:
        packed = {
            name: [(_jpeg(each, quality), each) for each in some]
            for name, some in exhibits.items()
        }
        if sum(len(data) for some in packed.values() for data, _ in some) <= _MOST_BYTES:
            break
    return {name: [_photo(*each) for each in some] for name, some in packed.items()}


def numbered(chapters: Sequence[Chapter]) -> list[list[tuple[Block, int]]]:
    """The blocks of each chapter with their numbers. Figures and tables are counted apart."""
    figures, tables = 0, 0
    found = []
    for chapter in chapters:
        own: list[tuple[Block, int]] = []
        for block in chapter.blocks:
            figures += isinstance(block, Drawing | Photo)
            tables += isinstance(block, Table)
            own.append((block, tables if isinstance(block, Table) else figures))
        found.append(own)
    return found


def _jpeg(exhibit: Exhibit, quality: int) -> bytes:
    rgb = exhibit.rgb
    scale = _MOST_PX / max(rgb.shape[:2])
    if scale < 1:
        size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    return cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def _photo(jpeg: bytes, exhibit: Exhibit) -> Photo:
    height, width = exhibit.rgb.shape[:2]
    uri = 'data:image/jpeg;base64,' + base64.b64encode(jpeg).decode()
    return Photo(uri, exhibit.caption, width, height)
