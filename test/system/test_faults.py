"""Faults of real processes: each frame ends as the table in docs/reliability.md has it, and no
worker is sent a window that is not its own."""

import signal
from contextlib import ExitStack, closing
from itertools import count

import pytest
from sensor_msgs.msg import RegionOfInterest
from std_srvs.srv import Trigger

from fakes import frame
from pedsam_ros.core.health import WorkerState
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.placement import place
from pedsam_ros.core.windows import pixel_grid
from pedsam_ros.msg import Exposure, Window
from pedsam_ros.ros import convert, qos
from pedsam_ros.ros.domain import topic
from pedsam_ros.srv import Release
from pedsam_ros.trial.client import Client
from pedsam_ros.trial.lies import Lie
from rig import OTHER_SEED, SEED, image_msg, local_pipeline, same

pytestmark = pytest.mark.ros
SOON_SILENT = {'loss.worker_timeout_s': 5.0}  # not sooner: a busy machine delays heartbeats
TRIES = 8  # frames, one of which must be done; a busy machine may be late with the others


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


def homes(rig):
    """Maps each worker to the windows that it is home to."""
    placed = place(pixel_grid(checkpoint.read(SEED).arch), rig.workers)
    return {w.name: {i for i, home in placed.items() if home == w.name} for w in rig.workers}


def show(rig, camera, stamp, ending='done', **size):
    """Publishes a frame, and waits until it ends this way. Returns its masks if it is done."""
    before = int(rig.client.figures().get(ending, 0))
    camera.publish(image_msg(frame(**size).rgb, stamp))
    if ending == 'done':
        return rig.client.masks_for(stamp)
    return rig.client.until(lambda: int(rig.client.figures().get(ending, 0)) > before)


def _fails_because(rig, camera, reason, stamp):
    """Shows a frame that fails. Returns whether the edge gives this reason; a late reply to an
    earlier frame may have been lost since, and is then what it reports."""
    show(rig, camera, stamp, 'failed')
    return reason in rig.client.figures()['last_loss']


def test_a_killed_worker_fails_its_frames_until_it_is_back(rig):
    """After SIGKILL frames fail; with a new process the next frame is done, with equal masks."""
    rig.start_edge(**SOON_SILENT)
    rig.start_workers()
    camera = rig.client.camera()
    rig.wait_ready()
    show(rig, camera, 1)
    rig.kill('bob')
    rig.wait_for(WorkerState.SILENT, 'bob')
    assert any(_fails_because(rig, camera, 'bob silent', stamp) for stamp in range(2, 12))
    rig.start_workers('bob')
    rig.wait_ready('bob')
    masks = convert.masks_from_msg(show(rig, camera, 12))
    expected = local_pipeline(rig.workers).segment(
        convert.frame_from_msg(image_msg(frame().rgb, 12))
    )
    assert same(masks, expected)


def test_a_spare_stands_in_for_one_worker_and_sees_nothing_else(rig_with_spare, listen):
    """When a second worker is lost, its frames fail until it is back."""
    rig = rig_with_spare
    rig.start_edge(**SOON_SILENT)
    rig.start_workers()
    camera = rig.client.camera()
    rig.wait_ready()
    windows_sent = listen(rig)
    show(rig, camera, 1)
    rig.kill('bob')
    show(rig, camera, 2)
    rig.kill('carol')
    rig.wait_for(WorkerState.SILENT, 'carol')
    show(rig, camera, 3, 'failed')
    rig.start_workers('carol')
    rig.wait_ready('carol')
    show(rig, camera, 4)
    own, sent = homes(rig), windows_sent()
    for name, seen in sent.items():
        assert seen <= own['bob' if name == 'dave' else name], name
    assert all(sent.values())
    assert rig.client.figures('dave')['stands_in_for'] == 'bob'


def test_a_stopped_worker_makes_frames_late_and_no_other_harm(rig):
    """After SIGSTOP a frame is late; after SIGCONT frames are done again."""
    rig.start_edge(deadline_s=1.0, **{'loss.worker_timeout_s': 300.0})
    rig.start_workers()
    camera = rig.client.camera()
    rig.wait_ready()
    rig.processes['carol'].signal(signal.SIGSTOP)
    show(rig, camera, 1, 'late')
    rig.processes['carol'].signal(signal.SIGCONT)
    for stamp in range(2, 2 + TRIES):
        camera.publish(image_msg(frame().rgb, stamp))
        rig.client.until(lambda: rig.client.all_ended(stamp))  # noqa: B023
        if rig.client.figures()['done'] != '0':
            break
    assert rig.client.figures()['done'] == '1'
    assert rig.client.figures()['failed'] == '0'


def test_a_worker_that_comes_back_with_other_weights_gets_nothing(rig, listen):
    """The report names its model; once it has the edge's weights again, it is used."""
    rig.start_edge(**SOON_SILENT)
    rig.start_workers()
    camera = rig.client.camera()
    rig.wait_ready()
    rig.kill('alice')
    rig.start_workers('alice', checkpoint=OTHER_SEED)
    rig.wait_for(WorkerState.WRONG_MODEL, 'alice')
    assert checkpoint.read(OTHER_SEED).model_id in rig.client.message('alice')
    windows_sent = listen(rig)
    show(rig, camera, 1, 'failed')
    assert windows_sent() == {'alice': set(), 'bob': set(), 'carol': set()}
    rig.kill('alice')
    rig.start_workers('alice')
    rig.wait_ready()
    stamps = count(10)
    rig.client.until(lambda: show(rig, camera, next(stamps)) and all(windows_sent().values()))


