"""Measures how soon every node ends after a signal, and with which status.

`python test/end_bench.py [--cycles N] [--busy LOOPS] [--signal NAME] [--out FOLDER]` starts and
stops a full system (edge, three workers, overlay, camera; vit_tiny) N times, with frames under
way, beside so many busy loops. It writes FOLDER/end_bench.json.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from domains import domains
from pedsam_ros.core.health import WorkerState
from pedsam_ros.ros import identity
from pedsam_ros.tools.figures import write_figures
from pedsam_ros.trial.client import EdgeClient
from pedsam_ros.trial.processes import NAMES, NodeProcess, workers_in
from pedsam_ros.trial.system import CAMERA, EDGE, System

POINTS = [160.0, 120.0, 320.0, 240.0]
KINDS = {'edge': [EDGE], 'worker': list(NAMES), 'overlay': ['overlay'], 'camera': ['camera']}
_LIMIT_S = 120.0  # only catches hangs


class Fleet(System):
    """A system with an overlay and a camera, as the launch file demo has them."""

    def start_all(self) -> None:
        """Starts every process."""
        self.start_workers(checkpoint='vit_tiny')
        self.start_edge(checkpoint='vit_tiny', points=POINTS)
        remap = {'image': CAMERA, 'masks': 'edge/masks'}
        self.processes['overlay'] = NodeProcess(
            'nodes.overlay_node', 'overlay', self.domain_id, self.folder, {}, remap
        )

    def wait_until_frames_flow(self) -> None:
        """Returns when the edge can use all workers and has done a frame."""
        with closing(EdgeClient(self.domain_id, 'bench', self.processes)) as client:
            usable = WorkerState.USABLE
            client.until(lambda: all(client.state(name) is usable for name in NAMES))
            client.until(lambda: int(client.figures().get('done', 0)))


@contextmanager
def camera(domain_id: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`pedsam camera` in the robot's domain."""
    with log.open('wb') as out:
        process = subprocess.Popen(
            [sys.executable, '-m', 'pedsam_ros.tools.cli', 'camera'],
            env={**os.environ, 'ROS_DOMAIN_ID': str(domain_id)},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def ends_of(processes: dict[str, subprocess.Popen[bytes]], number: int) -> dict[str, Any]:
    """Signals all processes. Name -> seconds from the signal to the end, and the exit status."""
    waiting = {os.pidfd_open(process.pid): name for name, process in processes.items()}
    poll, ended_s = select.poll(), {}
    for descriptor in waiting:
        poll.register(descriptor, select.POLLIN)
    begun = time.monotonic()
    for process in processes.values():
        process.send_signal(number)
    while waiting and time.monotonic() - begun < _LIMIT_S:
        for descriptor, _ in poll.poll(1000):
            ended_s[waiting.pop(descriptor)] = time.monotonic() - begun
            poll.unregister(descriptor)
            os.close(descriptor)
    return {
        name: {'s': ended_s.get(name, _LIMIT_S), 'status': process.poll()}
        for name, process in processes.items()
    }


def cycle(number: int) -> dict[str, Any]:
    """Starts a whole system, stops it, and returns how each process ended."""
    with domains(4) as taken, tempfile.TemporaryDirectory() as folder:
        system = Fleet(workers_in(taken), taken[0], Path(folder))
        with camera(taken[0], Path(folder, 'camera.log')) as filming:
            try:
                system.start_all()
                system.wait_until_frames_flow()
                started = {name: each.process for name, each in system.processes.items()}
                return ends_of(started | {'camera': filming}, number)
            finally:
                system.end()


@contextmanager
def load(loops: int) -> Iterator[None]:
    """Keeps the machine busy."""
    busy = [subprocess.Popen([sys.executable, '-S', '-c', 'while 1: pass']) for _ in range(loops)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def summary(cycles: list[dict[str, Any]]) -> dict[str, Any]:
    """For each kind of node: how many ended, in how many seconds, and with which statuses."""
    found = {}
    for kind, names in KINDS.items():
        ends = [ended[name] for ended in cycles for name in names]
        took = [end['s'] for end in ends]
        found[kind] = {
            'ends': len(ends),
            'median_s': round(statistics.median(took), 2),
            'most_s': round(max(took), 2),
            'statuses': {str(end['status']): 0 for end in ends},
        }
        for end in ends:
            found[kind]['statuses'][str(end['status'])] += 1
    return found


def main() -> int:
    """Prints a table and writes the figures. Returns 0 if every status was 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--cycles', type=int, default=10)
    parser.add_argument('--busy', type=int, default=0, metavar='LOOPS')
    parser.add_argument('--signal', default='SIGINT', choices=('SIGINT', 'SIGTERM'))
    parser.add_argument('--out', type=Path, default=Path('out'))
    args = parser.parse_args()
    identity.stay_on_this_machine()
    with load(args.busy):
        count = tqdm(range(args.cycles), unit='cycle')
        cycles = [cycle(signal.Signals[args.signal]) for _ in count]
        average = os.getloadavg()[0]
    figures = summary(cycles)
    print(f'load {average:.1f}; seconds from the signal to the end:')
    print('| node | ends | median | most | statuses |\n|---|---|---|---|---|')
    for kind, each in figures.items():
        print('|', kind, *(f'| {value}' for value in each.values()), '|')
    more = {'cycles': cycles, 'load_average': average}
    write_figures(args.out / 'end_bench.json', {'summary': figures, **more})
    return int(any(end['status'] != 0 for ended in cycles for end in ended.values()))


if __name__ == '__main__':
    sys.exit(main())
