"""Rigs, which are whole systems of real processes, and what their workers are sent."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from domains import domains
from pedsam_ros.msg import Window
from pedsam_ros.ros import qos
from pedsam_ros.ros.domain import topic
from pedsam_ros.trial.client import Client
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
    """Starts to listen in every worker's domain of a rig.

    `listen(rig)` returns a function: worker -> the windows that it has been sent since.
    """
    with ExitStack() as opened:

        def listen_to(rig):
            clients, messages = {}, {}
            for worker in rig.workers:
                client = opened.enter_context(closing(Client(worker.domain_id)))
                windows = topic(worker.name, 'windows')
                messages[worker.name] = client.collect(Window, windows, qos.WIRE)
                client.until(lambda: client.node.count_publishers(windows))  # noqa: B023
                clients[worker.name] = client

            def windows_sent():
                for client in clients.values():
                    for _ in range(100):
                        client.spin(0.0)
                return {name: {msg.window for msg in msgs} for name, msgs in messages.items()}

            return windows_sent

        yield listen_to
