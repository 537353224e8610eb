"""The workers of an edge, as workers.yaml lists them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import Any

from pedsam_ros.core.common_settings import NAME, NAME_FORM
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.foreign_text import parsed_yaml, read_bounded
from pedsam_ros.core.keys import parse_public
from pedsam_ros.core.settings import described, setting, settings_of
from pedsam_ros.core.shown import shown, written

MAX_DOMAIN = 232  # what DDS's port numbers allow
MAX_WORKERS = 64
MAX_WINDOWS = 4096  # that one worker may list
MAX_PEERS = 32  # of one worker
MAX_FORMER_KEYS = 32  # of one worker
_ADDRESS = r'[0-9A-Za-z:\[][0-9A-Za-z.:_%\[\]-]{0,252}'
_TOP_KEYS = {'workers'}
_NAMED = re.compile(f'name:{NAME}')  # the identity of a worker without a key


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerEntry:
    """One worker as the edge knows it: an entry of workers.yaml. Raises ConfigError."""

    name: str = field(
        metadata=described(
            "the worker's name, as in its topic /pedsam/NAME/windows", pattern=NAME, form=NAME_FORM
        )
    )
    domain_id: int = field(
        metadata=described(
            'DDS domain of this worker alone (on Linux below 102 or above 214, outside the ports '
            'that the system hands out)',
            low=0,
            high=MAX_DOMAIN,
        )
    )
    windows: tuple[int, ...] | None = setting(
        None, 'indices (row by row, 0 at the top left) of the only windows it may see, or all'
    )
    peers: tuple[str, ...] = setting(
        (),
        'addresses of its host, where multicast does not reach (added to ROS_STATIC_PEERS)',
        example=('10.0.0.7',),
    )
    spare: bool = setting(
        False,
        'whether it gets nothing until a worker is lost, and then the windows of that worker only',
    )
    key: str = setting(
        '', 'its public key, as pedsam keys init prints it on its host; no other host is trusted'
    )
    former_keys: tuple[str, ...] = setting(
        (),
        'public keys that it had before, or name:NAME for a name without a key, so that the '
        'ledger keeps what it knows of it',
        example=('nXVXvtgT0gQoXzpPxTWU6eiHokUYgTYaJgPqGz54TWA=',),
    )

    def __post_init__(self) -> None:
        for each in settings_of(WorkerEntry):
            value = getattr(self, each.name)
            if each.kind in (bool, int) and type(value) is not each.kind:
                raise self._error(each.name, value, each.allowed or 'true or false')
            if broken := each.broken_rule(value):
                raise self._error(each.name, value, broken)
        if self.windows == ():
            raise self._error('windows', [], 'at least one, or all')
        if not all(type(index) is int and index >= 0 for index in self.windows or ()):
            raise self._error('windows', self.windows, 'a list of indices, or all')
        self._check_lists()
        if self.key != '':
            self._check_key('key', self.key)
        for key in self.former_keys:
            if not (isinstance(key, str) and _NAMED.fullmatch(key)):
                self._check_key('former_keys', key)

    @property
    def identities(self) -> tuple[str, ...]:
        """What this worker is known by, the present first: its keys, or its name without a key."""
        return (self.key or f'name:{self.name}', *self.former_keys)

    def _check_lists(self) -> None:
        for what, values, most in (
            ('windows', self.windows or (), MAX_WINDOWS),
            ('peers', self.peers, MAX_PEERS),
            ('former_keys', self.former_keys, MAX_FORMER_KEYS),
        ):
            if len(values) > most:
                raise self._error(what, values, f'{len(values)} values, at most {most}')
        for peer in self.peers:
            if not re.fullmatch(_ADDRESS, peer):
                raise self._error('peers', peer, 'an address or a name of a host')

    def _check_key(self, what: str, key: Any) -> None:
        if not isinstance(key, str):
            raise self._error(what, key, 'a public key, as pedsam keys init prints it')
        try:
            parse_public(key)
        except ConfigError as error:
            raise ConfigError(f'{self.name}: {what}={error}') from None

    def _error(self, key: str, value: Any, rule: str) -> ConfigError:
        worker = 'worker ' if key == 'name' else f'{shown(self.name)}: '
        return ConfigError(f'{worker}{key}={written(value)}: {rule}')


_KEYS = [each.name for each in settings_of(WorkerEntry)]
_REQUIRED = [each.name for each in settings_of(WorkerEntry) if each.default is MISSING]


def parse_workers(data: Any, own_domain: int) -> tuple[WorkerEntry, ...]:
    """The workers of a workers.yaml that has been read; `own_domain` is the edge's.

    Raises ConfigError, which names the worker and the rule.
    """
    if (
        not isinstance(data, Mapping)
        or set(data) != _TOP_KEYS
        or not isinstance(data['workers'], list)
    ):
        raise ConfigError("workers file: one key 'workers' with a list is expected")
    if len(data['workers']) > MAX_WORKERS:
        raise ConfigError(f'workers file: {len(data["workers"])} workers; at most {MAX_WORKERS}')
    workers = tuple(_parse_worker(entry) for entry in data['workers'])
    if (count := sum(not worker.spare for worker in workers)) < 2:
        raise ConfigError(f'workers file: {count} worker(s); one alone would see the whole scene')
    _check_distinct('name', [w.name for w in workers])
    _check_distinct('domain_id', [w.domain_id for w in workers])
    _check_distinct('key', [identity for w in workers for identity in w.identities])
    for worker in workers:
        if worker.domain_id == own_domain:
            raise ConfigError(
                f"{worker.name}: domain_id={own_domain} is the edge's own; each worker needs one"
            )
    return workers


def read_workers(path: str | Path, own_domain: int) -> tuple[WorkerEntry, ...]:
    """The workers of a workers.yaml, as `parse_workers` takes it. Raises ConfigError."""
    if not path:
        example = 'config/workers.yaml is an example'
        raise ConfigError(f"workers_file='': name the file that lists the workers; {example}")
    try:
        data = parsed_yaml(read_bounded(Path(path).expanduser()))
    except (OSError, RuntimeError, ValueError) as error:  # no such ~; a name that no file can have
        raise ConfigError(f'workers_file={written(str(path))}: {shown(error, 300)}') from None
    return parse_workers(data, own_domain)


def _parse_worker(entry: Any) -> WorkerEntry:
    if not isinstance(entry, Mapping) or not set(_REQUIRED) <= set(entry) <= set(_KEYS):
        raise ConfigError(
            f'workers file: {written(entry)}: needs {" and ".join(_REQUIRED)}; '
            f'its keys are {", ".join(_KEYS)}'
        )
    windows = entry.get('windows', 'all')
    if windows != 'all' and not isinstance(windows, list):
        raise ConfigError(
            f'{shown(entry["name"])}: windows={written(windows)}: a list of indices, or all'
        )
    peers = entry.get('peers') or []
    if not (isinstance(peers, list) and all(isinstance(peer, str) for peer in peers)):
        raise ConfigError(f'{shown(entry["name"])}: peers={written(peers)}: a list of addresses')
    former = entry.get('former_keys') or []
    if not isinstance(former, list):
        name = shown(entry['name'])
        raise ConfigError(f'{name}: former_keys={written(former)}: a list of public keys')
    return WorkerEntry(
        name=entry['name'],
        domain_id=entry['domain_id'],
        windows=None if windows == 'all' else tuple(windows),
        peers=tuple(peers),
        spare=entry.get('spare', False),
        key=entry.get('key') or '',
        former_keys=tuple(former),
    )


def _check_distinct(what: str, values: Sequence[Any]) -> None:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ConfigError(
            f'workers file: {what}={written(twice[0])} stands twice; each worker needs its own'
        )
