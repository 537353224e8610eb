"""A camera that moves before an edge and three workers: windows stay still in the scene."""

from functools import partial
from itertools import count

import pytest
from sensor_msgs.msg import Image

from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.operator_word import read_secret
from pedsam_ros.core.scene_record import read
from pedsam_ros.core.types import Frame, FrameKey
from pedsam_ros.msg import Exposure
from pedsam_ros.ros import convert, operator_call
from pedsam_ros.srv import ResetExposure
from rig import SEED, image_msg, local_pipeline, same
from watched_scenes import ELSEWHERE, at

pytestmark = pytest.mark.ros
RESET = '/edge/reset_exposure'
MOVING = {'placement.anchor': 'scene', 'every_frame': True}
CAP = 0.41  # of three workers, as the scene has it; see MARGIN
stamps = count(1_000_000_007, 1_000_000_011)


def moving(rig, **parameters):
    """Starts everything. Returns a camera, and the list of what is told of exposure."""
    rig.start_edge(**MOVING | parameters)
    rig.start_workers()
    camera = rig.client.camera()
    heard = rig.client.listen(Exposure, '/edge/exposure')
    rig.wait_ready()
    return camera, heard


def show(rig, camera, rgb):
    """Shows a frame. Returns it, and its masks."""
    frame = Frame(FrameKey(next(stamps), 'camera'), rgb)
    camera.publish(image_msg(rgb, frame.key.stamp_ns))
    return frame, convert.masks_from_msg(rig.client.masks_for(frame.key.stamp_ns))


def told(rig, heard, frames):
    """The first message on exposure that knows so many frames."""
    rig.client.until(lambda: heard and heard[-1].frames >= frames)
    return heard[-1]


def test_a_pan_shows_no_worker_more_than_its_cap(rig):
    """Masks are those of one process that lays the windows so, and all of it is told."""
    camera, heard = moving(rig)
    local, shifts = local_pipeline(rig.workers), set()
    for number, x in enumerate(range(420, 1000, 40), 1):
        frame, masks = show(rig, camera, at(x))
        assert same(masks, local.segment(frame, masks.shift))
        shifts.add(masks.shift)
        exposure = told(rig, heard, number)
    assert len(shifts) > 10
    assert exposure.anchor == 'scene'
    assert exposure.scene_state == 'found'
    assert (exposure.scenes, exposure.frames_lost, exposure.computed_here) == (1, 0, 0)
    assert exposure.cap == pytest.approx(CAP, abs=0.02)
    coverage = {worker.name: worker.coverage for worker in exposure.workers}
    assert sum(coverage.values()) == pytest.approx(1, abs=0.06)
    assert all(0.25 < share < exposure.cap for share in coverage.values())


def test_an_edge_that_is_killed_knows_what_was_seen(rig, listen):
    """After a restart it finds its place again; in a room that it does not know nothing leaves."""
    camera, heard = moving(rig)
    show(rig, camera, at(640))
    before = told(rig, heard, 1)
    rig.kill('edge')
    rig.start_edge(**MOVING)
    camera = rig.client.camera()
    rig.client.wait_for_report()
    rig.wait_ready()
    windows_sent = listen(rig)
    show(rig, camera, at(640, world=ELSEWHERE))
    assert not any(windows_sent().values())
    assert 'not known' in rig.client.until(lambda: rig.client.message('frames'))
    heard.clear()
    show(rig, camera, at(660))
    after = told(rig, heard, 2)
    assert all(windows_sent().values())
    assert after.scenes == 0
    for was, now in zip(before.workers, after.workers, strict=True):
        assert now.coverage == pytest.approx(was.coverage, abs=0.06)


def test_a_reset_forgets_the_scene(rig):
    """With the operator's word; the file is empty then."""
    camera, heard = moving(rig)
    show(rig, camera, at(640))
    path = rig.ledger_file.with_name('exposure.json.scene')
    assert len(read(path.read_bytes()).keyframes) == 1
    call = partial(rig.client.call, ResetExposure, RESET)
    assert operator_call.reset_exposure(call, read_secret(rig.operator_file), '/edge').success
    assert not len(read(path.read_bytes()).keyframes)
    show(rig, camera, at(640))
    rig.client.until(lambda: heard and heard[-1].scenes == 2)


def test_the_cells_can_be_looked_at(rig):
    """A picture with the header and the size of the camera's, each window in a colour."""
    camera, _ = moving(rig)
    drawn = rig.client.listen(Image, '/edge/cells')
    frame, _ = show(rig, camera, at(640))
    rig.client.until(lambda: drawn)
    assert convert.key_from_header(drawn[-1].header) == frame.key
    assert (drawn[-1].height, drawn[-1].width) == frame.rgb.shape[:2]


def test_only_half_the_weights_are_not_enough(rig, tmp_path):
    """Windows beyond the cap could not be computed: the report says so."""
    _, edge_file = loading.split(checkpoint.read(SEED), tmp_path, 'x')
    rig.start_edge(checkpoint=str(edge_file), **MOVING)
    rig.client.until(lambda: 'worker' in rig.client.message(''))
