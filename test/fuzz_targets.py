"""What `python test/fuzz.py` throws hostile input at: every decoder of bytes from outside.

A new one takes a function with a decorator:

    @target('name', of_json([{'version': 1}]), ConfigError)
    def _(case: str) -> None:
        Thing.from_json(case)
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from fuzz_cases import Maker, of_bytes, of_fields, of_json, of_texts, of_values

from pedsam_ros.core import codec, exposure_record, foreign_text, pictures
from pedsam_ros.core.architecture import ARCHITECTURES, Architecture
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import BadBatch, BadMasks, BadPrompt, ConfigError
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.prompts import prompts_from_flat, sift
from pedsam_ros.core.run_lengths import run_lengths
from pedsam_ros.core.settings import settings_of
from pedsam_ros.core.shown import shown, written
from pedsam_ros.core.types import FrameKey, Mask, Masks
from pedsam_ros.core.workers_file import parse_workers

Decode = Callable[[Any], None]


@dataclass(frozen=True)
class Target:
    """A decoder: how its cases are made, what it may raise, how much memory it may take."""

    name: str
    make: Maker
    errors: tuple[type[Exception], ...]
    decode: Decode
    most_mb: int


TARGETS: dict[str, Target] = {}


def target(
    name: str, make: Maker, *errors: type[Exception], most_mb: int = 64
) -> Callable[[Decode], Decode]:
    """Registers a function that decodes one case. It may raise `errors` and nothing else."""

    def register(decode: Decode) -> Decode:
        TARGETS[name] = Target(name, make, errors, decode, most_mb)
        return decode

    return register


WORKERS = """# workers of a robot
workers:
  - {name: alice, domain_id: 11, windows: [0, 1, 2], peers: [10.0.1.5]}
  - name: bob
    domain_id: 12
    windows: all
  - {name: carol, domain_id: 13, spare: true}
"""
BOB = {'windows': [[1, 64, 32]], 'frames': 3, 'first_s': 1.5, 'last_s': 2.5}
LEDGER: dict[str, Any] = {
    'version': 1,
    'extent': 288,
    'window': 64,
    'scene': [[0, 64, 64], [1, 64, 32]],
    'stands_in': {'dave': 'alice'},
    'workers': {
        'alice': {'windows': [[0, 64, 64]], 'frames': 3, 'first_s': 1.5, 'last_s': 2.5},
        'bob': BOB,
    },
}
NEWER = {**LEDGER, 'version': 2, 'stands_in': {}, 'workers': {'name:bob': {**BOB, 'name': 'bob'}}}
YAML_TOKENS = ('- ', ': ', '\n  ', '&a ', '*a', '<<: *a', '!!set', '1:1', '0x', '"', '{', '[', '?')
SHAPE = np.random.default_rng(0).random((24, 32)) > 0.7
MASK = {'counts': list(run_lengths(SHAPE)), 'area': int(SHAPE.sum()), 'height': 24, 'width': 32}


@target('workers_yaml', of_texts([WORKERS], YAML_TOKENS), ConfigError)
def _workers_yaml(case: str) -> None:
    try:
        data = foreign_text.parsed_yaml(case.encode(errors='surrogateescape'))
    except ValueError as error:  # as read_workers does
        raise ConfigError(shown(error)) from None
    parse_workers(data, own_domain=0)


@target('workers', of_values([foreign_text.parsed_yaml(WORKERS)]), ConfigError)
def _workers(case: Any) -> None:
    parse_workers(case, own_domain=0)


@target(
    'architecture',
    of_json([json.loads(arch.to_json()) for arch in ARCHITECTURES.values()]),
    ConfigError,
)
def _architecture(case: str) -> None:
    arch = Architecture.from_json(case)
    assert arch.block_order
    assert Architecture.from_json(arch.to_json()) == arch


@target('ledger', of_json([LEDGER, NEWER]), ConfigError)
def _ledger(case: str) -> None:
    record = exposure_record.read(case)
    assert exposure_record.read(exposure_record.written(record)) == record


MANY = 100_000  # numbers
OTHER_YAML = 'a: {b: [1, 2.5, 2001-01-01, 0x1f, ~, yes]}'


@target('yaml', of_texts([WORKERS, OTHER_YAML], YAML_TOKENS), ValueError)
def _yaml(case: str) -> None:
    written(foreign_text.parsed_yaml(case))


@target('json', of_json([LEDGER, [1, 'a', None]]), ValueError)
def _json(case: str) -> None:
    written(foreign_text.parsed_json(case))


def _codec_case(rng: random.Random) -> tuple[bytes, tuple[int, int, int], str]:
    data = of_bytes([bytes(4 * 4 * 8 * 2), np.ones(4 * 4 * 8, '<f4').tobytes()])(rng)
    sides = [rng.choice((4, 4, 4, 0, 1, 255, 65535)) for _ in range(2)]
    dtype = rng.choice((*codec.DTYPES, '', 'float64', 'x' * 10**6))
    return data, (sides[0], sides[1], rng.choice((8, 8, 0, 2**32 - 1))), dtype


@target('codec', _codec_case, BadBatch)
def _codec(case: tuple[bytes, tuple[int, int, int], str]) -> None:
    assert np.isfinite(codec.decode(*case)).all()


@target('run_lengths', of_fields([MASK]), BadMasks, most_mb=256)
def _run_lengths(case: dict[str, Any]) -> None:
    height, width = case['height'] % 128, case['width'] % 128
    mask = Mask(0, 1.0, 1.0, (0, 0, 1, 1), case['area'], tuple(case['counts']))
    pictures.binary(mask, height, width)
    masks = Masks(FrameKey(0, ''), height, width, '', (mask,))
    if height and width:
        pictures.overlay(np.zeros((height, width, 3), np.uint8), masks)


@target('shown', of_texts(['vit_b', 'a\x1b[2J\n', 'Gebäude']))
def _shown(case: str) -> None:
    for text in (shown(case), written(case), shown([case] * 3), shown({case: case})):
        assert text.isprintable()
        assert len(text) < 4000


@target('shown_values', of_values([LEDGER, [1, [2.5, 'x']]]))
def _shown_values(case: Any) -> None:
    assert shown(case).isprintable()
    assert len(shown(case)) < 2000


def _flat_case(rng: random.Random) -> tuple[list[Any], list[Any]]:
    points, boxes = of_values([[1.0, 2.0] * 3])(rng), of_values([[1.0, 2.0, 30.0, 40.0]])(rng)
    numbers = [each for each in points if type(each) is float] if type(points) is list else []
    corners = [each for each in boxes if type(each) is float] if type(boxes) is list else []
    many = rng.choice((1, 1, 500))
    return numbers[: MANY // many] * many, corners[: MANY // many] * many


@target('prompts_flat', _flat_case, BadPrompt)
def _prompts_flat(case: tuple[list[float], list[float]]) -> None:
    sift(prompts_from_flat(*case), (48, 64))


def _setting_case(rng: random.Random) -> tuple[Any, Any]:
    each = rng.choice([*settings_of(EdgeConfig), *settings_of(PlacementConfig)])
    values = (1, 2.0, 'x', [1, 2], [1.0] * 5, ['a'], True, None, [1.0] * 10**4, 'y' * 10**6)
    return each, of_values([rng.choice(values)])(rng)


@target('settings', _setting_case, ConfigError)
def _settings(case: tuple[Any, Any]) -> None:
    each, value = case
    each.broken_rule(each.fitted(value))
