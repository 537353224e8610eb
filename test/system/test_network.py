"""Faults of the network between edge and workers: each worker in a network namespace of its own.

Needs root and `ip`; loss, delay and reordering are the kernel's netem, or our `bad_wire`.
"""

import pytest

from domains import domains
from fakes import frame
from network_namespaces import Wires, start_workers_behind
from packet_faults import Harm
from pedsam_ros.ros import convert
from pedsam_ros.trial.processes import NAMES
from rig import Rig, image_msg, local_pipeline, same

pytestmark = pytest.mark.ros


@pytest.fixture
def wires(request):
    """Skips where the machine does not allow them."""
    made = Wires(NAMES, getattr(request, 'param', {}))
    try:
        made.lay()
    except OSError as missing:
        made.remove()
        pytest.skip(str(missing))
    yield made
    made.remove()


@pytest.fixture
def apart(wires, tmp_path, monkeypatch):
    """A rig whose workers run, and are reached over the wires alone."""
    monkeypatch.setenv('FASTDDS_BUILTIN_TRANSPORTS', 'UDPv4')  # no memory is shared across them
    with domains(4) as taken:
        rig = Rig(taken, tmp_path)
        start_workers_behind(wires, rig)
        yield rig
        rig.close()


def test_a_partitioned_worker_is_lost_and_found_again(apart, wires):
    """While the wire is cut its frames fail; mended, the next frame is done and right."""
    apart.start_edge(**{'loss.worker_timeout_s': 2.0})
    camera = apart.client.camera()
    apart.wait_ready()
    camera.publish(image_msg(frame().rgb, 1))
    apart.client.masks_for(1)
    wires.cut('bob')
    apart.client.until(lambda: apart.client.report['/edge: bob'][0] == 'silent')
    camera.publish(image_msg(frame().rgb, 2))
    apart.client.until(lambda: apart.client.figures()['failed'] == '1')
    assert apart.client.report['/edge: alice'][0] == ''
    wires.mend('bob')
    apart.wait_ready('bob')
    camera.publish(image_msg(frame().rgb, 3))
    masks = convert.masks_from_msg(apart.client.masks_for(3))
    assert same(masks, local_pipeline(apart.workers).segment(frame(stamp_ns=3)))


def test_a_short_cut_is_repaired_before_the_deadline(apart, wires):
    """By DDS itself, which would by its own settings look for gaps every three seconds only, and
    be late with every frame."""
    apart.start_edge(deadline_s=2.5, **{'loss.retry_s': 60.0})
    camera = apart.client.camera()
    apart.wait_ready()
    for stamp in range(1, 11):
        wires.cut('bob')
        camera.publish(image_msg(frame().rgb, stamp))
        apart.client.until(lambda: int(apart.client.figures()['frames_in']) == stamp)  # noqa: B023
        wires.mend('bob')
        apart.client.until(lambda: apart.client.all_ended(stamp))  # noqa: B023
        if apart.client.figures()['done'] != '0':
            break
    assert apart.client.figures()['done'] == '1'


HARMS = {
    'loss': Harm(loss=0.02),
    'delay': Harm(delay_s=0.03, jitter_s=0.01),
    'reordering': Harm(delay_s=0.02, ahead=0.3),
}


@pytest.mark.parametrize('wires', [{'carol': h} for h in HARMS.values()], ids=HARMS, indirect=True)
def test_a_bad_link_costs_time_and_nothing_else(apart):
    """Reliable delivery repairs it: all frames are done, and right."""
    apart.start_edge()
    camera = apart.client.camera()
    apart.wait_ready()
    expected = local_pipeline(apart.workers)
    for stamp in range(1, 11):
        camera.publish(image_msg(frame(seed=stamp).rgb, stamp))
        masks = convert.masks_from_msg(apart.client.masks_for(stamp))
        assert same(masks, expected.segment(frame(seed=stamp, stamp_ns=stamp)))
