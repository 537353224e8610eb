"""A simulation's clock, where there is one and where there is none."""

import pytest
from lifecycle_msgs.msg import Transition
from rclpy.time import Time
from rosgraph_msgs.msg import Clock

from fakes import frame
from pedsam_ros.ros import clock
from rig import change, image_msg, show

pytestmark = pytest.mark.ros
SIMULATED = {'use_sim_time': True}


@pytest.fixture
def simulation(rig):
    """A clock that can be set to a second; None stops it."""
    publisher = rig.client.node.create_publisher(Clock, '/clock', 10)
    now_s = [None]

    def tick():
        if now_s[0] is not None:
            now_s[0] += 0.05
            publisher.publish(Clock(clock=Time(nanoseconds=int(now_s[0] * 1e9)).to_msg()))

    clock.timer(rig.client.node, 0.05, tick)
    return now_s


def test_a_system_on_simulated_time_needs_no_clock(rig):
    """There is none in a worker's domain, and in the robot's it may come late. Reports then bear
    wall time."""
    rig.start_workers(**SIMULATED)
    rig.start_edge(every_frame=True, **SIMULATED)
    camera = rig.client.camera()
    rig.wait_ready()
    for stamp in (1, 2, 3):
        assert show(rig, camera, stamp).masks
    rig.client.wait_for_report()


def test_a_clock_may_come_late_jump_back_and_stop(rig, simulation):
    """As in a simulation that is paused, or a bag that loops: masks and reports come."""
    rig.start_workers()
    rig.start_edge(every_frame=True, **SIMULATED)
    camera = rig.client.camera()
    rig.wait_ready()
    for stamp, now_s in enumerate((100.0, 1000.0, 1.0, None), start=1):
        simulation[0] = now_s
        assert show(rig, camera, stamp).masks
        rig.client.forget('frames')
        rig.client.until(lambda now_s=now_s: follows(rig, now_s))


def follows(rig, now_s):
    """Whether there is a report, and its stamp is the clock's, if that runs."""
    near = now_s is None or now_s <= rig.client.reported_ns * 1e-9 < now_s + 100
    return rig.client.figures() and near


def test_a_manager_starts_a_node_on_simulated_time(rig):
    """Transitions that others ask for need no clock either."""
    rig.start_workers(**SIMULATED)
    rig.start_edge(autostart=False, **SIMULATED)
    assert change(rig, Transition.TRANSITION_CONFIGURE)
    assert change(rig, Transition.TRANSITION_ACTIVATE)
    camera = rig.client.camera()
    rig.wait_ready()
    camera.publish(image_msg(frame().rgb, 1))
    assert rig.client.masks_for(1).masks
