"""Rigs: whole systems of real processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domains import domains
from rig import Rig


@pytest.fixture
def rig(domain_ids: list[int], tmp_path: Path) -> Iterator[Rig]:
    """A rig with three workers, of which the test starts what it needs."""
    made = Rig(domain_ids, tmp_path)
    yield made
    made.close()


@pytest.fixture
def rig_with_spare(tmp_path: Path) -> Iterator[Rig]:
    """A rig with three workers and a spare."""
    with domains(5) as domain_ids:
        made = Rig(domain_ids, tmp_path)
        yield made
        made.close()


@pytest.fixture(scope='module')
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A running system that queues every frame, shared by the tests of a module."""
    with domains(4) as domain_ids:
        made = Rig(domain_ids, tmp_path_factory.mktemp('rig'))
        made.start_edge(every_frame=True)
        made.start_workers()
        made.wait_ready()
        yield made
        made.close()
