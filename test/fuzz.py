"""Throws hostile input at every decoder: python test/fuzz.py [--mutations 100000] [--target NAME]

Each target runs in a process of its own. A target fails if a case raises anything but the
product's own errors, takes longer than a second (also when it is tried again), takes more memory
than its bound, or ends the process. A case is named by its number: `--only 1234` repeats it.
Figures are written to out/fuzz.json. fuzz_targets.py says how to add a target.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from mmap import mmap
from pathlib import Path
from typing import Any

import fuzz_targets_files
import fuzz_targets_scene
import fuzz_targets_sealed
import fuzz_targets_wire
from fuzz_targets import TARGETS, Target

from pedsam_ros.core.shown import shown
from pedsam_ros.tools.figures import write_figures

HANG_S = 1.0  # of the processor: the machine may be busy
_TRIES = 3  # of a slow case; the fastest counts
_ENDLESS_S = 60.0  # on the clock, after which a case is ended: it may wait for something
_MOST_FAULTS = 10  # that are told of a target
_LOADED = (  # to register theirs
    fuzz_targets_files,
    fuzz_targets_scene,
    fuzz_targets_sealed,
    fuzz_targets_wire,
)


@dataclass
class Outcome:
    """What some cases did to a target."""

    target: str
    cases: int = 0
    accepted: int = 0
    refused: int = 0
    longest_s: float = 0.0
    grown_mb: float = 0.0  # peak memory above that before the first case
    most_mb: int = 0
    faults: list[str] = field(default_factory=list)

    def fault(self, number: int, what: str) -> None:
        """Notes what a case did wrong."""
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(f'case {number}: {what}')


def case_of(target: Target, seed: int, number: int) -> Any:
    """One case; the same arguments give the same case."""
    return target.make(random.Random(f'{seed} {target.name} {number}'))


def attempt(target: Target, case: Any) -> tuple[bool, float, str]:
    """Whether a case was accepted, the processor's seconds, and what was wrong, if anything."""
    begun_s = time.process_time()
    accepted, wrong = True, ''
    try:
        target.decode(case)
    except target.errors:
        accepted = False
    except Exception as error:
        accepted = False
        at = traceback.extract_tb(error.__traceback__)[-1]
        wrong = (
            f'{type(error).__name__}: {shown(error, 120)} ({Path(at.filename).name}:{at.lineno})'
        )
    return accepted, time.process_time() - begun_s, wrong


def fuzz(target: Target, numbers: Sequence[int], seed: int, done: mmap | None = None) -> Outcome:
    """Runs the cases of these numbers; their count goes to `done` while they run."""
    outcome = Outcome(target.name, most_mb=target.most_mb)
    before_mb = _peak_mb()
    for count, number in enumerate(numbers):
        if done is not None:
            done[:16] = count.to_bytes(8, 'little') + time.monotonic_ns().to_bytes(8, 'little')
        case = case_of(target, seed, number)
        accepted, took_s, wrong = attempt(target, case)
        for _ in range(_TRIES - 1):
            if took_s > HANG_S:
                took_s = min(took_s, attempt(target, case)[1])
        outcome.cases += 1
        outcome.accepted += accepted
        outcome.refused += not accepted
        outcome.longest_s = max(outcome.longest_s, took_s)
        if took_s > HANG_S:
            wrong = wrong or f'takes {took_s:.1f} s'
        grown_mb = _peak_mb() - before_mb
        if grown_mb > target.most_mb >= outcome.grown_mb:
            wrong = wrong or f'takes {grown_mb:.0f} MB; at most {target.most_mb}'
        outcome.grown_mb = max(outcome.grown_mb, grown_mb)
        if wrong:
            outcome.fault(number, wrong)
    return outcome


def in_process(target: Target, numbers: range, seed: int) -> Outcome:
    """As `fuzz`, in a process of its own; its end, or a case without end, is a fault."""
    done = mmap(-1, 16)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.dup2(
                os.open(os.devnull, os.O_WRONLY), 2
            )  # where OpenCV, libpng and others complain
            _forget_peak()
            outcome = fuzz(target, numbers, seed, done)
            os.write(writing, json.dumps(asdict(outcome)).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    status = _wait(child, done)
    with os.fdopen(reading, 'rb') as stream:
        told = stream.read()
    if told and not status:
        return Outcome(**json.loads(told))
    count = int.from_bytes(done[:8], 'little')
    ended = Outcome(target.name, cases=count + 1, most_mb=target.most_mb)
    ended.fault(numbers[count], f'the process ended with status {status}, or the case did not end')
    return ended


def _wait(child: int, done: mmap) -> int:
    """Waits for a process, and ends it if one of its cases does not end."""
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        begun_ns = int.from_bytes(done[8:16], 'little') or time.monotonic_ns()
        if time.monotonic_ns() - begun_ns > _ENDLESS_S * 1e9:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.05)


def _forget_peak() -> None:
    """Has Linux count the peak of this process's memory from now on."""
    with open('/proc/self/clear_refs', 'w') as file:
        file.write('5')


def _peak_mb() -> float:
    with open('/proc/self/status') as file:
        for line in file:
            if line.startswith('VmHWM'):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _row(outcome: Outcome) -> str:
    return (
        f'| {outcome.target} | {outcome.cases} | {outcome.accepted} | {outcome.refused} '
        f'| {outcome.longest_s * 1000:.0f} | {outcome.grown_mb:.0f} of {outcome.most_mb} '
        f'| {len(outcome.faults)} |'
    )


def main(words: Sequence[str] | None = None) -> int:
    """Runs the targets; returns 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--mutations', type=int, default=100_000, help='cases for each target')
    parser.add_argument('--target', action='append', choices=sorted(TARGETS), metavar='NAME')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--out', type=Path, default=Path('out/fuzz.json'))
    parser.add_argument('--only', type=int, help='repeat one case in this process, and show it')
    options = parser.parse_args(words)
    chosen = [TARGETS[name] for name in options.target or TARGETS]
    if options.only is not None:
        for target in chosen:
            case = case_of(target, options.seed, options.only)
            print(shown(case, 2000))
            target.decode(case)
        return 0
    outcomes = []
    print('| target | cases | accepted | refused | longest, ms | memory, MB | faults |')
    print('|---|---|---|---|---|---|---|')
    for target in chosen:
        outcomes.append(in_process(target, range(options.mutations), options.seed))
        print(_row(outcomes[-1]), *outcomes[-1].faults, sep='\n  ', flush=True)
        write_figures(options.out, {'targets': [asdict(outcome) for outcome in outcomes]})
    return int(any(outcome.faults for outcome in outcomes))


if __name__ == '__main__':
    sys.exit(main())
