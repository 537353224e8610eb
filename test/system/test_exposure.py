"""What workers see of a scene: the edge remembers it, keeps parts of it back, and tells it."""

from functools import partial
from itertools import count

import pytest
from sensor_msgs.msg import RegionOfInterest

from fakes import frame
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.operator_word import read_secret
from pedsam_ros.msg import Exposure
from pedsam_ros.ros import convert, operator_call, qos
from pedsam_ros.srv import ResetExposure
from rig import SEED, homes, image_msg, local_pipeline, same, show

pytestmark = pytest.mark.ros
RESET = '/edge/reset_exposure'


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
    identities = {worker.name: worker.identities for worker in rig.workers}
    ledger = Ledger.from_json(rig.ledger_file.read_text(), {}, identities=identities)
    assert {name: set(seen.windows) for name, seen in ledger.workers.items()} == own
    rig.start_edge(**{'placement.session_key': 'second'})
    camera = rig.client.camera()
    rig.client.wait_for_report()
    rig.wait_ready()
    show(rig, camera, 2, 'failed')
    assert 'its cap is' in rig.client.figures()['last_loss']
    assert windows_sent() == own
    assert not rig.client.call(ResetExposure, RESET, ResetExposure.Request()).success
    call = partial(rig.client.call, ResetExposure, RESET)
    assert operator_call.reset_exposure(call, read_secret(rig.operator_file), '/edge').success
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
