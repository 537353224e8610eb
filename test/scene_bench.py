"""Measures what workers see of a scene while the camera moves, and what that costs.

`python test/scene_bench.py [--sequences FOLDER] [--photos FOLDER] [--most N] [--only CASE]`:
cameras that move over photographs in ways that are known exactly, and, with --sequences, folders
of frames. Prints for each case: the largest coverage as the scene knows it and by geometry, how
much of the area stayed on the edge, how often the camera was lost, and the time of a frame on one
core. Writes out/scene.json.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from skimage import data

from moving_scenes import Shot, Witness, covering, crops, pan, roll, shake, zoom
from pedsam_ros.core.architecture import ARCHITECTURES
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.scene import Scene
from pedsam_ros.core.sight import Sight, State
from pedsam_ros.core.types import Pixels
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.tools.figures import write_figures

NAMES = ('alice', 'bob', 'carol', 'dave', 'erin')
CAPS = {3: 0.40, 5: 0.30}
SCIKIT = ('astronaut', 'coffee', 'chelsea', 'rocket', 'immunohistochemistry', 'retina')
STEP_PX = 20  # of a pan: 1/32 of the view
FAR_PX = 580  # of a pan: 0.9 of the view
Case: TypeAlias = 'tuple[tuple[int, int], Callable[[Pixels], Iterator[Shot]]]'

CASES: dict[str, Case] = {  # name -> size of the world, and what the camera does
    'pan': ((480, 1240), lambda world: pan(world, FAR_PX, STEP_PX)),
    'slow pan': ((480, 1240), lambda world: pan(world, FAR_PX, 5.3)),
    'slanted pan': ((920, 1240), lambda world: pan(world, FAR_PX, 17.7, 0.7)),
    'three windows': ((480, 1110), lambda world: pan(world, 450, 25)),
    'pan and back': ((480, 1240), lambda world: back(pan(world, FAR_PX, STEP_PX))),
    'shake': ((560, 720), lambda world: shake(world, 20, 40)),
    'zoom': ((500, 660), lambda world: zoom(world, 2.0, 41)),
    'roll': ((820, 820), lambda world: roll(world, 30, 31)),
    'crops': ((500, 660), lambda world: crops(world, 24)),
    'still': ((500, 660), lambda world: shake(world, 0, 20)),
}


def back(shots: Iterator[Shot]) -> Iterator[Shot]:
    """There and back again."""
    there = list(shots)
    yield from there
    yield from reversed(there)


def run(
    workers: int, cap: float, shots: Iterable[Shot], size: tuple[int, int], arch: str
) -> dict[str, Any]:
    """Shows frames to a new scene."""
    entries = [
        WorkerEntry(name=name, domain_id=number + 1) for number, name in enumerate(NAMES[:workers])
    ]
    scene = Scene(ARCHITECTURES[arch], entries, placement=PlacementConfig(max_coverage=cap))
    witness, rows, saved = Witness(size), [], 0
    for number, shot in enumerate(shots):
        began = time.process_time()
        sight = scene.look(shot.rgb, float(number))
        looked = time.process_time()
        plan = scene.allowed(sight, sight.homes)
        saved += len(scene.note(sight, plan))
        noted = time.process_time()
        row = {'look_ms': 1e3 * (looked - began), 'plan_ms': 1e3 * (noted - looked)}
        rows.append(row | judged(scene, sight, plan, shot, witness))
    return summed(rows) | {
        'bytes_a_frame': saved / len(rows),
        'bytes': len(scene.to_bytes()),
        'scenes': scene.totals.scenes,
    }


def judged(
    scene: Scene, sight: Sight, plan: dict[int, str], shot: Shot, witness: Witness
) -> dict[str, float]:
    """What is known about a frame after it was sent."""
    whole = sight.canvas.content[0] * sight.canvas.content[1]
    here = sum(sight.canvas.content_area(each) for each, who in plan.items() if who == LOCAL)
    lost = sight.state is State.LOST
    told = max(scene.coverage.values())
    found = {'lost': lost, 'here': here / whole, 'told': 0.0 if lost else told}
    if shot.matrix is not None:
        witness.note(shot, sight.canvas, plan)
        truth = witness.coverage(shot)
        found['true'] = max(truth.values(), default=0.0)
        if not lost:
            apart = [scene.coverage[each] - share for each, share in truth.items()]
            found |= {'over': max(apart, default=0.0), 'under': max(0.0, -min(apart, default=0))}
    return found


def summed(rows: list[dict[str, float]]) -> dict[str, Any]:
    """One line for a case: the largest value of most, the mean or the median of others."""
    how: dict[str, Callable[[list[float]], float]] = {
        'look_ms': statistics.median,
        'plan_ms': statistics.median,
        'here': statistics.mean,
        'lost': sum,
    }
    found = {
        key: how.get(key, max)([row[key] for row in rows if key in row])
        for key in ('told', 'true', 'over', 'under', 'here', 'lost', 'look_ms', 'plan_ms')
        if any(key in row for row in rows)
    }
    found['last'] = rows[-1].get('true', rows[-1]['told'])
    found['here_found'] = statistics.mean([r['here'] for r in rows if not r['lost']] or [0.0])
    found['look_ms_p95'] = float(np.quantile([row['look_ms'] for row in rows], 0.95))
    return found | {'frames': len(rows)}


def photos(folder: Path | None, most: int) -> list[Pixels]:
    """Photographs of scikit-image, and some of a folder."""
    found = [np.asarray(getattr(data, name)(), np.uint8)[..., :3] for name in SCIKIT[:most]]
    paths = sorted(folder.rglob('*.jpg')) if folder else []
    for path in paths[:: max(1, len(paths) // max(1, most))][:most]:
        found.append(picture(path))
    return found


def picture(path: Path) -> Pixels:
    """(H, W, 3) uint8 RGB."""
    found = cv2.imread(str(path))
    assert found is not None, path
    return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.uint8)


def sequences(folder: Path | None) -> dict[str, list[Path]]:
    """Name -> frames, of each folder of pictures."""
    folders = sorted(each for each in folder.iterdir() if each.is_dir()) if folder else []
    return {each.name: sorted(each.glob('*.jpg')) for each in folders}


def over_photos(results: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean over photographs of shares; the largest of errors; the sum of losses."""
    how: dict[str, Callable[[list[float]], float]] = {
        'over': max,
        'under': max,
        'lost': sum,
        'frames': sum,
        'told': max,
        'true': max,
        'scenes': max,
        'bytes': max,
    }
    return {
        key: how.get(key, statistics.mean)([each[key] for each in results]) for key in results[0]
    }


