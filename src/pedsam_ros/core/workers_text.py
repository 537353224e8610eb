"""Pins a worker's key in the text of a workers.yaml, so that all else stays, comments included."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.foreign_text import parsed_yaml
from pedsam_ros.core.shown import shown
from pedsam_ros.core.workers_file import WorkerEntry, parse_workers

_NO_DOMAIN = -1  # the file does not say which domain the edge is in


def with_key(text: str, name: str, key: str) -> tuple[str, WorkerEntry]:
    """The text with `key` as the key of worker `name`, and that worker's entry.

    The same text comes back if the key stands there already. Raises ConfigError if the file
    breaks a rule, has no such worker or another key for it, or is written so that the key must be
    added by hand.
    """
    before = _parsed(text)
    if (worker := before.get(name)) is None:
        raise ConfigError(f'{name}: is none of its workers, {", ".join(before)}')
    if worker.key == key:
        return text, worker
    if worker.key:
        raise ConfigError(
            f'{name}: key={worker.key}: is another one; if the same operator has a new key, '
            f'write key: {key} and add the old one to former_keys: [{worker.key}]'
        )
    if owners := [other.name for other in before.values() if key in other.identities]:
        raise ConfigError(f'{name}: key={key}: is one of {owners[0]}, now or formerly')
    wanted = replace(worker, key=key)
    changed = _inserted(text, name, key)
    try:
        right = _parsed(changed) == {**before, name: wanted}
    except ConfigError:
        right = False
    if not right:
        raise ConfigError(f'{name}: add the line by hand: key: {key}')
    return changed, wanted


def _parsed(text: str) -> dict[str, WorkerEntry]:
    """The workers by their names. Raises ConfigError."""
    try:
        data = parsed_yaml(text)
    except ValueError as error:
        raise ConfigError(f'workers file: {error}') from None
    return {worker.name: worker for worker in parse_workers(data, _NO_DOMAIN)}


def _inserted(text: str, name: str, key: str) -> str:
    """The text with the key behind the worker's name, in the style of its entry."""
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:  # it is stricter than the fast loader
        raise ConfigError(f'workers file: {shown(error, 200)}') from None
    entry = _entry(root, name)
    fields = {of.value: (of, value) for of, value in entry.value}
    if 'key' in fields:  # its value is empty
        old = fields['key'][1]
        before = text[: old.start_mark.index]
        space = '' if before.endswith((' ', '"', "'")) else ' '
        return before + space + key + text[old.end_mark.index :]
    of, value = fields['name']
    end = value.end_mark.index
    if entry.flow_style:
        return f'{text[:end]}, key: {key}{text[end:]}'
    line = f'{" " * of.start_mark.column}key: {key}'
    end = text.find('\n', end)
    if end < 0:
        return f'{text}\n{line}'
    newline = '\r\n' if text[end - 1] == '\r' else '\n'
    return f'{text[: end + 1]}{line}{newline}{text[end + 1 :]}'


def _entry(root: Any, name: str) -> Any:
    """The node of the worker's entry in a file whose rules have been checked."""
    workers = next(value for key, value in root.value if key.value == 'workers')
    return next(
        entry
        for entry in workers.value
        if any(key.value == 'name' and value.value == name for key, value in entry.value)
    )
