"""Our nodes as processes of their own, each in its DDS domain: for the demo and the system
tests."""

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

DOMAINS = (20, 21, 22, 23)  # the robot's, then each worker's
NAMES = ('alice', 'bob', 'carol')
_END_S = 15.0


class NodeProcess:
    """One node, the `main` of a module of ours, started behind the words of `prefix`. Its
    parameters and its log lie in `folder`, as NAME.yaml and NAME.log."""

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
        module = f'from pedsam_ros.{executable} import main; raise SystemExit(main())'
        with self.log.open('wb') as log:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, '-c', module, *arguments],
                env={**os.environ, 'ROS_DOMAIN_ID': str(domain_id)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def running(self) -> bool:
        """Whether it has not ended, by itself or otherwise."""
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        """Sends a signal, if it is still running."""
        if self.running:
            self.process.send_signal(number)

    def wait(self) -> int:
        """Waits 15 s for its end, then kills it. Returns the exit status."""
        try:
            return self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def last_words(self, lines: int = 15) -> str:
        """The end of its log."""
        return '\n'.join(self.log.read_text(errors='replace').splitlines()[-lines:])


def three_workers(domains: Sequence[int]) -> list[WorkerEntry]:
    """Of the domains after the first, checked by the rules of any workers file. Raises
    ConfigError."""
    pairs = zip(NAMES, domains[1:], strict=True)
    entries = [{'name': name, 'domain_id': domain_id} for name, domain_id in pairs]
    return list(parse_workers({'workers': entries}, own_domain=domains[0]))


def write_workers(path: Path, workers: list[WorkerEntry]) -> Path:
    """A workers.yaml."""
    keys = ('name', 'domain_id', 'spare')
    entries = [{key: getattr(w, key) for key in keys} | {'peers': list(w.peers)} for w in workers]
    path.write_text(yaml.safe_dump({'workers': entries}))
    return path


def start_workers(
    workers: list[WorkerEntry], folder: Path, parameters: Mapping[str, Any]
) -> list[NodeProcess]:
    """One worker process in each worker's domain."""
    return [
        NodeProcess(
            'nodes.worker_node',
            worker.name,
            worker.domain_id,
            folder,
            {'name': worker.name, 'autostart': True, **parameters},
        )
        for worker in workers
    ]


def start_edge(
    workers: list[WorkerEntry],
    domain_id: int,
    folder: Path,
    parameters: Mapping[str, Any],
    image: str = '/camera/image_raw',
) -> NodeProcess:
    """The edge process; `image` is the camera's topic."""
    workers_file = write_workers(folder / 'workers.yaml', workers)
    files = {'workers_file': str(workers_file), 'ledger_file': str(folder / 'exposure.json')}
    settings = {**files, 'autostart': True, **parameters}
    remap = {'image': image, 'image/compressed': image}
    return NodeProcess('nodes.edge_node', 'edge', domain_id, folder, settings, remap)


def end_all(processes: list[NodeProcess]) -> dict[str, int]:
    """Ctrl-C to every process; name -> exit status."""
    for process in processes:
        process.signal(signal.SIGINT)
    return {process.name: process.wait() for process in processes}