@pytest.mark.parametrize('lie', [Lie.NOT_FINITE, Lie.MODEL])  # all of them: test_loop.py
def test_a_lying_worker_is_quarantined(rig, lie):
    """The log says so. An honest worker in its place answers open requests once it is released."""
    rig.start_edge(**SOON_SILENT)
    rig.start_workers('alice', 'bob')
    rig.start_hostile('carol', lie)
    camera = rig.client.camera()
    rig.wait_ready()
    camera.publish(image_msg(frame().rgb, 1))
    rig.wait_for(WorkerState.QUARANTINED, 'carol')
    assert 'quarantined: carol: ' in rig.log('edge')
    rig.replace_worker('carol')
    assert not rig.client.call(Release, '/edge/release', Release.Request(worker='bob')).success
    assert rig.client.call(Release, '/edge/release', Release.Request(worker='carol')).success
    rig.wait_ready()
    show(rig, camera, 2)
    rig.client.masks_for(1)


def test_an_audit_finds_a_worker_that_answers_zeros(rig):
    """Zeros are finite and well-formed; the edge computes one window of each frame again."""
    rig.start_edge(**{'loss.audit_rate': 1.0})
    rig.start_workers('alice', 'bob')
    rig.start_hostile('carol', Lie.ZEROS)
    camera = rig.client.camera()
    rig.wait_ready()
    for stamp in count(1):
        camera.publish(image_msg(frame().rgb, stamp))
        rig.client.until(lambda: int(rig.client.figures()['frames_in']) == stamp)  # noqa: B023
        if rig.client.state('carol') is WorkerState.QUARANTINED:
            break
        assert stamp < 60  # each is found with a chance of 6 in 20
    assert 'carol: window=' in rig.client.message('carol')


def test_a_killed_edge_forgets_nothing(rig, listen):
    """Killed after its first frames and started again, it refuses a placement that shows workers
    more. Once the ledger is reset, it accepts that placement."""
    rig.start_edge()
    rig.start_workers()
    camera = rig.client.camera()
    rig.wait_ready()
    windows_sent, content = listen(rig), set(range(20))
    own = {name: windows & content for name, windows in homes(rig).items()}
    stamps = count(10)
    rig.client.until(lambda: show(rig, camera, next(stamps)) and windows_sent() == own)
    rig.kill('edge')
    ledger = Ledger.from_json(rig.ledger_file.read_text(), homes={})
    assert {name: set(seen.windows) for name, seen in ledger.workers.items()} == own
    rig.start_edge(**{'placement.session_key': 'second'})
    camera = rig.client.camera()
    rig.client.wait_for_report()
    rig.wait_ready()
    show(rig, camera, 2, 'failed')
    assert 'its cap is' in rig.client.figures()['last_loss']
    assert windows_sent() == own
    rig.client.call(Trigger, '/edge/reset_exposure', Trigger.Request())
    show(rig, camera, 3)
    assert 'exposure ledger reset' in rig.log('edge')


def test_local_windows_and_sensitive_regions_never_leave(rig, listen):
    """Neither a window that is local by its index, nor the windows of a region that is published
    while the system runs, are sent; the masks are equal."""
    rig.start_edge(regions=True, region_s=600.0, **{'placement.local_windows': [12]})
    rig.start_workers()
    camera = rig.client.camera()
    rig.wait_ready()
    windows_sent = listen(rig)
    publisher = rig.client.node.create_publisher(RegionOfInterest, '/edge/sensitive', qos.PROMPTS)
    rig.client.until(publisher.get_subscription_count)
    rig.client.until_known()
    publisher.publish(RegionOfInterest(x_offset=0, y_offset=0, width=30, height=30))
    ours = convert.masks_from_msg(show(rig, camera, 1))
    expected = local_pipeline(rig.workers).segment(
        convert.frame_from_msg(image_msg(frame().rgb, 1))
    )
    assert same(ours, expected)
    seen = set().union(*windows_sent().values())
    assert not seen & {0, 1, 5, 6, 12}
    assert seen


def test_local_windows_need_the_workers_half(rig, tmp_path):
    """An edge that has only its own half does not configure, and its report says why."""
    _, edge_file = loading.split(checkpoint.read(SEED), tmp_path, 'x')
    rig.start_edge(checkpoint=str(edge_file), **{'placement.local_windows': [1]})
    rig.client.until(lambda: 'worker' in rig.client.message(''))


def test_what_workers_have_seen_is_a_topic(rig):
    """Each worker's windows and share, its largest region, and the cap."""
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
    """The masks of each frame have its own size and stamp."""
    rig.start_edge()
    rig.start_workers()
    camera = rig.client.camera()
    rig.wait_ready()
    for stamp, size in ((10**18, (96, 128)), (5, (128, 96)), (10**18 + 1, (90, 160))):
        masks = show(rig, camera, stamp, height=size[0], width=size[1])
        assert (masks.height, masks.width) == size
