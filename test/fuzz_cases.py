"""Makes hostile input of honest input: bytes, texts, structures and the fields of messages.

A maker takes a random.Random and returns one case; equal states give equal cases.
"""

import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Maker = Callable[[random.Random], Any]
_MOST_ITEMS = 10**5  # of a list; one repeated three times would fill the memory by itself
INTEGERS: tuple[int, ...] = (
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    15,
    16,
    31,
    32,
    63,
    64,
    100,
    127,
    128,
    255,
    256,
    1000,
    4096,
)
INTEGERS += (32767, 32768, 65535, 65536, 10**6, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
HUGE = (2**32, 2**53, 2**63 - 1, 2**63, 2**64 - 1, 10**20, 10**400)
FLOATS = (0.0, -0.0, 1e-320, 1e-9, 0.5, 1.0, 1e9, 1e38, 1e300, math.inf, -math.inf, math.nan)
TEXTS: tuple[str, ...] = (
    '',
    ' ',
    '\0',
    '\n',
    '..',
    '/',
    '~nouser',
    'a' * 300,
    '\u202e',
    '\udcff',
    '\U000e0041',
)
TEXTS += (
    '0',
    '-1',
    '\uff11',
    '1e999',
    'nan',
    '<<',
    '&a',
    '*a',
    '!!python/name:os.system',
    '%s%n',
    'ü',
)
STEMS = (b'\0', b'\xff', b'\x00\x00\x00\x00', b'\xff\xff\xff\xff', b'[', b'{', b'"', b': ', b'\n')
_DEEP = 200


def of_bytes(seeds: Sequence[bytes], tokens: Sequence[bytes] = STEMS, most: int = 4) -> Maker:
    """Bytes with up to `most` changes: flips, cuts, splices, numbers, tokens, repetitions."""

    def make(rng: random.Random) -> bytes:
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.choice((1, 1, 1, most))):
            rng.choice(_CHANGES)(rng, data, seeds, tokens)
        return bytes(data)

    return make


def of_texts(seeds: Sequence[str], tokens: Sequence[str] = TEXTS) -> Maker:
    """Texts with changes; bytes that are no UTF-8 become lone surrogates."""
    packed = [seed.encode(errors='surrogateescape') for seed in seeds]
    stems = [*STEMS, *(token.encode(errors='surrogateescape') for token in tokens)]
    make = of_bytes(packed, stems)
    return lambda rng: make(rng).decode(errors='surrogateescape')


def of_values(seeds: Sequence[Any]) -> Maker:
    """Values as JSON has them, with up to three changes to their structure."""

    def make(rng: random.Random) -> Any:
        value = json.loads(json.dumps(rng.choice(seeds)))
        for _ in range(rng.choice((1, 1, 2, 3))):
            value = changed(rng, value)
        return value

    return make


def of_json(seeds: Sequence[Any]) -> Maker:
    """JSON texts: mostly of changed values, sometimes with changed bytes or nested deeply."""
    values = of_values(seeds)
    texts = of_texts([json.dumps(seed) for seed in seeds])

    def make(rng: random.Random) -> str:
        kind = rng.random()
        if kind < 0.3:
            return str(texts(rng))
        if kind < 0.32:
            return '[' * rng.choice((60, 5000, 100_000))
        if kind < 0.34:
            return '{"a":' * rng.choice((60, 5000)) + '1'
        return _dumped(values(rng))

    return make


def of_fields(seeds: Sequence[Mapping[str, Any]]) -> Maker:
    """The fields of a message, some changed; each keeps its type, numbers fit 32 bits."""

    def make(rng: random.Random) -> dict[str, Any]:
        fields = dict(rng.choice(seeds))
        for _ in range(rng.choice((1, 1, 2, 3))):
            name = rng.choice([*fields])
            fields[name] = field(rng, fields[name])
        return fields

    return make


