"""How a system starts, what wrong settings do to it, and how it takes overload."""

from itertools import count

import pytest
from lifecycle_msgs.msg import Transition
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy

from fakes import frame
from pedsam_ros.core.health import WorkerState
from pedsam_ros.core.model import checkpoint
from pedsam_ros.srv import Segment
from rig import OTHER_SEED, SEED, change, image_msg, state

pytestmark = pytest.mark.ros


def test_workers_may_start_late(rig):
    """While a worker is missing, frames fail and the report names it; then they are done."""
    rig.start_edge()
    camera = rig.client.camera()
    camera.publish(image_msg(frame().rgb, 1))
    rig.client.until(lambda: rig.client.figures().get('failed') == '1')
    assert 'alice not heard of' in rig.client.figures()['last_loss']
    rig.start_workers('alice', 'bob')
    rig.wait_ready('alice')
    assert rig.client.state('carol') is WorkerState.NOT_HEARD_OF
    assert 'carol not heard of' in rig.client.message()
    rig.start_workers('carol')
    rig.wait_ready()
    camera.publish(image_msg(frame().rgb, 2))
    assert rig.client.masks_for(2).masks


def test_every_frame_waits_for_late_workers(rig):
    """With every_frame, frames that come before the last worker wait for it."""
    rig.start_workers('carol')
    rig.start_edge(every_frame=True)
    camera = rig.client.camera()
    for stamp in range(1, 6):
        camera.publish(image_msg(frame(seed=stamp).rgb, stamp))
    rig.client.until(lambda: rig.client.figures().get('waiting') == '5')
    rig.start_workers('alice', 'bob')
    for stamp in range(1, 6):
        rig.client.masks_for(stamp)


@pytest.mark.parametrize(
    'reliability', [ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT]
)
def test_cameras_of_both_reliabilities_are_read(rig, reliability):
    """The default subscription takes reliable and best-effort cameras."""
    rig.start_edge()
    rig.start_workers()
    camera = rig.client.camera(QoSProfile(depth=5, reliability=reliability))
    rig.wait_ready()
    stamps = count(1)

    def masks_come():  # best effort may lose a frame
        camera.publish(image_msg(frame().rgb, next(stamps)))
        rig.client.spin_for(0.5)
        return rig.client.masks

    rig.client.until(masks_come)


def test_the_newest_frame_wins(rig):
    """In a flood old frames are superseded; masks come in order, and every frame ends once."""
    rig.start_edge()
    rig.start_workers()
    camera = rig.client.camera()
    rig.wait_ready()
    number, image = count(1), frame(480, 640).rgb

    def flooded():
        for _ in range(5):
            camera.publish(image_msg(image, next(number)))
            rig.client.spin(0.0)
        return int(rig.client.figures().get('superseded', 0)) > 10 and len(rig.client.masks) > 2

    def settled():
        figures = {k: int(v) for k, v in rig.client.figures().items() if v.isdecimal()}
        idle = figures['in_flight'] == figures['waiting'] == 0
        return figures if idle and figures['done'] == len(rig.client.masks) else None

    rig.client.until(flooded)
    figures = rig.client.until(settled)
    assert figures['frames_in'] == figures['done'] + figures['superseded'] < next(number)
    stamps = [msg.header.stamp.nanosec for msg in rig.client.masks]
    assert stamps == sorted(stamps)


WRONG = {
    'missing checkpoint': ({'checkpoint': '/nowhere/x.safetensors'}, 'no such file'),
    'no checkpoint': ({'checkpoint': ''}, "checkpoint=''"),
    'foreign checkpoint': ({'checkpoint': __file__}, 'not readable'),
    'no workers file': ({'workers_file': ''}, "workers_file=''"),
    'missing workers file': ({'workers_file': '/nowhere.yaml'}, "workers_file='/nowhere.yaml'"),
    'unknown device': ({'device': 'abacus'}, "device='abacus'"),
}


@pytest.mark.parametrize('name', WRONG)
def test_a_wrong_setting_fails_the_transition_and_the_node_lives(rig, name):
    """Log and /diagnostics name the setting; once it is right, the same node configures."""
    parameters, named = WRONG[name]
    rig.start_edge(autostart=False, **parameters)
    assert not change(rig, Transition.TRANSITION_CONFIGURE)
    assert state(rig) == 'unconfigured'
    rig.client.until(lambda: named in rig.client.message(''))
    assert named in rig.log('edge')
    good = {'checkpoint': SEED, 'workers_file': str(rig.folder / 'workers.yaml')}
    good['device'] = 'cpu'
    set_parameters(rig, {key: good[key] for key in parameters})
    assert change(rig, Transition.TRANSITION_CONFIGURE)
    assert change(rig, Transition.TRANSITION_ACTIVATE)
    assert change(rig, Transition.TRANSITION_DEACTIVATE)
    assert change(rig, Transition.TRANSITION_ACTIVATE)
    assert state(rig) == 'active'


