"""Faults done to real processes: each frame ends as docs/reliability.md says, and no worker ever
sees what is not its own."""

import json
import signal
from contextlib import ExitStack
from itertools import count

import pytest
from sensor_msgs.msg import RegionOfInterest
from std_srvs.srv import Trigger

from fakes import frame
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.placement import place
from pedsam_ros.core.windows import pixel_grid
from pedsam_ros.msg import Exposure, Window
from pedsam_ros.ros import convert, qos
from pedsam_ros.srv import Release
from rig import SEED, domain_client, image_msg, local_pipeline, same

pytestmark = pytest.mark.ros
QUICK = {'loss.worker_timeout_s': 1.0}


@pytest.fixture
def heard(request):
    """Starts to listen, in every worker's domain of a rig, to what the edge sends."""
    with ExitStack() as opened:

        def listen(rig):
            ears = {w.name: opened.enter_context(domain_client(w.domain_id)) for w in rig.workers}
            windows = {
                name: ear.hear(Window, f'/pedsam/{name}/windows', qos.WIRE)
                for name, ear in ears.items()
            }
            for name, ear in ears.items():
                topic = f'/pedsam/{name}/windows'
                ear.until(lambda: ear.node.count_publishers(topic))  # noqa: B023

            def told():
                for ear in ears.values():
                    for _ in range(100):
                        ear.executor.spin_once(timeout_sec=0.0)
                return {name: {msg.window for msg in msgs} for name, msgs in windows.items()}

            return told

        yield listen


def homes(rig):
    """Worker -> its windows."""
    placed = place(pixel_grid(checkpoint.read(SEED).arch), rig.workers)
    return {w.name: {i for i, home in placed.items() if home == w.name} for w in rig.workers}


def show(rig, camera, stamp, ending='done', **size):
    """Publishes a frame, and waits until it has ended so."""
    before = int(rig.client.figures().get(ending, 0))
    camera.publish(image_msg(frame(**size).rgb, stamp))
    if ending == 'done':
        return rig.client.masks_for(stamp)
    return rig.client.until(lambda: int(rig.client.figures().get(ending, 0)) > before)


def test_a_killed_worker_fails_its_frames_until_it_is_back(rig):
    """kill -9; restarted, the next frame is done, and its masks are right."""
    rig.start_edge(**QUICK)
    rig.start_workers()
    camera = rig.client.camera()
    rig.wait_ready()
    show(rig, camera, 1)
    rig.kill('bob')
    rig.client.until(lambda: rig.client.report['/edge: bob'][0] == 'silent')
    show(rig, camera, 2, 'failed')
    assert 'bob silent' in rig.client.figures()['last_loss']
    rig.start_workers('bob')
    rig.wait_ready('bob')
    masks = convert.masks_from_msg(show(rig, camera, 3))
    expected = local_pipeline(rig.workers).segment(
        convert.frame_from_msg(image_msg(frame().rgb, 3))
    )
    assert same(masks, expected)


def test_a_spare_stands_in_for_one_worker_and_sees_nothing_else(rig_with_spare, heard):
    """The second worker lost is not replaced: one spare, one home."""
    rig = rig_with_spare
    rig.start_edge(**QUICK)
    rig.start_workers()
    camera = rig.client.camera()
    rig.wait_ready()
    told = heard(rig)
    show(rig, camera, 1)
    rig.kill('bob')
    show(rig, camera, 2)
    rig.kill('carol')
    rig.client.until(lambda: rig.client.report['/edge: carol'][0] == 'silent')
    show(rig, camera, 3, 'failed')
    rig.start_workers('carol')
    rig.wait_ready('carol')
    show(rig, camera, 4)
    own, heard_of = homes(rig), told()
    for name, seen in heard_of.items():
        assert seen <= own['bob' if name == 'dave' else name], name
    assert all(heard_of.values())
    assert rig.client.figures('dave')['stands_in_for'] == 'bob'


def test_a_stopped_worker_makes_frames_late_and_no_other_harm(rig):
    """SIGSTOP, SIGCONT: what it answers afterwards is late, and frames are done again."""
    rig.start_edge(deadline_s=1.0, **{'loss.worker_timeout_s': 30.0})
    rig.start_workers()
    camera = rig.client.camera()
    rig.wait_ready()
    rig.processes['carol'].signal(signal.SIGSTOP)
    show(rig, camera, 1, 'late')
    rig.processes['carol'].signal(signal.SIGCONT)
    for stamp in range(2, 10):  # slow machines may be late with the first
        camera.publish(image_msg(frame().rgb, stamp))
        rig.client.until(lambda: rig.client.all_ended(stamp))  # noqa: B023
        if rig.client.figures()['done'] != '0':
            break
    assert rig.client.figures()['done'] == '1'
    assert rig.client.figures()['failed'] == '0'


def test_a_worker_that_comes_back_with_other_weights_gets_nothing(rig, heard):
    """Named with both ids; with its own again, it is used."""
    rig.start_edge(**QUICK)
    rig.start_workers()
    camera = rig.client.camera()
    rig.wait_ready()
    rig.kill('alice')
    rig.start_workers('alice', checkpoint='random:vit_tiny:1')
    other = checkpoint.read('random:vit_tiny:1').model_id
    rig.client.until(lambda: other in rig.client.report['/edge: alice'][0])
    told = heard(rig)
    show(rig, camera, 1, 'failed')
    assert told() == {'alice': set(), 'bob': set(), 'carol': set()}
    rig.kill('alice')
    rig.start_workers('alice')
    rig.wait_ready()
    stamps = count(10)
    rig.client.until(lambda: show(rig, camera, next(stamps)) and all(told().values()))


