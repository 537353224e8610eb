"""Faults of real processes: each frame ends as the table in docs/reliability.md has it, and no
worker is sent a window that is not its own."""

import signal
from itertools import count

import pytest

from fakes import frame
from pedsam_ros.core.health import WorkerState
from pedsam_ros.core.model import checkpoint
from pedsam_ros.ros import convert
from rig import OTHER_SEED, SOON_SILENT, homes, image_msg, local_pipeline, same, show

pytestmark = pytest.mark.ros
TRIES = 8  # frames, one of which must be done; a busy machine may be late with the others


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


def test_a_camera_may_change_its_size_stop_and_go_back_in_time(rig):
    """The masks of each frame have its own size and stamp."""
    rig.start_edge()
    rig.start_workers()
    camera = rig.client.camera()
    rig.wait_ready()
    for stamp, size in ((10**18, (96, 128)), (5, (128, 96)), (10**18 + 1, (90, 160))):
        masks = show(rig, camera, stamp, height=size[0], width=size[1])
        assert (masks.height, masks.width) == size