def field(rng: random.Random, value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return rng.choice((*INTEGERS, abs(value + rng.choice((-2, -1, 1, 2))), value * 2))
    if isinstance(value, float):
        return rng.choice((*FLOATS, -value, value * 1e3))
    if isinstance(value, str):
        return of_texts([value])(rng)
    if isinstance(value, bytes):
        return of_bytes([value])(rng)
    if isinstance(value, list | tuple):
        items = list(value)
        cut = rng.choice((items[: rng.randint(0, len(items))], items * rng.choice((2, 3, 70))))
        return [field(rng, each) if rng.random() < 0.2 else each for each in cut[:_MOST_ITEMS]]
    if isinstance(value, dict):
        return {name: field(rng, each) for name, each in value.items()}
    return value


def changed(rng: random.Random, value: Any) -> Any:
    """A value with one change somewhere within."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = rng.choice([*value])
        how = rng.random()
        if how < 0.15:
            return {k: v for k, v in value.items() if k != key}
        if how < 0.3:
            return {**value, rng.choice(TEXTS): _leaf(rng)}
        return {**value, key: changed(rng, value[key])}
    if isinstance(value, list) and value and rng.random() < 0.8:
        place = rng.randrange(len(value))
        how = rng.random()
        if how < 0.15:
            return value[:place]
        if how < 0.3:
            return value * (rng.choice((2, 3, 100)) if len(value) < 1000 else 2)
        return [*value[:place], changed(rng, value[place]), *value[place + 1 :]]
    return _leaf(rng)


def _leaf(rng: random.Random) -> Any:
    nested: Any = []
    if rng.random() < 0.02:
        for _ in range(_DEEP):
            nested = [nested]
    numbers = (*INTEGERS, *HUGE, *(-each for each in INTEGERS))
    return rng.choice(
        (rng.choice(numbers), rng.choice(FLOATS), rng.choice(TEXTS), None, True, nested, {}, [[]])
    )


def _dumped(value: Any) -> str:
    try:
        return json.dumps(value)
    except ValueError:  # a number of too many digits for Python to write
        return '[' + '9' * 5000 + ']'


def _flip(rng: random.Random, data: bytearray, *_: Any) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _byte(rng: random.Random, data: bytearray, *_: Any) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.randrange(256)


def _number(rng: random.Random, data: bytearray, *_: Any) -> None:
    length = rng.choice((1, 2, 4, 8))
    value = rng.choice((*INTEGERS, *HUGE[:5])) % (1 << 8 * length)
    at = rng.randrange(len(data) + 1)
    data[at : at + length] = value.to_bytes(length, rng.choice(('little', 'big')))


def _cut(rng: random.Random, data: bytearray, *_: Any) -> None:
    begin = rng.randrange(len(data) + 1)
    del data[begin : rng.choice((len(data), begin + rng.randrange(64)))]


def _repeat(rng: random.Random, data: bytearray, *_: Any) -> None:
    begin = rng.randrange(len(data) + 1)
    part = data[begin : begin + rng.randrange(64)]
    data[begin:begin] = part * rng.choice((1, 2, 100))


def _token(
    rng: random.Random, data: bytearray, _: Sequence[bytes], tokens: Sequence[bytes]
) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.choice(tokens) * rng.choice((1, 1, 1, 50))


def _splice(rng: random.Random, data: bytearray, seeds: Sequence[bytes], *_: Any) -> None:
    other, at = rng.choice(seeds), rng.randrange(len(data) + 1)
    begin = rng.randrange(len(other) + 1)
    data[at:] = other[begin:]


def _head(rng: random.Random, data: bytearray, *_: Any) -> None:
    """Headers decide what the rest means."""
    head = data[:64]
    rng.choice((_flip, _byte, _number))(rng, head)
    data[:64] = head


_CHANGES: tuple[Callable[..., None], ...] = (
    *(_flip, _byte, _number, _cut, _repeat, _token, _splice),
    *(_head, _head),
)
