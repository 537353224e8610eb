"""The target of `python test/fuzz.py` that reads what an edge keeps of a scene."""

from __future__ import annotations

import random

from fuzz_cases import Maker, of_bytes
from fuzz_targets import target

from pedsam_ros.core import scene_record
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.scene import Scene
from watched_scenes import ARCH, WORKERS, at, scene_of


def _seen_scene() -> bytes:
    """What an edge has on the disk after a few frames, with entries that were added later."""
    scene = scene_of()
    data = scene.to_bytes()
    for number, x in enumerate((600, 660, 720)):
        sight = scene.look(at(x), number / 10)
        data += scene.note(sight, scene.allowed(sight, sight.homes))
    return data


def _of_entries(data: bytes) -> Maker:
    """A scene whose entries are changed but have sound checksums, or else any change of it."""
    magic, entries = scene_record.MAGIC, list(scene_record.entries(data))
    whole = of_bytes([data])

    def make(rng: random.Random) -> bytes:
        if rng.random() < 0.3:
            return bytes(whole(rng))
        changed = list(entries)
        for _ in range(rng.choice((1, 1, 2))):
            place = rng.randrange(len(changed))
            kind, content = changed[place]
            changed[place] = kind, of_bytes([content or b'x'])(rng)
        return magic + b''.join(scene_record.entry(*each) for each in changed)

    return make


@target('scene', _of_entries(_seen_scene()), ConfigError, most_mb=128)
def _scene(case: bytes) -> None:
    assert Scene.from_bytes(case, ARCH, WORKERS).to_bytes()
