"""Reads YAML from strangers: PyYAML's fast loader crashes on deep nesting, the other is slow."""

from __future__ import annotations

from typing import Any

import yaml

_LOADER: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
_MAX_DEPTH = 50
_MERGE = '<<'  # a few lines of merged mappings can stand for gigabytes


def parsed(text: str | bytes) -> Any:
    """What YAML holds. Raises ValueError if it cannot be read, or no tool would write it."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            merges = isinstance(event, yaml.ScalarEvent) and event.value == _MERGE
            if depth > _MAX_DEPTH or merges:
                raise ValueError('merged or deeply nested')
        return yaml.load(text, Loader=_LOADER)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f'no YAML: {str(error).partition(chr(10))[0]}') from error
