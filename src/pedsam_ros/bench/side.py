"""One side of a comparison as a process of its own, with its own settings of the allocator.

The two ends talk in lines of JSON over the process's standard input and output.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

from pedsam_ros.bench.jobs import JOBS
from pedsam_ros.core.allocator import KEEPING
from pedsam_ros.core.errors import PedsamError
from pedsam_ros.core.types import Values

_OWN_CHOICE = ('MALLOC_', 'GLIBC_TUNABLES')  # variables about the allocator begin so
_PROGRAM = 'from pedsam_ros.bench import side; side.serve()'


class SideEnded(PedsamError):
    """The process of a side ended before it was told to; perhaps there was not enough memory."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a side is to run. `tuned`: with an allocator that keeps the memory it has had."""

    job: str  # one of JOBS
    file: str
    prompts: int
    threads: int
    tuned: bool


@dataclass(frozen=True, slots=True)
class Took:
    """What one run took: seconds of processor time, of all threads, and by the clock."""

    cpu_s: float
    wall_s: float


class Side:
    """The process of one side, from here."""

    def __init__(self, order: Order, process: subprocess.Popen[str]) -> None:
        self._order, self._process = order, process

    def run(self) -> Took:
        """Has it compute once. Raises SideEnded if it ended."""
        return Took(**self._ask('run'))

    def results(self, file: Path) -> dict[str, Values]:
        """The results of its last run, by way of a file."""
        self._ask(str(file))
        with np.load(file) as arrays:
            return {name: arrays[name] for name in arrays}

    def about(self) -> dict[str, Any]:
        """Its settings, and the most memory that it has had so far."""
        return self._ask('about')

    def _ask(self, what: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print(json.dumps(what), file=self._process.stdin, flush=True)
            answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        except (OSError, ValueError):
            raise SideEnded(f'{self._order.job}: its process ended early') from None
        return answer


@contextmanager
def side(order: Order) -> Iterator[Side]:
    """Starts a side, and ends it on leaving. It loads its weights before its first run.

    It does not get the user's own settings of the allocator: each side has those of its order.
    """
    own = {k: v for k, v in os.environ.items() if not k.startswith(_OWN_CHOICE)}
    own |= KEEPING if order.tuned else {}
    words = [sys.executable, '-c', _PROGRAM, json.dumps(astuple(order))]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, env=own, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield Side(order, process)
        finally:
            process.kill()


def serve() -> None:
    """Is the other end: runs the job of the order in its argument until nobody asks any more."""
    order = Order(*json.loads(sys.argv[1]))
    torch.set_num_threads(order.threads)
    _answer(order, sys.stdin, sys.stdout)


def _answer(order: Order, asked: IO[str], answers: IO[str]) -> None:
    results: Mapping[str, Values] = {}
    with torch.inference_mode():
        run = JOBS[order.job](Path(order.file), order.prompts)
        for line in asked:
            what, answer = json.loads(line), {}
            if what == 'run':
                results = {}
                begun_s, begun_cpu_s = time.monotonic(), time.process_time()
                results = run()
                cpu_s = time.process_time() - begun_cpu_s
                answer = {'cpu_s': cpu_s, 'wall_s': time.monotonic() - begun_s}
            elif what == 'about':
                answer = {**_settings(order), **memory_bytes()}
            else:
                np.savez(what, **results)  # type: ignore[arg-type]
            print(json.dumps(answer), file=answers, flush=True)


def _settings(order: Order) -> dict[str, Any]:
    return {
        'allocator': KEEPING if order.tuned else 'default',
        'threads': torch.get_num_threads(),
        'cpu_capability': torch.backends.cpu.get_cpu_capability(),
    }


def memory_bytes() -> dict[str, int]:
    """The most memory that this process has had, and what it has now. Weights that a file maps
    count as well. Source: /proc/self/status."""
    told = Path('/proc/self/status').read_text()
    found = {line.split(':')[0]: line.split()[1] for line in told.splitlines() if 'kB' in line}
    named = {'peak_rss_bytes': 'VmHWM', 'rss_bytes': 'VmRSS'}
    return {name: 1024 * int(found[key]) for name, key in named.items()}
