"""Reads our own format: SOURCE/NAME.jpg with its label map SOURCE/NAME.png, and index.json.

A label map is uint16: 0 means no segment, every other value is the id of one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core import pixels
from pedsam_ros.core.errors import BadImage, ConfigError
from pedsam_ros.core.foreign_text import read_json
from pedsam_ros.core.shown import shown, written
from pedsam_ros.evaluation.samples import Rules, Sample, Shape, check_size, choose

_IMAGE_KEYS = ('source', 'name', 'width', 'height', 'segments')
_MOST_BYTES = 2**26  # of an index.json
_FILE = r'[^/\0.][^/\0]{0,199}'  # within its folder
_SEGMENT_KEYS = ('id', 'thing')


def read_label_maps(folder: Path, rules: Rules, limit: int | None = None) -> Iterator[Sample]:
    """Yields the images that have a segment that counts, at most `limit` of each source.

    Raises ConfigError if the index breaks a rule, BadImage if a label map does.
    """
    taken = Counter[str]()
    for entry in _entries(folder / 'index.json'):
        if limit is not None and taken[entry['source']] >= limit:
            continue
        try:
            sample = _sample(folder, entry, rules)
        except (TypeError, ValueError, OverflowError, AttributeError) as error:
            raise ConfigError(f'{folder}: {shown(entry["name"])}: {shown(error, 200)}') from error
        if sample.segments:
            taken[sample.source] += 1
            yield sample


def sources_of(folder: Path) -> list[str]:
    """The sources that an index names, in its order. Raises ConfigError."""
    return list(dict.fromkeys(entry['source'] for entry in _entries(folder / 'index.json')))


def _entries(index: Path) -> list[dict[str, Any]]:
    """The images that an index.json lists. Raises ConfigError."""
    entries = read_json(index, _MOST_BYTES)
    if not isinstance(entries, list):
        raise ConfigError(f'{index}: a list of images is expected')
    for number, entry in enumerate(entries):
        _check_keys(f'{index}: image {number}', entry, _IMAGE_KEYS)
        for key in ('source', 'name'):
            if not (isinstance(entry[key], str) and re.fullmatch(_FILE, entry[key])):
                raise ConfigError(f'{index}: {key}={written(entry[key])}: no name of a file')
        if not isinstance(entry['segments'], list):
            raise ConfigError(f'{index}: {shown(entry["name"])}: segments: a list is expected')
        for segment in entry['segments']:
            _check_keys(f'{index}: {shown(entry["name"])}: segment', segment, _SEGMENT_KEYS)
    return entries


def _check_keys(what: str, entry: Any, keys: tuple[str, ...]) -> None:
    missing = [key for key in keys if not isinstance(entry, Mapping) or key not in entry]
    if missing:
        raise ConfigError(f'{what}: has no {missing[0]!r}; needed are {", ".join(keys)}')


def _sample(folder: Path, entry: Mapping[str, Any], rules: Rules) -> Sample:
    stem = folder / entry['source'] / entry['name']
    size = int(entry['height']), int(entry['width'])
    labels = _labels(stem.with_name(stem.name + '.png'), size)
    shapes = (_shape(labels, segment, stem) for segment in entry['segments'])
    segments, skipped = choose(shapes, rules)
    photo = stem.with_name(stem.name + '.jpg')
    return Sample(entry['name'], entry['source'], photo, *size, segments, skipped)


def _labels(path: Path, size: tuple[int, int]) -> NDArray[np.uint16]:
    """(H, W) uint16: a label map. Raises BadImage if the file is not one, or has another size."""
    try:
        data = path.read_bytes()  # OpenCV crashes if a name is no UTF-8
        pixels.header(data)  # is bounded
        labels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except (OSError, BadImage, cv2.error) as error:
        raise BadImage(f'{shown(path, 300)}: no label map: {shown(error, 200)}') from None
    if labels is None:
        raise BadImage(f'{shown(path, 300)}: no label map that can be read')
    if labels.ndim != 2 or labels.dtype not in (np.uint8, np.uint16):
        raise BadImage(f'{path}: {labels.dtype} of {labels.shape}: (H, W) uint16 is expected')
    check_size(path, labels.shape, size)
    return labels.astype(np.uint16)


def _shape(labels: NDArray[np.uint16], segment: Mapping[str, Any], stem: Path) -> Shape:
    chosen = labels == segment['id']
    crowd = bool(segment.get('crowd', False))
    if not crowd and not chosen.any():
        raise ConfigError(f'{stem}.png: has no pixel of id={segment["id"]}, which the index names')
    return Shape(chosen, bool(segment['thing']), crowd)
