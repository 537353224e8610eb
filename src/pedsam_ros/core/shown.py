"""Makes text of others fit to be shown: in logs, errors, /diagnostics and on terminals.

Whoever writes a model_id, a file name or a YAML value chooses its length and its characters.
"""

from __future__ import annotations

import unicodedata
from array import array
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import date
from enum import Enum
from itertools import islice
from pathlib import PurePath
from typing import Any

MOST = 80  # characters, unless the caller wants others
_MOST_BITS = 512  # of a whole number; writing a longer one costs time
_DEPTH = 3  # of lists within lists
_SEEN_AS_BLANK = frozenset('\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0')
_SELECTORS = (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
_RIGHT_TO_LEFT = ('R', 'AL', 'AN')  # they swap the numbers and signs beside them
_TOLD_IN_FULL = (BaseException, PurePath, date, Enum, float, bool, type(None))


def shown(text: object, most: int = MOST) -> str:
    """Returns at most `most` characters of a text, each visible and harmless on one line.

    Control characters, line ends, surrogates, and characters that are invisible or run from right
    to left become escapes such as \\x1b. What is left out is counted in the last words. The text
    is cut first, so a long one costs no more than a short one. Bytes, numbers, lists and mappings
    are written as Python does, and other objects by their type. It never raises.
    """
    part, left = _cut(text, most)
    safe = part if part.isascii() and part.isprintable() else ''.join(map(_escaped, part))
    return f'{safe}... ({left} more)' if left else safe


def _cut(value: object, most: int) -> tuple[str, int]:
    """The first characters of a value as text, and how many characters, bytes or items follow."""
    if isinstance(value, str):
        return value[:most], max(0, len(value) - most)
    if isinstance(value, bytes | bytearray | memoryview):
        return repr(bytes(value[:most])), max(0, len(value) - most)
    written = _written(value, most, _DEPTH)
    return written[:most], max(0, len(written) - most)


def _written(value: object, most: int, depth: int) -> str:
    """A value as Python writes it; not much longer than `most` characters."""
    if isinstance(value, _TOLD_IN_FULL):
        return _told(value)
    if isinstance(value, int):
        bits = value.bit_length()
        return str(value) if bits <= _MOST_BITS else f'<a whole number of {bits} bits>'
    if isinstance(value, str | bytes | bytearray | memoryview):
        part, left = _cut(value, most)
        return (repr(part) if isinstance(value, str) else part) + (f'+{left}' if left else '')
    if isinstance(value, Mapping | Sequence | Set | array):
        return _listed(value, most, depth)
    return f'<{type(value).__name__}>'


def _listed(values: Any, most: int, depth: int) -> str:
    opening, closing = '{}' if isinstance(values, Mapping | Set) else '[]'
    if not depth:
        return f'{opening}...{closing}' if len(values) else opening + closing
    items, taken, size = [], 0, 0
    for item in _pairs(values, most, depth):
        items.append(item)
        taken, size = taken + 1, size + len(item)
        if size > most:
            break
    if left := len(values) - taken:
        items.append(f'and {left} more')
    return opening + ', '.join(items) + closing


def _pairs(values: Any, most: int, depth: int) -> Iterable[str]:
    room = max(8, most // 2)
    if isinstance(values, Mapping):
        for key, value in islice(values.items(), most):
            yield f'{_written(key, room, depth - 1)}: {_written(value, room, depth - 1)}'
    else:
        for value in islice(values, most):
            yield _written(value, room, depth - 1)


def _told(value: object) -> str:
    try:
        return str(value)
    except Exception:  # an exception may hold what has no text
        return f'<{type(value).__name__}>'


def _escaped(character: str) -> str:
    code = ord(character)
    harmless = (
        character.isprintable()
        and character not in _SEEN_AS_BLANK
        and unicodedata.bidirectional(character) not in _RIGHT_TO_LEFT
        and not any(code in each for each in _SELECTORS)
    )
    return character if harmless else character.encode('unicode_escape').decode('ascii')
