"""The edge's link into a worker's domain, and parameters."""

import doctest
import threading

import pytest
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter

from fakes import frame
from pedsam_ros.core.config import EdgeConfig, WorkerConfig
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.types import Window, WorkerStatus
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.msg import Embedding
from pedsam_ros.msg import Window as WindowMsg
from pedsam_ros.msg import WorkerStatus as StatusMsg
from pedsam_ros.ros import convert, domain, params, qos
from pedsam_ros.ros.domain import NODE_NAME, DomainLink, own_reader

pytestmark = pytest.mark.ros
WAIT_S = 20.0


@pytest.fixture
def spin():
    """Makes nodes in chosen domains; spins them until a condition holds."""
    made = []

    class Spun:
        def __init__(self, domain_id, **kwargs):
            self.context = Context()
            self.context.init(args=[], domain_id=domain_id)
            self.node = Node('other_side', context=self.context, **kwargs)
            self.executor = SingleThreadedExecutor(context=self.context)
            self.executor.add_node(self.node)
            made.append(self)

        def until(self, condition):
            for _ in range(int(WAIT_S / 0.1)):
                if condition():
                    return
                self.executor.spin_once(timeout_sec=0.1)
            raise AssertionError('nothing came')

    yield Spun
    for each in made:
        each.executor.shutdown()
        each.node.destroy_node()
        each.context.try_shutdown()


@pytest.fixture
def link(domain_id):
    """A link to alice; `came` holds what came over it."""
    came = {'embedding': [], 'status': [], 'error': [], 'any': threading.Event()}

    def note(what):
        return lambda *args: (came[what].append(args), came['any'].set())

    made = DomainLink(
        WorkerEntry(name='alice', domain_id=domain_id),
        note('embedding'),
        note('status'),
        note('error'),
    )
    made.came = came
    yield made
    made.close()


def test_windows_go_out_and_replies_come_back(link, domain_id, spin):
    """They use the topics of that worker, and the callbacks name it."""
    other, heard = spin(domain_id), []
    other.node.create_subscription(WindowMsg, '/pedsam/alice/windows', heard.append, qos.WIRE)
    replies = other.node.create_publisher(Embedding, '/pedsam/alice/embeddings', qos.WIRE)
    status = other.node.create_publisher(StatusMsg, '/pedsam/alice/status', qos.STATUS)
    reader = own_reader(other.node, '/pedsam/alice/windows')
    other.until(lambda: link.read_by(reader) and replies.get_subscription_count())
    link.send(Window(9, 'm', 3, frame(5, 6).rgb, 'float16'))
    other.until(lambda: heard)
    assert (heard[0].request_id, heard[0].window, heard[0].height, heard[0].width) == (9, 3, 5, 6)
    replies.publish(Embedding(request_id=9, window=3, height=1, width=1, channels=1))
    other.until(lambda: link.came['embedding'])
    worker, embedding = link.came['embedding'][0]
    assert (worker, embedding.request_id, embedding.shape) == ('alice', 9, (1, 1, 1))
    other.until(status.get_subscription_count)
    status.publish(convert.status_to_msg(WorkerStatus('m', 'tiny', 1, 0, 0, 0, 0.0, reader, '')))
    other.until(lambda: link.came['status'])


def test_the_lines_of_use_run(domain_id):
    """Those that the docstring of DomainLink shows."""
    names = {
        'worker': WorkerEntry(name='alice', domain_id=domain_id),
        'window': Window(9, 'm', 3, frame(5, 6).rgb, 'float16'),
        **dict.fromkeys(('on_embedding', 'on_status', 'on_error'), print),
    }
    results = doctest.testmod(domain, extraglobs=names, raise_on_error=True)
    assert results.attempted >= 4


def test_a_readers_successor_is_not_taken_for_it(link, domain_id, spin):
    """A link knows the very reader that a worker names, and no other of the same topic."""
    other, name = spin(domain_id), '/pedsam/alice/windows'
    other.node.create_subscription(WindowMsg, name, lambda _: None, qos.WIRE)
    own = own_reader(other.node, name)
    other.until(lambda: link.read_by(own))
    assert not link.read_by('')
    assert not link.read_by('00' * 16)
    assert link.read_by(own)
    link.close()
    assert not link.read_by(own)


