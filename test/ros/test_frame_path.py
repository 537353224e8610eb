"""docs/architecture.md names every file that a frame passes."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image

from fakes import frame
from pedsam_ros.msg import Masks
from pedsam_ros.nodes.edge_node import EdgeNode
from pedsam_ros.nodes.keys_of_all import KeysOfAll, write_workers
from pedsam_ros.nodes.worker_node import WorkerNode
from pedsam_ros.ros import qos
from pedsam_ros.trial.client import Client
from pedsam_ros.trial.processes import workers_in
from rig import WAIT_S, image_msg

pytestmark = pytest.mark.ros

PAGE = Path(__file__).resolve().parents[2] / 'docs' / 'architecture.md'
WARM_UP, TRACED = 1, 2  # stamps of frames, ns
REPORTS = {  # run every second, for no frame in particular
    'core/camera.py',
    'core/placement.py',
    'nodes/edge_report.py',
    'nodes/managed.py',
    'ros/clock.py',
    'ros/diagnostics.py',
    'ros/exposure_msg.py',
}
NOT_TRACED = {'core/types.py'}  # dataclasses: Python compiles their methods outside the file


class Tracer:
    """Notes which files of the package run, on all threads started from now on, while `armed`."""

    def __init__(self) -> None:
        self.armed = threading.Event()
        self.files: set[str] = set()

    def __call__(self, running: FrameType, event: str, _: Any) -> None:
        file = running.f_code.co_filename
        if event == 'call' and self.armed.is_set() and '/pedsam_ros/' in file:
            self.files.add(file.rpartition('/pedsam_ros/')[2])

    @property
    def ours(self) -> set[str]:
        """The files that carry frames, without generated messages and the reports."""
        return {f for f in self.files - REPORTS if not f.startswith(('msg/', 'srv/'))}


@pytest.fixture
def tracer() -> Iterator[Tracer]:
    """A tracer of all threads that the test starts."""
    made = Tracer()
    threading.setprofile(made)
    yield made
    threading.setprofile(None)


@contextmanager
def spinning(make: Callable[[Context], Node], domain_id: int) -> Iterator[Node]:
    """A node of this process in some domain, spun by a thread of its own."""
    context, stopped = Context(), threading.Event()
    context.init(args=[], domain_id=domain_id)
    node = make(context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)

    def spin() -> None:
        while not stopped.is_set():
            executor.spin_once(timeout_sec=0.1)

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        yield node
    finally:
        stopped.set()
        thread.join()
        executor.shutdown()
        node.destroy_node()
        context.try_shutdown()


def made_of(kind: Any, **settings: Any) -> Callable[[Context], Node]:
    """Makes a node of ours that configures and activates at once."""
    shared = {'checkpoint': 'vit_tiny', 'threads': 1, 'autostart': True}
    given = [Parameter(name, value=value) for name, value in (shared | settings).items()]
    return lambda context: kind(context=context, parameter_overrides=given)


@pytest.fixture
def client(tracer, domain_ids, tmp_path) -> Iterator[Client]:
    """A client of an edge and three workers, all in this process."""
    own = domain_ids[0]
    keys = KeysOfAll(tmp_path)
    workers = keys.given_to(workers_in(domain_ids))
    edge = made_of(
        EdgeNode,
        workers_file=str(write_workers(tmp_path / 'workers.yaml', workers)),
        key_folder=str(keys.edge.folder),
        ledger_file=str(tmp_path / 'exposure.json'),
        every_frame=True,
        deadline_s=WAIT_S,
        points=[20.0, 20.0],
    )
    with ExitStack() as opened:
        for worker in workers:
            kind, domain_id = partial(WorkerNode, domain_id=worker.domain_id), worker.domain_id
            made = made_of(kind, name=worker.name, **keys.of_worker(worker.name))
            opened.enter_context(spinning(made, domain_id))
        node = opened.enter_context(spinning(edge, own))
        opened.callback(node.trigger_cleanup)
        opened.callback(node.trigger_deactivate)
        client = Client(own)
        opened.callback(client.close)
        yield client


def named_files() -> set[str]:
    """The files that the page's table names."""
    section = PAGE.read_text().partition('### Every file on the way')[2].partition('\n## ')[0]
    rows = [line for line in section.splitlines() if line.startswith('|')]
    return set(re.findall(r'`([a-z_/]+\.py)`', '\n'.join(rows)))


def test_the_architecture_page_names_every_file_that_a_frame_passes(tracer, client):
    """No others, and it says how many they are."""
    camera = client.node.create_publisher(Image, 'image', qos.reliable(50))
    outputs = {'masks': Masks, 'label_image': Image, 'mask': Image}
    heard = [client.collect(kind, f'/edge/{name}') for name, kind in outputs.items()]

    def all_heard(stamp_ns: int) -> bool:
        return all(any(msg.header.stamp.nanosec == stamp_ns for msg in msgs) for msgs in heard)

    def show_until_connected() -> bool:
        camera.publish(image_msg(frame().rgb, WARM_UP))
        return all_heard(WARM_UP)

    client.until(show_until_connected)
    tracer.armed.set()
    camera.publish(image_msg(frame().rgb, TRACED))
    client.until(lambda: all_heard(TRACED))
    tracer.armed.clear()
    assert sorted(tracer.ours - named_files()) == []
    assert sorted(named_files() - tracer.ours) == sorted(NOT_TRACED)
    assert f'passes through {len(named_files())} files' in PAGE.read_text()
