"""The edge's link into a worker's domain, and parameters."""

import doctest
import threading
from contextlib import ExitStack, closing
from typing import Any

import pytest
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
from pedsam_ros.trial.client import Client

pytestmark = pytest.mark.ros


@pytest.fixture
def other(domain_id):
    """A node on the other side of the link."""
    with closing(Client(domain_id, 'other_side')) as client:
        yield client


@pytest.fixture
def node_with(other):
    """Makes a node to which parameters are given at its start: name -> value."""
    with ExitStack() as opened:

        def make(given: dict[str, Any]) -> Node:
            overrides = [Parameter(name, value=value) for name, value in given.items()]
            node = Node('given', context=other.node.context, parameter_overrides=overrides)
            opened.callback(node.destroy_node)
            return node

        yield make


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


def test_windows_go_out_and_replies_come_back(link, other):
    """They use the topics of that worker, and the callbacks name it."""
    heard = other.collect(WindowMsg, '/pedsam/alice/windows', qos.WIRE)
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


def test_a_readers_successor_is_not_taken_for_it(link, other):
    """A link knows the very reader that a worker names, and no other of the same topic."""
    name = '/pedsam/alice/windows'
    other.collect(WindowMsg, name, qos.WIRE)
    own = own_reader(other.node, name)
    other.until(lambda: link.read_by(own))
    assert not link.read_by('')
    assert not link.read_by('00' * 16)
    assert link.read_by(own)
    link.close()
    assert not link.read_by(own)


def test_the_link_declares_nothing_a_worker_may_not_know(link, other):
    """/parameter_events cannot be switched off, so only what every ROS node has may be in it."""
    declared = set(link._executor.get_nodes()[0]._parameters)
    assert declared <= {'use_sim_time', 'start_type_description_service'}
    assert link._executor.get_nodes()[0].get_name() == NODE_NAME
    assert other.node.get_name() != NODE_NAME


def test_links_of_other_domains_hear_nothing(link, other, domain_ids):
    """A worker of the same name in another domain is not this one."""
    with closing(Client(domain_ids[0], 'far')) as far:
        status = far.node.create_publisher(StatusMsg, '/pedsam/alice/status', qos.STATUS)
        far.spin(0.5)
        other.until(lambda: other.node.count_subscribers('/pedsam/alice/status'))
        assert status.get_subscription_count() == 0
    assert not link.read_by('')
    assert not link.came['any'].is_set()


def test_every_setting_is_a_parameter_with_a_description(node_with):
    """Type, default, range and unit come from the config class. Defaults are read back."""
    node = node_with({})
    params.declare(node, EdgeConfig)
    assert params.read(node, EdgeConfig) == EdgeConfig()
    described = node.describe_parameter('deadline_s')
    assert described.description.endswith(', s')
    assert described.floating_point_range[0].to_value == 600.0
    assert node.describe_parameter('automatic.points_per_side').integer_range[0].from_value == 1
    assert 'float16' in node.describe_parameter('transport').additional_constraints
    assert node.describe_parameter('autostart').read_only


def test_given_parameters_are_read(node_with):
    """Also nested parameters and lists."""
    given = {'deadline_s': 0.25, 'points': [1.0, 2.0], 'automatic.points_per_side': 4}
    node = node_with(given)
    params.declare(node, EdgeConfig)
    config = params.read(node, EdgeConfig)
    assert (config.deadline_s, config.points) == (0.25, (1.0, 2.0))
    assert config.automatic.points_per_side == 4


def test_a_rule_broken_by_parameters_is_named(node_with):
    """The config class names it, as anywhere else."""
    node = node_with({'name': 'Not A Name'})
    params.declare(node, WorkerConfig)
    with pytest.raises(ConfigError, match="name='Not A Name'"):
        params.read(node, WorkerConfig)


@pytest.mark.parametrize(
    ('name', 'value'), [('deadline_s', '2'), ('points', ['left']), ('max_in_flight', 99)]
)
def test_a_parameter_of_wrong_type_or_range_is_named(node_with, name, value):
    """The parameter has its default until it is set again."""
    node = node_with({name: value})
    wrong = params.declare(node, EdgeConfig)
    assert list(wrong) == [name]
    assert name in wrong[name]
    assert params.read(node, EdgeConfig) == EdgeConfig()


def test_changes_are_judged_by_the_rules():
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
