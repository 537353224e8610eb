"""`pedsam soak`: thousands of frames, faults injected at random from a seed, real processes; then
every promise is counted out."""

from __future__ import annotations

import argparse
import random
import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from pedsam_ros.core import checkpoint, models
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.edge import ENDINGS, Edge
from pedsam_ros.core.local import LocalPipeline
from pedsam_ros.core.placement import place, share
from pedsam_ros.core.windows import Canvas, pixel_grid
from pedsam_ros.core.workers_file import WorkerEntry, parse_workers
from pedsam_ros.ros import identity
from pedsam_ros.tools.faults import FAULTS, WEIGHTS
from pedsam_ros.tools.figures import write_figures
from pedsam_ros.tools.processes import NodeProcess, end_all, start_edge, start_workers
from pedsam_ros.tools.soak_client import CAMERA, SIZES, SoakClient

_NAMES = ('alice', 'bob', 'carol', 'dave')  # dave is the spare
_POINT = (60.0, 50.0)
_WARM = 500  # frames after which a process has all the memory it needs
_READY_S = 60.0
_MOST_GROWTH = 3.0  # percent, of a warm process
_PROMISES = (  # what must be nothing
    *('unaccounted', 'wrong_masks', 'masks_lost', 'cap_violations', 'unrecovered'),
    *('undetected_lies', 'ended_by_themselves', 'deaf_ears'),
)
_SETTINGS: dict[str, Any] = {
    'checkpoint': WEIGHTS,
    'points': list(_POINT),
    'threads': 1,
    'loss.on_server_loss': ['spare', 'fail'],
    'loss.worker_timeout_s': 2.0,
    'loss.audit_rate': 0.02,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument('--frames', type=int, default=2000, help='to be shown (2000)')
    parser.add_argument('--every', type=int, default=200, help='frames from fault to fault (200)')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--domains', type=int, nargs=5, default=[24, 25, 26, 27, 28])
    parser.add_argument('--out', type=Path, default=Path('out'))


def run(args: argparse.Namespace) -> int:
    """Writes OUT/soak.json; 0 if no promise was broken."""
    identity.stay_on_this_machine()
    torch.set_num_threads(_SETTINGS['threads'])  # the last bit depends on it
    folder = args.out / 'soak'
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    soak = Soak(args.domains, folder, args.seed)
    try:
        soak.connect()
        soak.play(args.frames, args.every)
        figures = soak.figures()
    finally:
        soak.close()
    write_figures(args.out / 'soak.json', figures)
    return _judge(figures, args.out)


class Soak:
    """The processes, the client, and what went wrong so far."""

    def __init__(self, domains: Sequence[int], folder: Path, seed: int) -> None:
        self._domain, self.folder, self.rng = domains[0], folder, random.Random(seed)
        entries = [
            {'name': name, 'domain_id': domain, 'spare': name == _NAMES[-1]}
            for name, domain in zip(_NAMES, domains[1:], strict=True)
        ]
        self.workers = {w.name: w for w in parse_workers({'workers': entries}, domains[0])}
        self._homes = [worker for worker in self.workers if worker != _NAMES[-1]]
        workers = list(self.workers.values())
        self.client = SoakClient(domains[0], workers, _local(workers), seed)
        self.processes: dict[str, NodeProcess] = {}
        self.faults: Counter[str] = Counter()
        self.recoveries_s: list[float] = []
        self.unrecovered: list[str] = []
        self.quarantined = 0  # lies that the edge found
        self._memory: dict[str, list[tuple[int, int, int]]] = {}  # name -> process, frame, bytes
        self._ended: list[str] = []  # processes that ended by themselves
        self.stamp_ns = 10**18

    def connect(self) -> None:
        """Starts everything; returns when a frame has come back."""
        for name in self.workers:
            self.start(name)
        self.processes['edge'] = start_edge(
            list(self.workers.values()), self._domain, self.folder, _SETTINGS, CAMERA
        )
        if not self.client.until(lambda: self._shown_and_done(), _READY_S):
            raise SystemExit(f'no frame comes back: {self.processes["edge"].last_words()}')

    def play(self, frames: int, every: int) -> None:
        """Shows frames, two ahead of their masks at most, with a fault now and then."""
        begun = self.client.shown
        with tqdm(total=frames, unit='frame') as bar:
            while (shown := self.client.shown - begun) < frames:
                self.some_frames(min(every, frames - shown))
                fault = self.rng.choice(FAULTS)
                self.faults[fault.__name__] += 1
                fault(self, self.rng.choice(self._homes))
                bar.update(self.client.shown - begun - bar.n)
                bar.set_postfix(done=self.client.done, wrong=len(self.client.wrong))
        self.client.spin(5.0)  # whatever is under way ends

    def figures(self) -> dict[str, Any]:
        """What is to be written down."""
        frames = self.client.figures()
        counts = {ending: int(frames[ending]) for ending in ENDINGS}
        recoveries = self.recoveries_s or [0.0]
        return {
            'frames_shown': self.client.shown,
            'frames_in': int(frames['frames_in']),
            **counts,
            'unaccounted': int(frames['frames_in']) - sum(counts.values()),
            'masks_received': self.client.done,
            'wrong_masks': self.client.wrong,
            'cap_violations': self._violations(),
            'windows_heard': {name: sorted(seen) for name, seen in self.client.seen.items()},
            'faults': dict(self.faults),
            'recoveries': len(self.recoveries_s),
            'unrecovered': self.unrecovered,
            'undetected_lies': self.faults['lies'] - self.quarantined,
            'masks_lost': abs(counts['done'] - self.client.done),
            'deaf_ears': [name for name in self._homes if not self.client.seen[name]],
            'recoveries_p95_s': float(np.percentile(recoveries, 95)),
            'rss_growth_percent': self._growth(),
            'ended_by_themselves': self._ended,
            'model_id': frames['model_id'],
        }

    def close(self) -> None:
        """Leaves nothing behind."""
        end_all(list(self.processes.values()))
        self.client.close()

    # Frames.
    def show(self) -> None:
        """One frame, ten milliseconds later on the camera's clock."""
        self.stamp_ns += 10**7
        self.client.show(self.stamp_ns)

    def some_frames(self, count: int) -> None:
        """One after another, each once the last is done or not to be waited for."""
        for _ in range(count):
            before = self.client.done
            self.show()
            self.client.until(lambda: self.client.done > before, 0.3)  # noqa: B023
        self._look()

    def _shown_and_done(self) -> bool:
        self.show()
        self.client.spin(0.2)
        return self.client.done > 0

    # Workers.
    def start(self, name: str, **parameters: Any) -> None:
        """Starts a worker."""
        settings = {'checkpoint': WEIGHTS, 'threads': 1, **parameters}
        self.processes[name] = start_workers([self.workers[name]], self.folder, settings)[0]

    def end(self, name: str) -> None:
        """kill -9 to a worker."""
        process = self.processes.pop(name)
        process.process.kill()
        process.wait()

    def recover(self, name: str, release: bool = False) -> None:
        """Waits for a worker to be active; notes how long until a frame is done."""
        log = self.processes[name].log
        self.client.until(lambda: 'active' in log.read_text(errors='replace'), _READY_S)
        active_s = time.monotonic()
        if release:
            self.client.release(name)
        before = self.client.done
        while self.client.done == before and time.monotonic() - active_s < _READY_S:
            self.some_frames(1)
        if self.client.done > before:
            self.recoveries_s.append(self.client.last_done_s - active_s)
        else:
            self.unrecovered.append(name)

    # What to look at.
    def _look(self) -> None:
        """Memory of every process; those that ended without our doing."""
        for name, process in self.processes.items():
            if not process.running:
                self._ended.append(name)
                continue
            pid = process.process.pid
            pages = int(Path(f'/proc/{pid}/statm').read_text().split()[1])
            self._memory.setdefault(name, []).append((pid, self.client.shown, pages * 4096))

    def _growth(self) -> dict[str, float | None]:
        """For each name, of the process that lived longest: from when it was warm to its end."""
        return {name: _growth(measured) for name, measured in self._memory.items()}

    def _violations(self) -> list[str]:
        """Workers that were heard to be sent windows of two homes, or more than the lattice
        gives."""
        arch = checkpoint.read(WEIGHTS).arch
        homes = place(pixel_grid(arch), list(self.workers.values()))
        found = []
        for name, seen in self.client.seen.items():
            of = {homes[index] for index in seen}
            most = max((share(seen, Canvas.fit(arch, *size)) for size in SIZES), default=0.0)
            if len(of) > 1 or (name in self._homes and of - {name}) or most > _most_share(homes):
                found.append(f'{name}: {sorted(seen)}')
        return found


def _most_share(homes: Mapping[int, str]) -> float:
    """What the lattice gives at most, of any frame shape in use."""
    arch = checkpoint.read(WEIGHTS).arch
    return max(
        share([i for i, home in homes.items() if home == name], Canvas.fit(arch, *size))
        for size in SIZES
        for name in set(homes.values())
    )


def _growth(measured: Sequence[tuple[int, int, int]]) -> float | None:
    """Percent, from the first look after _WARM frames of the process that lived longest; None if
    none lived that long."""
    lives: dict[int, list[tuple[int, int]]] = {}
    for pid, frame, size in measured:
        lives.setdefault(pid, []).append((frame, size))
    longest = max(lives.values(), key=lambda life: life[-1][0] - life[0][0])
    warm = [size for frame, size in longest if frame - longest[0][0] >= _WARM]
    return 100 * (warm[-1] / warm[0] - 1) if warm else None


def _local(workers: Sequence[WorkerEntry]) -> LocalPipeline:
    """What every frame's masks must equal."""
    weights = checkpoint.read(WEIGHTS)
    homes = place(pixel_grid(weights.arch), workers)
    edge = Edge(models.load_edge(weights), homes, EdgeConfig(points=_POINT))
    return LocalPipeline(edge, models.load_worker(weights))


def _judge(figures: Mapping[str, Any], out: Path) -> int:
    """Says what came of it; 0 if no promise was broken."""
    broken = [name for name in _PROMISES if figures[name]]
    growth = [percent for percent in figures['rss_growth_percent'].values() if percent]
    broken += ['rss_growth_percent'] if max(growth, default=0) > _MOST_GROWTH else []
    endings = ', '.join(f'{figures[ending]} {ending}' for ending in ENDINGS)
    faults = sum(figures['faults'].values())
    print(f'soak: {figures["frames_in"]} frames: {endings}; {faults} faults')
    recovered = figures['recoveries_p95_s']
    print(f'soak: {len(figures["wrong_masks"])} wrong masks; recoveries p95 {recovered:.2f} s')
    print(f'soak: broken: {", ".join(broken) or "nothing"}; {out}/soak.json')
    return 1 if broken else 0
