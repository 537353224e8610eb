"""Domain ids of which no two tests, of this run or of one beside it, use the same."""

import itertools
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

_DOMAINS = range(30, 100)  # below 102: outside the ports that Linux gives out by itself
_next = itertools.count(os.getpid())


@contextmanager
def domains(count: int) -> Iterator[list[int]]:
    """Some domain ids that nobody else has meanwhile."""
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
