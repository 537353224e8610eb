"""Begins handshakes with the keys that the settings name, or plain ones under `insecure`."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from pedsam_ros.core import noise, plain, seal
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.gate import Gate
from pedsam_ros.core.keys import parse_public
from pedsam_ros.core.noise import PrivateKey
from pedsam_ros.core.sessions import EdgeSessions, WorkerSessions
from pedsam_ros.core.worker_config import WorkerConfig
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.nodes.key_folder import KeyFolder

INSECURE = "insecure: anybody in a worker's domain can read and forge what travels there"


def edge_keys(
    workers: Iterable[WorkerEntry], config: EdgeConfig
) -> Mapping[str, PrivateKey] | None:
    """This edge's key for each worker, by name; None under `insecure`. Raises ConfigError."""
    if config.insecure:
        return None
    folder, keys = _folder(config.key_folder), {}
    for worker in workers:
        if not worker.key:
            raise ConfigError(
                f"{worker.name}: key='': workers_file must have the worker's public key, "
                'as pedsam keys init prints it on its host (or set insecure)'
            )
        keys[worker.name] = folder.load(worker.name)
    return keys


def edge_sessions(worker: WorkerEntry, keys: Mapping[str, PrivateKey] | None) -> EdgeSessions:
    """The edge's end of the sessions with a worker; a plain one if there are no keys at all."""
    if keys is None:
        return EdgeSessions(worker.name, plain.PlainInitiator, Gate(b''))
    own, pinned = keys[worker.name], parse_public(worker.key)
    prologue = seal.prologue(worker.name)
    begin = partial(noise.Initiator, own, pinned, prologue)
    return EdgeSessions(worker.name, begin, Gate.between(own, pinned, prologue))


def worker_key(config: WorkerConfig) -> PrivateKey | None:
    """A worker's own key; None under `insecure`. Raises ConfigError, also for a missing or wrong
    `edge_key`."""
    if config.insecure:
        return None
    if not config.edge_key:
        raise ConfigError(
            "edge_key='': name the public key of the edge that is served, "
            'as pedsam keys add-worker prints it on the robot (or set insecure)'
        )
    parse_public(config.edge_key)
    return _folder(config.key_folder).load(None)


def worker_sessions(config: WorkerConfig, key: PrivateKey | None) -> WorkerSessions:
    """A worker's end of the sessions with its edge; a plain one without a key."""
    process = secrets.token_bytes(16)
    if key is None:
        return WorkerSessions(config.name, plain.PlainResponder, b'', process, Gate(b''))
    edge, prologue = parse_public(config.edge_key), seal.prologue(config.name)
    begin = partial(noise.Responder, key, prologue)
    gate = Gate.between(key, edge, prologue)
    return WorkerSessions(config.name, begin, edge, process, gate)


def _folder(path: str) -> KeyFolder:
    return KeyFolder(Path(path) if path else None)
