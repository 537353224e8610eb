"""Keys of an edge and of all its workers, made on one machine: for the demo and for trials.

Each end has a folder of its own, as on real hosts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from pedsam_ros.core.keys import public_text
from pedsam_ros.core.noise import public
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.nodes.key_folder import KeyFolder


class KeysOfAll:
    """The keys of one edge and its workers, in folders below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / 'keys'
        self.edge = KeyFolder(self._folder / 'edge')

    def given_to(self, workers: Iterable[WorkerEntry]) -> list[WorkerEntry]:
        """Makes the keys of the workers, and of the edge for each, unless they are there. Returns
        the workers with theirs pinned. Raises ConfigError."""
        return [replace(worker, key=self._made(worker.name), former_keys=()) for worker in workers]

    def of_worker(self, name: str) -> dict[str, str]:
        """The parameters of a worker that name its keys and the edge's."""
        edge_key = public_text(public(self.edge.load(name)))
        return {'key_folder': str(self._of(name).folder), 'edge_key': edge_key}

    def _made(self, name: str) -> str:
        self.edge.make(name)
        return public_text(public(self._of(name).make(None)))

    def _of(self, name: str) -> KeyFolder:
        return KeyFolder(self._folder / name)


def write_workers(path: Path, workers: Sequence[WorkerEntry]) -> Path:
    """Writes a workers.yaml and returns its path."""
    path.write_text(yaml.safe_dump({'workers': [_entry(worker) for worker in workers]}))
    return path


def _entry(worker: WorkerEntry) -> dict[str, Any]:
    plain = {key: getattr(worker, key) for key in ('name', 'domain_id', 'spare', 'key')}
    windows = 'all' if worker.windows is None else list(worker.windows)
    lists = {'peers': list(worker.peers), 'former_keys': list(worker.former_keys)}
    return {**plain, 'windows': windows, **lists}