def test_the_link_declares_nothing_a_worker_may_not_know(link, domain_id, spin):
    """/parameter_events cannot be switched off, so only what every ROS node has may be in it."""
    other = spin(domain_id)
    declared = set(link._executor.get_nodes()[0]._parameters)
    assert declared <= {'use_sim_time', 'start_type_description_service'}
    assert link._executor.get_nodes()[0].get_name() == NODE_NAME
    assert other.node.get_name() != NODE_NAME


def test_links_of_other_domains_hear_nothing(link, spin, domain_id, domain_ids):
    """A worker of the same name in another domain is not this one."""
    other = spin(domain_ids[0])
    status = other.node.create_publisher(StatusMsg, '/pedsam/alice/status', qos.STATUS)
    near = spin(domain_id)
    other.executor.spin_once(timeout_sec=0.5)
    near.until(lambda: near.node.count_subscribers('/pedsam/alice/status'))
    assert status.get_subscription_count() == 0
    assert not link.read_by('')
    assert not link.came['any'].is_set()


def test_every_setting_is_a_parameter_with_a_description(domain_id, spin):
    """Type, default, range and unit come from the config class. Defaults are read back."""
    node = spin(domain_id).node
    params.declare(node, EdgeConfig)
    assert params.read(node, EdgeConfig) == EdgeConfig()
    described = node.describe_parameter('deadline_s')
    assert described.description.endswith(', s')
    assert described.floating_point_range[0].to_value == 600.0
    assert node.describe_parameter('automatic.points_per_side').integer_range[0].from_value == 1
    assert 'float16' in node.describe_parameter('transport').additional_constraints
    assert node.describe_parameter('autostart').read_only


def test_given_parameters_are_read(domain_id, spin):
    """Also nested parameters and lists."""
    given = {'deadline_s': 0.25, 'points': [1.0, 2.0], 'automatic.points_per_side': 4}
    overrides = [Parameter(name, value=value) for name, value in given.items()]
    node = spin(domain_id, parameter_overrides=overrides).node
    params.declare(node, EdgeConfig)
    config = params.read(node, EdgeConfig)
    assert (config.deadline_s, config.points) == (0.25, (1.0, 2.0))
    assert config.automatic.points_per_side == 4


def test_a_rule_broken_by_parameters_is_named(domain_id, spin):
    """The config class names it, as anywhere else."""
    node = spin(domain_id, parameter_overrides=[Parameter('name', value='Not A Name')]).node
    params.declare(node, WorkerConfig)
    with pytest.raises(ConfigError, match="name='Not A Name'"):
        params.read(node, WorkerConfig)


@pytest.mark.parametrize(
    ('name', 'value'), [('deadline_s', 2), ('points', [320, 240]), ('max_in_flight', 99)]
)
def test_a_parameter_of_wrong_type_or_range_is_named(domain_id, spin, name, value):
    """The parameter has its default until it is set again."""
    node = spin(domain_id, parameter_overrides=[Parameter(name, value=value)]).node
    wrong = params.declare(node, EdgeConfig)
    assert list(wrong) == [name]
    assert name in wrong[name]
    assert params.read(node, EdgeConfig) == EdgeConfig()


def test_changes_are_judged_by_the_rules(domain_id, spin):
    """While unconfigured, any parameter may change. Later only live ones may, to values that keep
    the rules. Parameters of ROS itself are not judged."""
    current = EdgeConfig()

    def judged(*changes, now=current):
        return params.check_change(EdgeConfig, now, [Parameter(n, value=v) for n, v in changes])

    assert judged(('deadline_s', 1.0), now=None).successful
    assert 'only while unconfigured' in judged(('deadline_s', 1.0)).reason
    assert 'only while unconfigured' in judged(('automatic.points_per_side', 4)).reason
    assert judged(('points', [1.0, 2.0]), ('use_sim_time', True)).successful
    assert '3 numbers of points' in judged(('points', [1.0, 2.0, 3.0])).reason
    assert params.live_changes(EdgeConfig, [Parameter('use_sim_time', value=True)]) == []
