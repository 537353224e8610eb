"""Reads YAML and JSON of others within bounds: of bytes, depth, and what they may say.

A few hundred bytes of YAML with aliases can stand for gigabytes, and one that is nested deeply
crashes PyYAML's fast loader.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.shown import shown

MOST_BYTES = 2**18
_MAX_DEPTH = 50
_MERGE = '<<'
_LOADER: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)  # the other is slow
_NUMBER = re.compile(r'[-+]?[0-9.][0-9a-fA-Fox_:.+-]*')
_MAX_NUMBER = 64  # characters; YAML's 1:1:1... takes time that grows with the square


class _Loader(_LOADER):  # type: ignore[misc]
    """Refuses a key that stands twice in one mapping, where others keep the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping of a node. Raises ConstructorError."""
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        if len(mapping) < len(node.value):
            keys = Counter(self.construct_object(key, deep=True) for key, _ in node.value)
            raise yaml.constructor.ConstructorError(problem=_twice(keys))
        return mapping


def parsed_yaml(text: str | bytes, most_bytes: int = MOST_BYTES) -> Any:
    """What YAML holds, None if nothing.

    Raises ValueError if it is too large, cannot be read, is nested more than 50 deep, names a key
    twice, or has what no settings need: anchors, aliases, merges, tags, numbers of more than 64
    characters.
    """
    _check_size(text, most_bytes)
    try:
        _check_events(text)
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f'no YAML: {shown(_first_line(error), 200)}') from None
    except (ValueError, OverflowError, AttributeError, TypeError, KeyError, IndexError) as error:
        # PyYAML lets through what a strange date or number raises
        raise ValueError(f'no YAML: {shown(error, 200)}') from None


def parsed_json(text: str | bytes, most_bytes: int = MOST_BYTES) -> Any:
    """What JSON holds. Raises ValueError if it is too large, cannot be read, or names a key
    twice."""
    _check_size(text, most_bytes)
    try:
        return json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'no JSON: {shown(error, 200)}') from None


def read_json(file: Path, most_bytes: int) -> Any:
    """What a JSON file holds. Raises ConfigError, which names the file, if it cannot be read."""
    try:
        return parsed_json(read_bounded(file, most_bytes), most_bytes)
    except (OSError, ValueError) as error:
        raise ConfigError(f'{shown(file, 300)}: not readable: {shown(error, 200)}') from None


def read_bounded(file: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """The content of a regular file. Raises OSError, also if it is no file, larger, or empty."""
    if not file.is_file():
        raise OSError('is no file' if file.exists() else 'is not there')
    with file.open('rb') as opened:
        content = opened.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise OSError(f'is larger than {most_bytes} bytes')
    if not content.strip():
        raise OSError('is empty')
    return content


def _check_size(text: str | bytes, most_bytes: int) -> None:
    if len(text) > most_bytes:
        raise ValueError(f'over {most_bytes} bytes')


def _check_events(text: str | bytes) -> None:
    """Raises ValueError before anything is built."""
    depth = 0
    event: Any
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise ValueError(f'nested more than {_MAX_DEPTH} deep')
        if getattr(event, 'anchor', None) is not None:  # an alias has one, too
            raise ValueError(f'anchors and aliases are not read: {shown(event.anchor)}')
        if getattr(event, 'tag', None) is not None:
            raise ValueError(f'tags are not read: {shown(event.tag)}')
        if isinstance(event, yaml.ScalarEvent):
            _check_scalar(event.value)


def _check_scalar(value: str) -> None:
    if value == _MERGE:
        raise ValueError('merges are not read')
    if len(value) > _MAX_NUMBER and _NUMBER.fullmatch(value):
        raise ValueError(f'a number of {len(value)} characters: {shown(value)}')


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(_twice(Counter(key for key, _ in pairs)))
    return found


def _twice(keys: Counter[Any]) -> str:
    return f'{shown(keys.most_common(1)[0][0])} stands twice in one mapping'


def _first_line(error: Exception) -> str:
    return str(error).partition('\n')[0]
