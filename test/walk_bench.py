"""Plays the soak's moving camera to a scene in one process: what a long run does to exposure.

`python test/walk_bench.py [--frames N] [--step N] [--seed N]` prints after every thousand frames,
as shares of the view: how far above its cap a worker came by a frame that showed it anything new,
its largest coverage by geometry and as the scene tells it, both against the cap, the sum of
slivers, and how much stayed on the edge. Writes out/walk.json. 12,000 frames take some minutes.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import cv2

from pedsam_ros.core.architecture import ARCHITECTURES
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.scene import Scene
from pedsam_ros.core.sight import Sight
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.tools.figures import write_figures
from pedsam_ros.trial.processes import NAMES
from pedsam_ros.trial.true_coverage import SLIVER, TOLERANCE
from pedsam_ros.trial.walk import WORLD, Walk
from pedsam_ros.trial.witness import Witness

WORKERS = [WorkerEntry(name=name, domain_id=number + 1) for number, name in enumerate(NAMES)]


class Played:
    """A scene that is shown a walk, ten frames a second."""

    def __init__(self, seed: int) -> None:
        self._walk, self._scene = Walk(seed), Scene(ARCHITECTURES['vit_tiny'], WORKERS)
        self._rooms: dict[int, Witness] = defaultdict(lambda: Witness(WORLD))
        self.figures = {'above': -1.0, 'true': -1.0, 'told': -1.0, 'slivers': 0.0, 'here': 0.0}

    def show(self, number: int) -> None:
        """Shows a frame, and sends what may leave."""
        sight = self._scene.look(self._walk.picture(number), number / 10)
        plan = self._scene.allowed(sight, sight.homes)
        self._scene.note(sight, plan)
        left = {index: worker for index, worker in plan.items() if worker != LOCAL}
        whole = sight.canvas.content[0] * sight.canvas.content[1]
        self.figures['here'] += 1 - sum(map(sight.canvas.content_area, left)) / whole
        if left:
            self._judge(number, sight, left)

    def _judge(self, number: int, sight: Sight, left: dict[int, str]) -> None:
        room, view = self._rooms[self._walk.room(number)], self._walk.view(number)
        before, cap, figures = room.coverage(view), self._scene.cap(sight.canvas), self.figures
        for index, worker in left.items():
            room.note(view, sight.canvas, worker, [index])
        figures['told'] = max(figures['told'], max(self._scene.coverage.values()) - cap)
        for worker, share in room.coverage(view).items():
            over, new = share - cap, share - before.get(worker, 0.0)
            figures['true'] = max(figures['true'], over)
            if new > SLIVER:
                figures['above'] = max(figures['above'], over)
                if over > TOLERANCE:
                    print(f'{number}: {worker}: {over:+.1%} by {new:.1%} of the view', flush=True)
            elif over > 0:
                figures['slivers'] += min(new, over)


def main() -> None:
    """Plays a walk."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (('frames', 12000), ('step', 2), ('seed', 1)):
        parser.add_argument(f'--{name}', type=int, default=default)
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    played = Played(asked.seed)
    for shown, number in enumerate(range(0, asked.frames, asked.step), 1):
        played.show(number)
        if shown % 1000 == 0 or number + asked.step >= asked.frames:
            found = played.figures | {'here': played.figures['here'] / shown}
            print(shown, {key: round(value, 4) for key, value in found.items()}, flush=True)
    write_figures(Path('out/walk.json'), found)


if __name__ == '__main__':
    main()
