"""The fleet that `pedsam soak` plays with: real processes, and what went wrong with them."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.edge import Edge
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.model.local_pipeline import LocalPipeline
from pedsam_ros.core.placement import place
from pedsam_ros.core.windows import pixel_grid
from pedsam_ros.core.workers_file import WorkerEntry, parse_workers
from pedsam_ros.trial.faults import FAULTS, WEIGHTS
from pedsam_ros.trial.processes import NodeProcess, end_all, start_edge, start_workers
from pedsam_ros.trial.soak_client import CAMERA, SoakClient

_NAMES = ('alice', 'bob', 'carol', 'dave')  # dave is the spare
_POINT = (60.0, 50.0)
_READY_S = 60.0
SETTINGS: dict[str, Any] = {
    'checkpoint': WEIGHTS,
    'points': list(_POINT),
    'threads': 1,
    'loss.on_server_loss': ['spare', 'fail'],
    'loss.worker_timeout_s': 2.0,
    'loss.audit_rate': 0.02,
}


class Soak:
    """The processes, the client, and what went wrong so far."""

    def __init__(self, domains: Sequence[int], folder: Path, seed: int) -> None:
        self._domain, self.folder, self.rng = domains[0], folder, random.Random(seed)
        entries = [
            {'name': name, 'domain_id': domain, 'spare': name == _NAMES[-1]}
            for name, domain in zip(_NAMES, domains[1:], strict=True)
        ]
        self.workers = {w.name: w for w in parse_workers({'workers': entries}, domains[0])}
        self.homes = [worker for worker in self.workers if worker != _NAMES[-1]]
        workers = list(self.workers.values())
        self.client = SoakClient(domains[0], workers, _local(workers), seed)
        self.processes: dict[str, NodeProcess] = {}
        self.faults: Counter[str] = Counter()
        self.recoveries_s: list[float] = []
        self.unrecovered: list[str] = []
        self.unnoticed: list[str] = []  # what the edge should have said, and did not
        self.memory: dict[str, list[tuple[int, int, int]]] = {}  # name -> process, frame, bytes
        self.ended: list[str] = []  # processes that ended by themselves
        self.stamp_ns = 10**18

    def connect(self) -> None:
        """Starts everything; returns when a frame has come back."""
        for name in self.workers:
            self.start(name)
        self.processes['edge'] = start_edge(
            list(self.workers.values()), self._domain, self.folder, SETTINGS, CAMERA
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
                fault(self, self.rng.choice(self.homes))
                bar.update(self.client.shown - begun - bar.n)
                bar.set_postfix(done=self.client.done, wrong=len(self.client.wrong))
        self.client.spin(5.0)  # whatever is under way ends

    def close(self) -> None:
        """Leaves nothing behind."""
        try:
            end_all(list(self.processes.values()))
        finally:
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
        self.client.ears[name].listen_anew()
        if release:
            self.client.release(name)
        while not (back := self._is_back(name)):
            if time.monotonic() - active_s > _READY_S:
                break
            self.some_frames(1)
        if back:
            self.recoveries_s.append(self.client.last_done_s - active_s)
        else:
            self.unrecovered.append(name)

    def expect(self, name: str, trouble: str) -> None:
        """Shows frames until the edge says so of a worker; notes it if it never does."""
        self.client.forget(name)
        end_s = time.monotonic() + _READY_S
        while not self.client.trouble(name).startswith(trouble):
            if time.monotonic() > end_s:
                return self.unnoticed.append(f'{name}: {trouble}')
            self.some_frames(1)
        return None

    def _is_back(self, name: str) -> bool:
        """Whether a frame is done that was shown after this worker was sent windows again."""
        return self.client.ears[name].first_s < self.client.last_done_shown_s

    # What to look at.
    def _look(self) -> None:
        """Memory of every process; those that ended without our doing."""
        for name, process in list(self.processes.items()):
            if not process.running:
                self.ended.append(name)
                del self.processes[name]
                continue
            pid = process.process.pid
            pages = int(Path(f'/proc/{pid}/statm').read_text().split()[1])
            self.memory.setdefault(name, []).append((pid, self.client.shown, pages * 4096))


def _local(workers: Sequence[WorkerEntry]) -> LocalPipeline:
    """What every frame's masks must equal."""
    weights = checkpoint.read(WEIGHTS)
    homes = place(pixel_grid(weights.arch), workers)
    edge = Edge(loading.load_edge(weights), homes, EdgeConfig(points=_POINT))
    return LocalPipeline(edge, loading.load_worker(weights))
