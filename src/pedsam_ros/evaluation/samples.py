"""The samples that models are judged by: images and their true segments, from any format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core.errors import BadImage, ConfigError
from pedsam_ros.core.files import read_image
from pedsam_ros.core.types import Pixels
from pedsam_ros.evaluation import rle
from pedsam_ros.evaluation.points import POINT_RULES

CLASSES = ('things', 'regions')  # countable objects; everything else


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Which segments count, and where the point of a point prompt lies. Raises ConfigError."""

    min_share: float = 0.002  # smallest area of a segment, as a share of the image's
    crowds: bool = False  # whether segments marked as crowds count
    point: str = 'farthest'  # one of points.POINT_RULES

    def __post_init__(self) -> None:
        if self.point not in POINT_RULES:
            raise ConfigError(f'point={self.point!r}: one of {", ".join(POINT_RULES)}')


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A segment as its source gives it; `pixels` (H, W) bool."""

    pixels: NDArray[np.bool_]
    thing: bool
    crowd: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """A segment that counts, with the point and the box of its prompts."""

    mask: rle.Rle
    area: int  # px
    thing: bool
    point: tuple[int, int]  # x, y of a pixel in it
    box: tuple[int, int, int, int]  # x0, y0, x1, y1, px; x1 and y1 lie just outside the segment

    @property
    def of_class(self) -> str:
        """The segment's class, one of CLASSES."""
        return CLASSES[0] if self.thing else CLASSES[1]

    @property
    def share_of_box(self) -> float:
        """IoU of the segment with its own box: the score of a model that answers with the box."""
        x0, y0, x1, y1 = self.box
        return self.area / ((x1 - x0) * (y1 - y0))


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """An image with the segments that count."""

    name: str
    source: str
    path: Path
    height: int
    width: int
    segments: tuple[Segment, ...]
    skipped: Mapping[str, int]  # reason -> number of segments that do not count

    def rgb(self) -> Pixels:
        """(H, W, 3) uint8 RGB. Raises BadImage if it cannot be read or has another size."""
        rgb = read_image(self.path, as_stored=True)  # labels are drawn on unturned images
        check_size(self.path, rgb.shape[:2], (self.height, self.width))
        return rgb


def check_size(path: Path, found: tuple[int, ...], wanted: tuple[int, int]) -> None:
    """Raises BadImage unless an image's size, (H, W), is the one its labels are for."""
    if tuple(found) != wanted:
        (height, width), (h, w) = wanted, found
        raise BadImage(f'{path}: {w}x{h} px, its labels are for {width}x{height}')


def choose(shapes: Iterable[Shape], rules: Rules) -> tuple[tuple[Segment, ...], Counter[str]]:
    """The shapes that count, and the number of others by reason: crowd, empty or small."""
    kept, skipped = [], Counter[str]()
    for shape in shapes:
        reason = _refusal(shape, rules)
        if reason:
            skipped[reason] += 1
        else:
            kept.append(_segment(shape, rules))
    return tuple(kept), skipped


def _refusal(shape: Shape, rules: Rules) -> str:
    """Why a shape does not count; empty if it counts."""
    area = np.count_nonzero(shape.pixels)
    if shape.crowd and not rules.crowds:
        return 'crowd'
    if not area:
        return 'empty'
    return 'small' if area < rules.min_share * shape.pixels.size else ''


def _segment(shape: Shape, rules: Rules) -> Segment:
    mask = rle.mask_of(shape.pixels)
    x, y, width, height = mask.box
    return Segment(
        mask=rle.encode(shape.pixels),
        area=mask.area,
        thing=shape.thing,
        point=POINT_RULES[rules.point](shape.pixels),
        box=(x, y, x + width, y + height),
    )
