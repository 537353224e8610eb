"""A whole system as real processes: an edge and its workers, each in its own DDS domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pedsam_ros.core.errors import PedsamError
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.nodes import scene_file
from pedsam_ros.nodes.keys_of_all import KeysOfAll, write_workers
from pedsam_ros.trial.lies import Lie
from pedsam_ros.trial.processes import NodeProcess

CAMERA = '/camera/image_raw'
EDGE = 'edge'  # name of the edge's process


class System:
    """Starts processes by name, and ends whatever it has started.

    `domain_id` is the robot's. Settings, keys, logs and the ledger go to `folder`. Parameters are
    those of the nodes; one of a group is given as `**{'loss.audit_rate': 1.0}`. If `watched`, each
    worker keeps a diary: see diary.py.

        with System(workers_in(DOMAINS), DOMAINS[0], folder) as system:
            system.start_workers(checkpoint='vit_tiny')
            system.start_edge(checkpoint='vit_tiny')
            ...
    """

    def __init__(
        self,
        workers: Sequence[WorkerEntry],
        domain_id: int,
        folder: Path,
        watched: bool = False,
    ) -> None:
        self.keys, self._watched = KeysOfAll(folder), watched
        self.workers, self.domain_id, self.folder = self.keys.given_to(workers), domain_id, folder
        self.processes: dict[str, NodeProcess] = {}

    @property
    def ledger_file(self) -> Path:
        """Where the edge writes its exposure ledger."""
        return self.folder / 'exposure.json'

    @property
    def scene_file(self) -> Path:
        """Where the edge writes what was seen of the scene, if windows are fixed to it."""
        return scene_file.beside(self.ledger_file)

    @property
    def operator_file(self) -> Path:
        """Where the edge keeps the operator's secret, once it is configured."""
        return self.folder / 'operator.secret'

    def worker(self, name: str) -> WorkerEntry:
        """The worker of this name."""
        return next(worker for worker in self.workers if worker.name == name)

    def start_workers(self, *names: str, **parameters: Any) -> None:
        """Starts the workers of these names, or all of them if no name is given."""
        for name in names or [worker.name for worker in self.workers]:
            self.start_worker(name, parameters)

    def start_worker(
        self, name: str, parameters: Mapping[str, Any], prefix: Sequence[str] = ()
    ) -> None:
        """Starts one worker; the words of `prefix` precede the command."""
        settings = {'name': name, 'autostart': True, **self.keys.of_worker(name), **parameters}
        if self._watched:
            settings['diary'] = str(self.diary_file(name))
        executable = 'trial.watched' if self._watched else 'nodes.worker_node'
        self.start(executable, name, settings, prefix)

    def diary_file(self, name: str) -> Path:
        """Where a watched worker writes what it is sent."""
        return self.folder / f'{name}.diary'

    def start_hostile(self, name: str, lie: Lie, checkpoint: str) -> None:
        """Starts a worker that tells a lie, in the place of the worker of this name."""
        settings = {'name': name, 'checkpoint': checkpoint, 'lie': lie.value}
        settings |= self.keys.of_worker(name) | {'diary': str(self.diary_file(name))}
        self.start('trial.hostile', name, settings)

    def start(
        self, executable: str, name: str, settings: dict[str, Any], prefix: Sequence[str] = ()
    ) -> None:
        """Starts the module `pedsam_ros.EXECUTABLE` in the domain of the worker of this name."""
        domain_id = self.worker(name).domain_id
        self.processes[name] = NodeProcess(
            executable, name, domain_id, self.folder, settings, prefix=prefix
        )

    def start_edge(self, camera: str = CAMERA, **parameters: Any) -> None:
        """Starts the edge; `camera` is the topic of its images."""
        workers_file = write_workers(self.folder / 'workers.yaml', self.workers)
        files = {'workers_file': str(workers_file), 'ledger_file': str(self.ledger_file)}
        files['key_folder'] = str(self.keys.edge.folder)
        files['operator_file'] = str(self.operator_file)
        settings = {**files, 'autostart': True, **parameters}
        remap = {'image': camera, 'image/compressed': camera}
        self.processes[EDGE] = NodeProcess(
            'nodes.edge_node', EDGE, self.domain_id, self.folder, settings, remap
        )

    def kill(self, name: str) -> None:
        """Ends a process with SIGKILL, and forgets it."""
        self.processes.pop(name).kill()

    def end(self) -> dict[str, int]:
        """Interrupts every process and waits for its end. Returns exit statuses by name."""
        for process in self.processes.values():
            process.interrupt()
        statuses = {name: process.wait() for name, process in self.processes.items()}
        self.processes.clear()
        return statuses

    def __enter__(self) -> System:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """Ends every process. Raises PedsamError if one of them ended badly, unless the block
        raises something itself."""
        bad = bad_ends(self.end())
        if bad and error is None:
            raise PedsamError(f'{bad}; logs are in {self.folder}')


def bad_ends(statuses: Mapping[str, int]) -> str:
    """Which processes ended with another status than 0, in words; empty if none did."""
    bad = [f'{name} ended with status {status}' for name, status in statuses.items() if status]
    return ', '.join(bad)
