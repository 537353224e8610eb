"""Faults of the network between edge and workers: each worker in a network namespace of its own.

Needs root and `ip`. Loss, delay and reordering come from the kernel's netem, or if it has none
from `packet_faults.py`.
"""

import pytest

from domains import domains
from fakes import frame
from network_namespaces import Namespaces, created, start_workers_in
from packet_faults import PacketFaults
from pedsam_ros.core.health import WorkerState
from pedsam_ros.ros import convert
from pedsam_ros.trial.processes import NAMES
from rig import Rig, image_msg, local_pipeline, same

pytestmark = pytest.mark.ros
TRIES = 10  # frames, one of which must be done; a busy machine may be late with the others


@pytest.fixture
def namespaces(request):
    """A namespace for each worker; the test is skipped where the machine does not allow them."""
    with created(Namespaces(NAMES, getattr(request, 'param', {}))) as made:
        yield made


@pytest.fixture
def apart(namespaces, tmp_path, monkeypatch):
    """A rig whose workers run in namespaces, and are reached over their links only."""
    monkeypatch.setenv('FASTDDS_BUILTIN_TRANSPORTS', 'UDPv4')  # and not through shared memory
    with domains(4) as taken:
        rig = Rig(taken, tmp_path)
        start_workers_in(namespaces, rig)
        yield rig
        rig.close()


def test_a_partitioned_worker_is_lost_and_found_again(apart, namespaces):
    """While the link is cut frames fail; when it is mended the next is done, with equal masks."""
    apart.start_edge(**{'loss.worker_timeout_s': 5.0})
    camera = apart.client.camera()
    apart.wait_ready()
    camera.publish(image_msg(frame().rgb, 1))
    apart.client.masks_for(1)
    namespaces.cut('bob')
    apart.wait_for(WorkerState.SILENT, 'bob')
    camera.publish(image_msg(frame().rgb, 2))
    apart.client.until(lambda: apart.client.figures()['failed'] == '1')
    assert apart.client.state('alice') is WorkerState.USABLE
    namespaces.mend('bob')
    apart.wait_ready('bob')
    camera.publish(image_msg(frame().rgb, 3))
    masks = convert.masks_from_msg(apart.client.masks_for(3))
    assert same(masks, local_pipeline(apart.workers).segment(frame(stamp_ns=3)))


def test_a_short_cut_is_repaired_before_the_deadline(apart, namespaces):
    """DDS sends lost packets again in time. With its own settings it would look for gaps every
    three seconds, and every frame would be late."""
    apart.start_edge(deadline_s=2.5, **{'loss.retry_s': 60.0})
    camera = apart.client.camera()
    apart.wait_ready()
    for stamp in range(1, TRIES + 1):
        namespaces.cut('bob')
        camera.publish(image_msg(frame().rgb, stamp))
        apart.client.until(lambda: int(apart.client.figures()['frames_in']) == stamp)  # noqa: B023
        namespaces.mend('bob')
        apart.client.until(lambda: apart.client.all_ended(stamp))  # noqa: B023
        if apart.client.figures()['done'] != '0':
            break
    assert apart.client.figures()['done'] == '1'


FAULTS = {
    'loss': PacketFaults(loss=0.02),
    'delay': PacketFaults(delay_s=0.03, jitter_s=0.01),
    'reordering': PacketFaults(delay_s=0.02, ahead=0.3),
}


@pytest.mark.parametrize(
    'namespaces', [{'carol': f} for f in FAULTS.values()], ids=FAULTS, indirect=True
)
def test_a_bad_link_costs_time_and_nothing_else(apart):
    """Packets are sent again until they arrive: all frames are done, with equal masks."""
    apart.start_edge()
    camera = apart.client.camera()
    apart.wait_ready()
    expected = local_pipeline(apart.workers)
    for stamp in range(1, 11):
        camera.publish(image_msg(frame(seed=stamp).rgb, stamp))
        masks = convert.masks_from_msg(apart.client.masks_for(stamp))
        assert same(masks, expected.segment(frame(seed=stamp, stamp_ns=stamp)))
