"""Workers that answer wrongly: the edge finds out, and no longer uses them."""

from functools import partial
from itertools import count

import pytest
from lifecycle_msgs.msg import Transition

from fakes import frame
from pedsam_ros.core.health import WorkerState
from pedsam_ros.core.operator_word import read_secret
from pedsam_ros.ros import operator_call
from pedsam_ros.srv import Release
from pedsam_ros.trial.lies import Lie
from rig import SOON_SILENT, change, image_msg, show

pytestmark = pytest.mark.ros
RELEASE = '/edge/release'


@pytest.mark.parametrize('lie', [Lie.NOT_FINITE, Lie.MODEL])  # all: test_loop_replies.py
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
    secret, call = read_secret(rig.operator_file), partial(rig.client.call, Release, RELEASE)
    assert not operator_call.release(call, secret, '/edge', 'bob').success
    assert not call(Release.Request(worker='carol')).success
    assert operator_call.release(call, secret, '/edge', 'carol').success
    rig.wait_ready()
    show(rig, camera, 2)
    rig.client.masks_for(1)


def test_a_quarantine_outlives_deactivation(rig):
    """Anybody in the robot's domain can deactivate and activate the edge; only the operator's word
    ends a quarantine."""
    rig.start_edge(**SOON_SILENT)
    rig.start_workers('alice', 'bob')
    rig.start_hostile('carol', Lie.NOT_FINITE)
    camera = rig.client.camera()
    rig.wait_ready()
    camera.publish(image_msg(frame().rgb, 1))
    rig.wait_for(WorkerState.QUARANTINED, 'carol')
    for transition in (
        Transition.TRANSITION_DEACTIVATE,
        Transition.TRANSITION_CLEANUP,
        Transition.TRANSITION_CONFIGURE,
        Transition.TRANSITION_ACTIVATE,
    ):
        assert change(rig, transition)
    rig.client.forget('carol')
    rig.wait_for(WorkerState.QUARANTINED, 'carol')


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