@pytest.mark.parametrize('name', ['ledger_file', 'operator_file'])
def test_the_places_of_ledger_and_secret_are_those_of_the_start(rig, name):
    """A wrong one fails the transition. Nobody in the domain can name another, and begin with an
    empty ledger or a secret of their own."""
    rig.start_edge(autostart=False, **{name: '/'})
    assert not change(rig, Transition.TRANSITION_CONFIGURE)
    rig.client.until(lambda: '/' in rig.client.message(''))
    assert set_parameters(rig, {name: str(rig.folder / 'other')}) != ['']
    assert not change(rig, Transition.TRANSITION_CONFIGURE)


def set_parameters(rig, values):
    parameters = [
        Parameter(name, value=value).to_parameter_msg() for name, value in values.items()
    ]
    request = SetParameters.Request(parameters=parameters)
    answer = rig.client.call(SetParameters, '/edge/set_parameters', request)
    return [result.reason for result in answer.results]


def test_a_call_under_way_survives_deactivation(rig):
    """Every call gets an answer, and the edge can be activated again."""
    rig.start_edge(every_frame=True, **{'automatic.points_per_side': 8})
    rig.start_workers()
    camera = rig.client.camera()
    rig.wait_ready()
    camera.publish(image_msg(frame(480, 640).rgb, 1))
    rig.client.masks_for(1)
    client = rig.client.node.create_client(Segment, '/edge/segment')
    rig.client.until(client.service_is_ready)
    calls = [client.call_async(Segment.Request()) for _ in range(3)]
    rig.client.spin(0.2)
    assert change(rig, Transition.TRANSITION_DEACTIVATE)
    rig.client.until(lambda: all(call.done() for call in calls))
    inactive = rig.client.call(Segment, '/edge/segment', Segment.Request())
    assert inactive.message == 'the node is not active'
    assert change(rig, Transition.TRANSITION_ACTIVATE)
    assert 'Traceback' not in rig.log('edge')


def test_a_parameter_of_wrong_type_is_named_and_can_be_mended(rig):
    """The node stays unconfigured, and configures once the parameter is set."""
    rig.start_edge(deadline_s='2')
    rig.client.until(lambda: "deadline_s='2': a number" in rig.client.message(''))
    assert "deadline_s='2': a number" in rig.log('edge')
    assert state(rig) == 'unconfigured'
    assert set_parameters(rig, {'deadline_s': 2.0}) == ['']
    assert change(rig, Transition.TRANSITION_CONFIGURE)


def test_live_parameters_change_and_others_say_when_they_can(rig):
    """An active node takes points and refuses deadline_s; it never takes half a point."""
    rig.start_edge()
    rig.client.camera()
    assert set_parameters(rig, {'points': [1.0, 2.0, 3.0, 4.0]}) == ['']
    assert 'only while unconfigured' in set_parameters(rig, {'deadline_s': 1.0})[0]
    assert '3 numbers of points' in set_parameters(rig, {'points': [1.0, 2.0, 3.0]})[0]


@pytest.mark.parametrize(
    ('workers', 'named'),
    [
        (
            'workers: [{name: a, domain_id: 5}, {name: b, domain_id: 5}]',
            'domain_id=5 stands twice',
        ),
        ('workers: [{name: a, domain_id: 5}, {name: b, domain_id: 999}]', 'domain_id=999'),
        ('workers: [{name: a, domain_id: 5}, {name: b, domain_id: OWN}]', "the edge's own"),
        ('workers: [', 'workers_file='),
    ],
)
def test_a_wrong_workers_file_is_named(rig, workers, named):
    """The report has the rule: equal domains, out of range, the edge's own, not YAML."""
    wrong = rig.folder / 'wrong.yaml'
    wrong.write_text(workers.replace('OWN', str(rig.domain_id)))
    rig.start_edge(workers_file=str(wrong))
    rig.client.until(lambda: named in rig.client.message(''))
    assert state(rig) == 'unconfigured'


def test_a_worker_with_another_model_is_not_used(rig):
    """The report names its model, the frame fails, and nobody gets its windows."""
    rig.start_edge()
    rig.start_workers('alice', 'bob')
    rig.start_workers('carol', checkpoint=OTHER_SEED)
    other = checkpoint.read(OTHER_SEED).model_id
    rig.wait_for(WorkerState.WRONG_MODEL, 'carol')
    assert other in rig.client.message('carol')
    camera = rig.client.camera()
    camera.publish(image_msg(frame().rgb, 1))
    rig.client.until(lambda: rig.client.figures().get('failed') == '1')
    assert other in rig.client.figures()['last_loss']
    assert {rig.client.figures(w.name)['windows_seen'] for w in rig.workers} == {'0'}
