"""Reads COCO's format, val2017/ and annotations/instances_val2017.json, with COCO's own tools."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from pycocotools.coco import COCO

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.foreign_text import parsed_json, read_bounded
from pedsam_ros.core.shown import shown, written
from pedsam_ros.evaluation import rle
from pedsam_ros.evaluation.samples import Rules, Sample, Shape, choose

SPLIT = 'val2017'
SOURCE = 'coco_val2017'
_MOST_BYTES = 2**28  # that of val2017 has 20 MB
_MOST_SIDE = 4096  # px of an image
PUBLISHED = Rules(min_share=0.0, crowds=True, point='centre')  # of SAM's published figure


def read_coco(folder: Path, rules: Rules, limit: int | None = None) -> Iterator[Sample]:
    """Yields the images that have a segment that counts, by rising id, at most `limit` of them.

    Raises ConfigError if the annotations cannot be read or break COCO's rules.
    """
    path = folder / 'annotations' / f'instances_{SPLIT}.json'
    annotations, taken = _annotations(path), 0
    image_ids = annotations.getImgIds()
    if wrong := [each for each in image_ids if type(each) is not int]:
        raise ConfigError(f'{path}: image {written(wrong[0])}: its id is no whole number')
    for image_id in sorted(image_ids):
        if taken == limit:
            return
        try:
            sample = _sample(folder / SPLIT, annotations, image_id, rules)
        except (
            KeyError,
            IndexError,
            TypeError,
            ValueError,
            AttributeError,
            OverflowError,
        ) as error:
            raise ConfigError(f'{path}: image {written(image_id)}: {shown(error, 200)}') from error
        if sample.segments:
            taken += 1
            yield sample


def _annotations(path: Path) -> Any:
    """COCO's index of an annotation file. Raises ConfigError."""
    index = COCO()
    try:
        index.dataset = parsed_json(read_bounded(path, _MOST_BYTES), _MOST_BYTES)
        if not {'images', 'annotations'} <= index.dataset.keys():
            raise ValueError('no images or no annotations in it')
        with redirect_stdout(io.StringIO()):
            index.createIndex()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        what = shown(error, 200)
        raise ConfigError(f'{path}: no annotations in the format of COCO: {what}') from error
    return index


def _sample(images: Path, annotations: Any, image_id: int, rules: Rules) -> Sample:
    image = annotations.imgs[image_id]
    size = image['height'], image['width']
    if not all(type(side) is int and 0 < side <= _MOST_SIDE for side in size):
        raise ValueError(f'a size of {written(size)} px')
    found = annotations.imgToAnns.get(image_id, ())
    for each in found:
        _check_segmentation(each['segmentation'], *size)
    shapes = (
        Shape(rle.decode(annotations.annToRLE(each)), True, bool(each.get('iscrowd', 0)))
        for each in found
    )
    segments, skipped = choose(shapes, rules)
    return Sample(str(image_id), SOURCE, images / image['file_name'], *size, segments, skipped)


def _check_segmentation(outline: Any, height: int, width: int) -> None:
    """pycocotools is written in C and trusts what it gets. Raises ValueError."""
    if isinstance(outline, list):
        for polygon in outline:
            if not all(
                type(each) in (int, float) and abs(each) <= 2 * _MOST_SIDE for each in polygon
            ):
                raise ValueError(f'polygon={written(polygon)}: not points near the image')
            if len(polygon) < 6 or len(polygon) % 2:
                raise ValueError(f'polygon of {len(polygon)} numbers: 6, 8, ... are expected')
        return
    if list(outline['size']) != [height, width]:
        raise ValueError(f'size={written(outline["size"])}: the image is {height}x{width}')
    counts = outline['counts']
    if isinstance(counts, list) and not (
        all(type(each) is int and each >= 0 for each in counts) and sum(counts) == height * width
    ):
        raise ValueError(f'run lengths {written(counts)}: not those of {height}x{width} px')
