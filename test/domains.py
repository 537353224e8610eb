"""Domain ids for tests: two tests never use the same at a time, not even in two runs."""

import itertools
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

_DOMAINS = range(30, 100)  # below 102: outside Linux's range of ephemeral ports
_next = itertools.count(os.getpid())


@contextmanager
def domains(count: int) -> Iterator[list[int]]:
    """Yields some domain ids that nobody else is given meanwhile."""
    locks: dict[int, socket.socket] = {}
    for _ in _DOMAINS:
        domain_id = _DOMAINS[next(_next) % len(_DOMAINS)]
        lock = socket.socket(socket.AF_UNIX)
        try:
            lock.bind(f'\0pedsam-test-domain-{domain_id}')
        except OSError:
            lock.close()
            continue
        locks[domain_id] = lock
        if len(locks) == count:
            break
    try:
        assert len(locks) == count, f'all of {_DOMAINS} are in use'
        yield list(locks)
    finally:
        for lock in locks.values():
            lock.close()
