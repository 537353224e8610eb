"""Makes text of others fit to be shown: in logs, errors, /diagnostics and on terminals.

Whoever writes a model_id, a file name or a YAML value chooses its length and its characters.
"""

from __future__ import annotations

import unicodedata
from array import array
from collections.abc import Iterable, Mapping, Sequence, Set
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
_TOLD_IN_FULL = (BaseException, PurePath, Enum, float, bool, type(None))


def shown(text: object, most: int = MOST) -> str:
    """Returns at most `most` characters of a text, each visible and harmless on one line.

    Control characters, line ends, surrogates, and characters that are invisible or run from right
    to left become escapes such as \\x1b. What is left out is counted in the last words. The text
    is cut first, so a long one costs no more than a short one. Other values than texts are
    `written`. It never raises.
    """
    if isinstance(text, str):
        return _safe(text[:most]) + _left(len(text) - most)
    return written(text, most)


def written(value: object, most: int = MOST) -> str:
    """Returns a value as Python writes it, cut and escaped like `shown`; a text is in quotes.

    Objects that are neither texts, bytes, numbers nor made of them are named by their type.
    """
    return _safe(_written(value, most, _DEPTH))


def _written(value: object, most: int, depth: int) -> str:
    if isinstance(value, _TOLD_IN_FULL) or type(value).__module__ == 'datetime':
        told = _told(value)
        return told[:most] + _left(len(told) - most)
    if isinstance(value, int):
        bits = value.bit_length()
        return str(value) if bits <= _MOST_BITS else f'<a whole number of {bits} bits>'
    if isinstance(value, str | bytes):
        return repr(value[:most]) + _left(len(value) - most)
    if isinstance(value, Mapping | Sequence | Set | array):
        return _listed(value, most, depth)
    return f'<{type(value).__name__}>'


def _listed(values: Any, most: int, depth: int) -> str:
    opening, closing = _brackets(values)
    if not depth:
        return f'{opening}...{closing}' if len(values) else opening + closing
    items, taken, size = [], 0, 0
    for item in _pairs(values, most, depth):
        items.append(item)
        taken, size = taken + 1, size + len(item) + 2
        if size > most:
            break
    if left := len(values) - taken:
        items.append(f'and {left} more')
    return opening + ', '.join(items) + closing


def _brackets(values: Any) -> tuple[str, str]:
    if isinstance(values, tuple):
        return '(', ',)' if len(values) == 1 else ')'
    return ('{', '}') if isinstance(values, Mapping | Set) else ('[', ']')


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


def _left(characters: int) -> str:
    return f'... ({characters} more)' if characters > 0 else ''


def _safe(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return ''.join(map(_escaped, text))


def _escaped(character: str) -> str:
    code = ord(character)
    harmless = (
        character.isprintable()
        and character not in _SEEN_AS_BLANK
        and unicodedata.bidirectional(character) not in _RIGHT_TO_LEFT
        and not any(code in each for each in _SELECTORS)
    )
    return character if harmless else character.encode('unicode_escape').decode('ascii')
