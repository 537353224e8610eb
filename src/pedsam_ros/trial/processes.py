"""One node as a process of its own, and the workers that the demo, the soak and the tests use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pedsam_ros.core.workers_file import WorkerEntry, parse_workers
from pedsam_ros.nodes import process

NAMES = ('alice', 'bob', 'carol')  # the example workers, as in config/workers.yaml
SPARE = 'dave'
DOMAINS = (20, 21, 22, 23)  # the robot's, then each worker's
_PROGRAM = (  # as CMakeLists.txt makes the executables
    'from pedsam_ros.nodes import process; process.begin(); '
    'from pedsam_ros.{} import main; process.finish(main)'
)
_END_S = 90.0  # only catches hangs; a node ends itself before


class NodeProcess:
    """One node in one DDS domain: the `main` of the module `pedsam_ros.EXECUTABLE`.

    The node's parameters are written to `folder`/NAME.yaml, its output to `folder`/NAME.log. The
    words of `prefix` precede the command. `remap` maps the node's own topic names to others.
    """

    def __init__(
        self,
        executable: str,
        name: str,
        domain_id: int,
        folder: Path,
        parameters: Mapping[str, Any],
        remap: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        self.name, self.domain_id = name, domain_id
        self.log = folder / f'{name}.log'
        settings = folder / f'{name}.yaml'
        settings.write_text(yaml.safe_dump({'/**': {'ros__parameters': dict(parameters)}}))
        remaps = {'__node': name, **(remap or {})}
        arguments = ['--ros-args', '--params-file', str(settings)]
        arguments += [word for old, new in remaps.items() for word in ('-r', f'{old}:={new}')]
        program = _PROGRAM.format(executable)
        with self.log.open('wb') as log, process.held():
            self.process = subprocess.Popen(
                [*prefix, sys.executable, '-c', program, *arguments],
                env={**os.environ, 'ROS_DOMAIN_ID': str(domain_id)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def running(self) -> bool:
        """Whether the process has not ended yet."""
        return self.process.poll() is None

    @property
    def resident_bytes(self) -> int:
        """The memory that the process occupies now."""
        pages = int(Path(f'/proc/{self.process.pid}/statm').read_text().split()[1])
        return pages * os.sysconf('SC_PAGE_SIZE')

    def signal(self, number: int) -> None:
        """Sends a signal, if the process is still running."""
        if self.running:
            self.process.send_signal(number)

    def wait(self) -> int:
        """Waits 90 s for the process to end, then kills it. Returns the exit status."""
        try:
            return self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def kill(self) -> None:
        """Sends SIGKILL and waits until the process is gone."""
        self.process.kill()
        self.process.wait()

    def interrupt(self) -> None:
        """Sends what Ctrl-C sends."""
        self.signal(signal.SIGINT)

    def last_words(self, lines: int = 15) -> str:
        """The last lines of the log, headed by the name of the process and of its log."""
        said = self.log.read_text(errors='replace').splitlines()[-lines:]
        return '\n'.join([f'last words of {self.name} ({self.log}):', *said])


def workers_in(domains: Sequence[int]) -> list[WorkerEntry]:
    """The example workers in the domains after the first, which is the robot's.

    A fifth domain is the spare's. Raises ConfigError if the domains break a rule of workers.yaml.
    """
    pairs = zip((*NAMES, SPARE), domains[1:], strict=False)
    entries = [{'name': n, 'domain_id': d, 'spare': n == SPARE} for n, d in pairs]
    return list(parse_workers({'workers': entries}, own_domain=domains[0]))
