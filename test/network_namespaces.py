"""Workers in network namespaces of their own, each with a link to this one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from packet_faults import PacketFaults, start_link
from rig import SEED, WAIT_S, Rig


def run(*words: str) -> None:
    """Runs a command. Raises OSError with what it printed if it fails."""
    ended = subprocess.run(words, capture_output=True, text=True, timeout=WAIT_S)
    if ended.returncode:
        raise OSError(f'{" ".join(words)}: {ended.stderr.strip()}')


class Namespaces:
    """A network namespace for each worker. `faults`: worker -> what its link does to packets.

    A link has two ends: one here, one there in the worker's namespace.
    """

    def __init__(self, workers: Sequence[str], faults: Mapping[str, PacketFaults]) -> None:
        self.workers, self._faults, self._number = workers, faults, os.getpid() % 200
        self._links: list[subprocess.Popen[str]] = []

    def create(self) -> None:
        """Makes namespaces and links. Raises OSError if this machine does not allow it."""
        for number, worker in enumerate(self.workers, 1):
            space, here, there = self._names(worker)
            run('ip', 'netns', 'add', space)
            self._connect(worker)
            for words in (
                ('addr', 'add', f'10.{self._number}.{number}.1/24', 'dev', here),
                ('-n', space, 'addr', 'add', f'{self.address(worker)}/24', 'dev', there),
                ('link', 'set', here, 'up'),
                ('-n', space, 'link', 'set', 'lo', 'up'),
                ('-n', space, 'link', 'set', there, 'up'),
            ):
                run('ip', *words)

    def prefix(self, worker: str) -> tuple[str, ...]:
        """The words that start a command in a worker's namespace."""
        return 'ip', 'netns', 'exec', self._names(worker)[0]

    def interface(self, worker: str) -> str:
        """The name of the end here of a worker's link."""
        return self._names(worker)[1]

    def address(self, worker: str) -> str:
        """The address of the end there of a worker's link."""
        return f'10.{self._number}.{self.workers.index(worker) + 1}.2'

    def cut(self, worker: str) -> None:
        """Lets no packet through a worker's link."""
        run('ip', 'link', 'set', self.interface(worker), 'down')

    def mend(self, worker: str) -> None:
        """Undoes `cut`."""
        run('ip', 'link', 'set', self.interface(worker), 'up')

    def remove(self) -> None:
        """Removes all namespaces and links."""
        for link in self._links:
            link.kill()
            link.communicate()
        for worker in self.workers:
            space, here, _ = self._names(worker)
            for words in (('netns', 'del', space), ('link', 'del', here)):
                with suppress(OSError):  # gone already, or never there
                    run('ip', *words)

    def _connect(self, worker: str) -> None:
        """Makes a link, through the kernel if it can do the faults, else through a process."""
        space, here, there = self._names(worker)
        run('ip', 'link', 'add', here, 'type', 'veth', 'peer', 'name', there)
        run('ip', 'link', 'set', there, 'netns', space)
        if (faults := self._faults.get(worker)) and not self._netem(worker, faults):
            run('ip', 'link', 'del', here)
            self._links.append(start_link(here, there, faults))
            run('ip', 'link', 'set', there, 'netns', space)

    def _netem(self, worker: str, faults: PacketFaults) -> bool:
        """Has the kernel do the faults. Returns whether it can."""
        space, here, there = self._names(worker)
        netem = 'root', 'netem', *faults.netem
        try:
            run('tc', 'qdisc', 'add', 'dev', here, *netem)
            run('tc', '-n', space, 'qdisc', 'add', 'dev', there, *netem)
        except OSError:
            return False
        return True

    def _names(self, worker: str) -> tuple[str, str, str]:
        """The namespace, and the interfaces at the link's end here and there."""
        space = f'ps{self._number}{worker[:3]}'
        return space, f'{space}h', f'{space}t'


@contextmanager
def created(spaces: Any) -> Iterator[Any]:
    """Creates namespaces and removes them; skips the test where the machine forbids them."""
    try:
        spaces.create()
    except OSError as missing:
        spaces.remove()
        pytest.skip(str(missing))
    try:
        yield spaces
    finally:
        spaces.remove()


def start_workers_in(namespaces: Namespaces, rig: Rig) -> None:
    """Starts every worker of a rig in its namespace. The edge will find it by its address."""
    rig.workers = [replace(w, peers=(namespaces.address(w.name),)) for w in rig.workers]
    for worker in rig.workers:
        prefix = namespaces.prefix(worker.name)
        rig.start_worker(worker.name, {'checkpoint': SEED, 'threads': 1}, prefix)