@pytest.mark.parametrize('lie', ['not_finite', 'model'])  # all of them: test_loop.py
def test_a_lying_worker_is_quarantined(rig, lie):
    """Loudly; once it is released, an honest one in its place answers what is still owed."""
    rig.start_edge(deadline_s=300.0, **QUICK)
    rig.start_workers('alice', 'bob')
    rig.start_hostile('carol', lie)
    camera = rig.client.camera()
    rig.wait_ready()
    camera.publish(image_msg(frame().rgb, 1))
    rig.client.until(lambda: 'quarantined' in rig.client.report['/edge: carol'][0])
    assert 'quarantined: carol: ' in rig.log('edge')
    rig.kill('carol')
    rig.start_workers('carol')
    rig.client.until(lambda: 'active' in rig.log('carol'))  # not the liar's last heartbeat
    assert not rig.client.call(Release, '/edge/release', Release.Request(worker='bob')).success
    assert rig.client.call(Release, '/edge/release', Release.Request(worker='carol')).success
    rig.wait_ready()
    show(rig, camera, 2)
    rig.client.masks_for(1)


def test_an_audit_finds_a_worker_that_answers_zeros(rig):
    """Finite, well-formed and wrong: one window of each frame is computed again on the edge."""
    rig.start_edge(**{'loss.audit_rate': 1.0})
    rig.start_workers('alice', 'bob')
    rig.start_hostile('carol', 'zeros')
    camera = rig.client.camera()
    rig.wait_ready()
    for stamp in count(1):
        camera.publish(image_msg(frame().rgb, stamp))
        rig.client.until(lambda: int(rig.client.figures()['frames_in']) == stamp)  # noqa: B023
        if 'quarantined' in rig.client.report['/edge: carol'][0]:
            break
        assert stamp < 60  # each is found with a chance of 6 in 20
    assert 'carol: window=' in rig.client.report['/edge: carol'][0]


def test_a_killed_edge_forgets_nothing(rig, heard):
    """kill -9 right after the first frame: another placement is refused, the old one goes on."""
    rig.start_edge()
    rig.start_workers()
    camera = rig.client.camera()
    rig.wait_ready()
    told, content = heard(rig), set(range(20))
    own = {name: windows & content for name, windows in homes(rig).items()}
    stamps = count(10)
    rig.client.until(lambda: show(rig, camera, next(stamps)) and told() == own)
    rig.kill('edge')
    written = json.loads((rig.folder / 'exposure.json').read_text())['workers']
    assert {name: {w[0] for w in seen['windows']} for name, seen in written.items()} == own
    rig.start_edge(**{'placement.session_key': 'second'})
    camera = rig.client.camera()
    rig.client.wait_for_report()
    rig.wait_ready()
    show(rig, camera, 2, 'failed')
    assert 'its cap is' in rig.client.figures()['last_loss']
    assert told() == own
    rig.client.call(Trigger, '/edge/reset_exposure', Trigger.Request())
    show(rig, camera, 3)
    assert 'exposure ledger reset' in rig.log('edge')


def test_local_windows_and_sensitive_regions_never_leave(rig, heard):
    """By index, and by a region published while the system runs; the masks are the same."""
    rig.start_edge(
        checkpoint=SEED, regions=True, region_s=60.0, **{'placement.local_windows': [12]}
    )
    rig.start_workers()
    camera = rig.client.camera()
    rig.wait_ready()
    told = heard(rig)
    publisher = rig.client.node.create_publisher(RegionOfInterest, '/edge/sensitive', qos.PROMPTS)
    rig.client.until(publisher.get_subscription_count)
    rig.client._until_known()
    publisher.publish(RegionOfInterest(x_offset=0, y_offset=0, width=30, height=30))
    ours = convert.masks_from_msg(show(rig, camera, 1))
    expected = local_pipeline(rig.workers).segment(
        convert.frame_from_msg(image_msg(frame().rgb, 1))
    )
    assert same(ours, expected)
    seen = set().union(*told().values())
    assert not seen & {0, 1, 5, 6, 12}
    assert seen


def test_local_windows_need_the_workers_half(rig, tmp_path):
    """With the edge's half alone the transition fails, and says so."""
    _, edge_file = loading.split(checkpoint.read(SEED), tmp_path, 'x')
    rig.start_edge(checkpoint=str(edge_file), **{'placement.local_windows': [1]})
    rig.client.until(lambda: 'worker' in rig.client.report.get('/edge', ('',))[0])


def test_what_workers_have_seen_is_a_topic(rig):
    """Share, region, cap, frames."""
    rig.start_edge()
    rig.start_workers()
    camera = rig.client.camera()
    heard = rig.client.listen(Exposure, '/edge/exposure')
    rig.wait_ready()
    show(rig, camera, 1)
    rig.client.until(lambda: heard and len(heard[-1].workers) == 3)
    exposure = heard[-1]
    assert sum(worker.share for worker in exposure.workers) == pytest.approx(1)
    assert all(0 < w.largest_region <= w.share <= exposure.cap for w in exposure.workers)
    assert {worker.name: set(worker.windows) for worker in exposure.workers} == {
        name: {i for i in own if i < 20} for name, own in homes(rig).items()
    }


def test_a_camera_may_change_its_size_stop_and_go_back_in_time(rig):
    """Each frame is of its own size and stamp."""
    rig.start_edge()
    rig.start_workers()
    camera = rig.client.camera()
    rig.wait_ready()
    for stamp, size in ((10**18, (96, 128)), (5, (128, 96)), (10**18 + 1, (90, 160))):
        masks = show(rig, camera, stamp, height=size[0], width=size[1])
        assert (masks.height, masks.width) == size
