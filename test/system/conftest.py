"""Rigs, which are whole systems of real processes, and what their workers are sent."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domains import domains
from pedsam_ros.trial.diary import Diary
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


@pytest.fixture
def listen():
    """Begins to read the diaries of a rig's workers.

    `listen(rig)` returns a function: worker -> the windows that it has been sent since.
    """

    def listen_to(rig):
        diaries = {worker.name: Diary(rig.diary_file(worker.name)) for worker in rig.workers}
        for diary in diaries.values():
            diary.look()
            diary.windows.clear()

        def windows_sent():
            for diary in diaries.values():
                diary.look()
            return {name: set(diary.windows) for name, diary in diaries.items()}

        return windows_sent

    return listen_to
