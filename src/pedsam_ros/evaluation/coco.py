"""Reads COCO's format, val2017/ and annotations/instances_val2017.json, with COCO's own tools."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from pycocotools.coco import COCO

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.evaluation import rle
from pedsam_ros.evaluation.samples import Rules, Sample, Shape, choose

SPLIT = 'val2017'
SOURCE = 'coco_val2017'
PUBLISHED = Rules(min_share=0.0, crowds=True, point='centre')  # of SAM's published figure


def read_coco(folder: Path, rules: Rules, limit: int | None = None) -> Iterator[Sample]:
    """Yields the images that have a segment that counts, by rising id, at most `limit` of them.

    Raises ConfigError if the annotations cannot be read or break COCO's rules.
    """
    path = folder / 'annotations' / f'instances_{SPLIT}.json'
    annotations, taken = _annotations(path), 0
    for image_id in sorted(annotations.getImgIds()):
        if taken == limit:
            return
        try:
            sample = _sample(folder / SPLIT, annotations, image_id, rules)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ConfigError(f'{path}: image {image_id}: {error!r}') from error
        if sample.segments:
            taken += 1
            yield sample


def _annotations(path: Path) -> Any:
    """COCO's index of an annotation file. Raises ConfigError."""
    index = COCO()
    try:
        index.dataset = json.loads(path.read_text())
        if not {'images', 'annotations'} <= index.dataset.keys():
            raise ValueError('no images or no annotations in it')
        with redirect_stdout(io.StringIO()):
            index.createIndex()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f'{path}: no annotations in the format of COCO: {error}') from error
    return index


def _sample(images: Path, annotations: Any, image_id: int, rules: Rules) -> Sample:
    image = annotations.imgs[image_id]
    shapes = (
        Shape(rle.decode(annotations.annToRLE(each)), True, bool(each.get('iscrowd', 0)))
        for each in annotations.imgToAnns.get(image_id, ())
    )
    segments, skipped = choose(shapes, rules)
    size = int(image['height']), int(image['width'])
    return Sample(str(image_id), SOURCE, images / image['file_name'], *size, segments, skipped)
