"""Says what is wrong with the ROS arguments of a process, where ROS only names a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

from pedsam_ros.core.foreign_text import parsed_yaml, read_bounded
from pedsam_ros.core.shown import shown


def explain(error: Exception, words: Sequence[str]) -> str:
    """The text of an error, and after it what to write for each parameter that ROS cannot read.

    `words` are those of the command line, with their --params-file and -p.
    """
    return '\n'.join([str(error), *(hint for where in _given(words) for hint in _hints(*where))])


def _given(words: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """The name of each parameter that the words give, and its value."""
    for option, word in pairwise(words):
        with suppress(OSError, ValueError):
            if option == '--params-file':
                yield from _leaves('', parsed_yaml(read_bounded(Path(word))))
            elif option in ('-p', '--param'):
                name, _, value = word.partition(':=')
                yield name, parsed_yaml(value)


def _leaves(name: str, content: Any) -> Iterator[tuple[str, Any]]:
    """The parameters of a params file, each without the name of its node."""
    if not isinstance(content, dict):
        yield name, content
        return
    for key, value in content.items():
        inside = '' if key == 'ros__parameters' else f'{name}.{key}'.lstrip('.')
        yield from _leaves(inside, value)


def _hints(name: str, value: Any) -> Iterator[str]:
    if value is None:
        yield f'{shown(name)}: has no value; leave it out, or write [] for an empty list'
    if isinstance(value, list) and len({type(item) for item in value}) > 1:
        yield f'{shown(name)}={shown(value)}: a list holds one type{_as_doubles(value)}'


def _as_doubles(value: list[Any]) -> str:
    with suppress(TypeError, ValueError, OverflowError):
        return f'; write {shown([float(item) for item in value], 200)}'
    return ''
