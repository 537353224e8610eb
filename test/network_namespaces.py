"""Workers in network namespaces of their own, and the wires that lead there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import packet_faults
from packet_faults import Harm
from pedsam_ros.trial.processes import NodeProcess
from rig import SEED, Rig


def run(*words: str) -> None:
    """Raises OSError if it can't be done, and says why."""
    ended = subprocess.run(words, capture_output=True, text=True, timeout=20)
    if ended.returncode:
        raise OSError(f'{" ".join(words)}: {ended.stderr.strip()}')


class Wires:
    """A namespace for each worker, with a wire to this one; `harm`: NAME -> what its wire does."""

    def __init__(self, names: Sequence[str], harm: Mapping[str, Harm]) -> None:
        self.names, self.harm, self.number = names, harm, os.getpid() % 200
        self.bad: list[subprocess.Popen[str]] = []

    def lay(self) -> None:
        """Raises OSError if this machine can't."""
        for place, name in enumerate(self.names):
            space, here, there = self.parts(name)
            run('ip', 'netns', 'add', space)
            self.join(name)
            for words in (
                ('addr', 'add', f'{self.address(place, 1)}/24', 'dev', here),
                ('-n', space, 'addr', 'add', f'{self.address(place)}/24', 'dev', there),
                ('link', 'set', here, 'up'),
                ('-n', space, 'link', 'set', 'lo', 'up'),
                ('-n', space, 'link', 'set', there, 'up'),
            ):
                run('ip', *words)

    def join(self, name: str) -> None:
        """Lays the wire itself."""
        space, here, there = self.parts(name)
        run('ip', 'link', 'add', here, 'type', 'veth', 'peer', 'name', there)
        run('ip', 'link', 'set', there, 'netns', space)
        if (harm := self.harm.get(name)) and not self.has_netem(name):
            run('ip', 'link', 'del', here)
            self.bad.append(packet_faults.lay(here, there, harm))
            run('ip', 'link', 'set', there, 'netns', space)

    def has_netem(self, name: str) -> bool:
        """Whether the kernel does the harm."""
        space, here, there = self.parts(name)
        netem = 'root', 'netem', *self.harm[name].netem
        try:
            run('tc', 'qdisc', 'add', 'dev', here, *netem)
            run('tc', '-n', space, 'qdisc', 'add', 'dev', there, *netem)
        except OSError:
            return False
        return True

    def parts(self, name: str) -> tuple[str, str, str]:
        """The namespace, and the wire's ends here and there."""
        space = f'ps{self.number}{name[:3]}'
        return space, f'{space}h', f'{space}t'

    def address(self, place: int, last: int = 2) -> str:
        """Of the end there of the worker in this place; `last` 1: of the end here."""
        return f'10.{self.number}.{place + 1}.{last}'

    def cut(self, name: str) -> None:
        """Nothing gets through."""
        run('ip', 'link', 'set', self.parts(name)[1], 'down')

    def mend(self, name: str) -> None:
        """As before."""
        run('ip', 'link', 'set', self.parts(name)[1], 'up')

    def remove(self) -> None:
        """Leaves nothing behind."""
        for wire in self.bad:
            wire.kill()
            wire.communicate()
        for name in self.names:
            space, here, _ = self.parts(name)
            for words in (('netns', 'del', space), ('link', 'del', here)):
                with suppress(OSError):  # gone already, or never there
                    run('ip', *words)


def start_workers_behind(wires: Wires, rig: Rig) -> None:
    """Starts every worker of a rig in its namespace; the edge will find it by address."""
    for place, name in enumerate(wires.names):
        worker = replace(rig.workers[place], peers=(wires.address(place),))
        rig.workers[place] = worker
        settings = {'checkpoint': SEED, 'threads': 1, 'name': name, 'autostart': True}
        rig.processes[name] = NodeProcess(
            *('nodes.worker_node', name, worker.domain_id, rig.folder, settings),
            prefix=('ip', 'netns', 'exec', wires.parts(name)[0]),
        )
