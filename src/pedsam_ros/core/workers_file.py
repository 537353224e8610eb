"""The workers of an edge, as workers.yaml names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pedsam_ros.core.config import NAME
from pedsam_ros.core.errors import ConfigError

MAX_DOMAIN = 232  # what DDS's port numbers allow
_TOP_KEYS = {'workers'}
_WORKER_KEYS = {'name', 'domain_id', 'windows', 'peers', 'spare'}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerEntry:
    """One worker as the edge knows it: a line of workers.yaml."""

    name: str
    domain_id: int
    windows: tuple[int, ...] | None = None  # the only windows it may be given; None: any
    peers: tuple[str, ...] = ()  # addresses of its host, where multicast does not reach
    spare: bool = False  # gets nothing until a worker is lost; then that one's windows, for good

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and NAME.fullmatch(self.name)):
            raise ConfigError(
                f'worker name={self.name!r}: small letters, digits and _, a letter first'
            )
        if type(self.domain_id) is not int or not 0 <= self.domain_id <= MAX_DOMAIN:
            raise ConfigError(f'{self.name}: domain_id={self.domain_id!r}: from 0 to {MAX_DOMAIN}')
        if type(self.spare) is not bool:
            raise ConfigError(f'{self.name}: spare={self.spare!r}: true or false')
        if self.windows == ():
            raise ConfigError(f'{self.name}: windows=[]: at least one, or all')
        if not all(type(index) is int and index >= 0 for index in self.windows or ()):
            raise ConfigError(f'{self.name}: windows={self.windows}: a list of indices, or all')


def parse_workers(data: Any, own_domain: int) -> tuple[WorkerEntry, ...]:
    """The workers of a workers.yaml, already read. Raises ConfigError naming the worker and the
    rule."""
    if (
        not isinstance(data, Mapping)
        or set(data) != _TOP_KEYS
        or not isinstance(data['workers'], list)
    ):
        raise ConfigError("workers file: one key 'workers' with a list is expected")
    workers = tuple(_parse_worker(entry) for entry in data['workers'])
    if (count := sum(not worker.spare for worker in workers)) < 2:
        raise ConfigError(f'workers file: {count} worker(s); one alone would see the whole scene')
    _check_distinct('name', [w.name for w in workers])
    _check_distinct('domain_id', [w.domain_id for w in workers])
    for worker in workers:
        if worker.domain_id == own_domain:
            raise ConfigError(
                f"{worker.name}: domain_id={own_domain} is the edge's own; each worker needs one"
            )
    return workers


def _parse_worker(entry: Any) -> WorkerEntry:
    if not isinstance(entry, Mapping) or not {'name', 'domain_id'} <= set(entry) <= _WORKER_KEYS:
        raise ConfigError(
            f'workers file: {entry!r}: name and domain_id, perhaps windows, peers and spare'
        )
    windows = entry.get('windows', 'all')
    if windows != 'all' and not isinstance(windows, list):
        raise ConfigError(f'{entry["name"]}: windows={windows!r}: a list of indices, or all')
    peers = entry.get('peers') or []
    if not (isinstance(peers, list) and all(isinstance(peer, str) for peer in peers)):
        raise ConfigError(f'{entry["name"]}: peers={peers!r}: a list of addresses')
    return WorkerEntry(
        name=entry['name'],
        domain_id=entry['domain_id'],
        windows=None if windows == 'all' else tuple(windows),
        peers=tuple(peers),
        spare=entry.get('spare', False),
    )


def _check_distinct(what: str, values: Sequence[Any]) -> None:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ConfigError(
            f'workers file: {what}={twice[0]!r} stands twice; each worker needs its own'
        )