def show(name: str, workers: int, found: dict[str, Any]) -> None:
    """Prints a line."""
    parts = [
        f'{key} {found[key]:.3f}'
        for key in ('told', 'true', 'last', 'over', 'under', 'here', 'here_found')
        if key in found
    ]
    times = f'{found["look_ms"]:.1f}/{found["look_ms_p95"]:.1f}+{found["plan_ms"]:.1f} ms'
    print(
        f'{name:14s} K={workers}',
        *parts,
        f'lost {found["lost"]:.0f}/{found["frames"]}',
        f'scenes {found["scenes"]}',
        times,
        f'{found["bytes_a_frame"]:.0f} B/frame',
        f'{found["bytes"]} B',
        flush=True,
    )


def main() -> None:
    """Runs all cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--sequences', type=Path)
    parser.add_argument('--photos', type=Path)
    parser.add_argument('--most', type=int, default=6, help='photographs of each source')
    parser.add_argument('--only', action='append', help='a case or a sequence')
    parser.add_argument('--arch', default='vit_tiny')
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    figures: dict[str, Any] = {}
    shots = photos(asked.photos, asked.most)
    for workers, cap in CAPS.items():
        for name, (size, motion) in CASES.items():
            if asked.only and name not in asked.only:
                continue
            results = [
                run(workers, cap, motion(covering(photo, *size)), size, asked.arch)
                for photo in shots
            ]
            figures[f'{name}, K={workers}'] = over_photos(results)
            show(name, workers, figures[f'{name}, K={workers}'])
        for name, paths in sequences(asked.sequences).items():
            if asked.only and name not in asked.only:
                continue
            frames = (Shot(picture(path)) for path in paths)
            found = run(workers, cap, frames, (1, 1), asked.arch)
            figures[f'{name}, K={workers}'] = found
            show(name, workers, found)
    write_figures(Path('out/scene.json'), figures)


if __name__ == '__main__':
    main()
