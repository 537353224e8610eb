"""The edge's link into a worker's domain, and parameters."""

import doctest
import math
from contextlib import ExitStack, closing
from functools import partial
from typing import Any

import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter

from fakes import frame
from pedsam_ros.core import noise, plain, seal, wire
from pedsam_ros.core.allow_list import EDGE_NODE, WORKER_NODE, topic
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import BadReply, ConfigError
from pedsam_ros.core.keys import new_private
from pedsam_ros.core.sessions import EdgeSessions, WorkerSessions
from pedsam_ros.core.types import Embedding, Window, WorkerStatus
from pedsam_ros.core.worker_config import WorkerConfig
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.msg import SealedEmbedding, SealedStatus, SealedWindow
from pedsam_ros.ros import domain, params, qos
from pedsam_ros.ros.domain import DomainLink
from pedsam_ros.ros.worker_link import WorkerLink
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


class BothEnds:
    """The edge's link to alice and alice's own, in one process; `came` holds what came."""

    def __init__(self, domain_id):
        self.came = {what: [] for what in ('embedding', 'status', 'window', 'bad', 'error')}
        entry, edge = WorkerEntry(name='alice', domain_id=domain_id), new_private()
        alice, pro = new_private(), seal.prologue('alice')
        begin = partial(noise.Initiator, edge, noise.public(alice), pro)
        answer = partial(noise.Responder, alice, pro)
        note = {what: self._noting(what) for what in self.came}
        self.edge = DomainLink(
            entry,
            EdgeSessions('alice', begin),
            400,
            *(note[what] for what in ('embedding', 'status', 'error')),
        )
        self.alice = WorkerLink(
            'alice',
            WorkerSessions('alice', answer, noise.public(edge), b'process'),
            *(note[what] for what in ('window', 'bad', 'error')),
            lambda dtype: 300,
            domain_id,
        )

    def _noting(self, what):
        return lambda *args: self.came[what].append(args)

    def close(self):
        """Closes both links."""
        self.alice.close()
        self.edge.close()


@pytest.fixture
def links(domain_id):
    """Both ends of a link."""
    with closing(BothEnds(domain_id)) as made:
        yield made


def test_windows_go_out_and_replies_come_back(links, other):
    """The callbacks name the worker. What a spy hears on the topics has one size each."""
    heard = {
        what: other.collect(kind, topic('alice', what), profile)
        for what, kind, profile in (
            ('windows', SealedWindow, qos.WINDOWS),
            ('embeddings', SealedEmbedding, qos.EMBEDDINGS),
            ('status', SealedStatus, qos.STATUS),
        )
    }
    other.until(lambda: links.edge.connected() and links.alice.connected())
    other.until(lambda: all(other.node.count_publishers(topic('alice', w)) for w in heard))
    for side in (5, 9):
        links.edge.send(Window(9, 'm', 3, frame(side, 6).rgb, 'float16'))
    other.until(lambda: len(links.came['window']) == 2)
    assert [w.pixels.shape[0] for (w,) in links.came['window']] == [5, 9]
    for count in (1, 2):
        links.alice.send(Embedding(9, 'm', 3, (1, 1, count), 'int8', b'12345678'))
    other.until(lambda: len(links.came['embedding']) == 2)
    worker, embedding = links.came['embedding'][0]
    assert (worker, embedding.request_id, embedding.shape) == ('alice', 9, (1, 1, 1))
    links.alice.beat(WorkerStatus('m', 'tiny', 0, 0, 0, 0, 0.0, ''))
    other.until(lambda: links.came['status'])
    assert links.came['status'][0][1].process == b'process'.hex()
    other.until(lambda: len(heard['windows']) >= 2 and heard['embeddings'] and heard['status'])
    sizes = {what: {len(m.box) for m in msgs[-2:]} for what, msgs in heard.items()}
    assert sizes == {'windows': {416}, 'embeddings': {316}, 'status': {wire.STATUS_SIZE + 16}}
    assert not links.came['error']


def test_what_strangers_send_is_counted_and_nothing_else(links, other):
    """Whatever it is, on every topic."""
    other.until(links.alice.connected)
    for what, kind in (
        ('windows', SealedWindow),
        ('embeddings', SealedEmbedding),
        ('status', SealedStatus),
    ):
        made = other.node.create_publisher(kind, topic('alice', what), qos.reliable(10))
        other.until(lambda: made.get_subscription_count() == 1)  # noqa: B023
        for session in (0, 1, 2**64 - 1):
            before = links.edge.foreign + links.alice.foreign
            made.publish(kind(session=session, box=bytes(100)))
            other.until(lambda: links.edge.foreign + links.alice.foreign > before)  # noqa: B023
    assert (links.edge.foreign, links.alice.foreign) == (6, 3)
    assert not any(links.came[what] for what in ('window', 'embedding', 'status', 'error', 'bad'))
    links.edge.send(Window(9, 'm', 3, frame(5, 6).rgb, 'float16'))
    other.until(lambda: links.came['window'])


def test_what_the_worker_itself_made_wrong_is_handed_over(links, other):
    """As an answer that no honest worker would send."""
    other.until(links.alice.connected)
    links.alice.send(Embedding(9, 'm', 3, (1, 1, 1), 'int8', b'1', encode_s=math.nan))
    other.until(lambda: links.came['embedding'])
    (worker, wrong), *_ = links.came['embedding']
    assert (worker, type(wrong)) == ('alice', BadReply)


def test_the_lines_of_use_run(domain_id):
    """Those that the docstring of DomainLink shows."""
    names = {
        'worker': WorkerEntry(name='alice', domain_id=domain_id),
        'sessions': EdgeSessions('alice', plain.PlainInitiator),
        'window': Window(9, 'm', 3, frame(5, 6).rgb, 'float16'),
        **dict.fromkeys(('on_embedding', 'on_status', 'on_error'), print),
    }
    results = doctest.testmod(domain, extraglobs=names, raise_on_error=True)
    assert results.attempted >= 4


def test_the_links_declare_nothing_that_others_may_not_know(links, other):
    """/parameter_events cannot be switched off, so only what every ROS node has may be in it."""
    for link, name in ((links.edge, EDGE_NODE), (links.alice, WORKER_NODE)):
        node = link._node._node
        assert set(node._parameters) <= {'use_sim_time', 'start_type_description_service'}
        assert node.get_name() == name


def test_links_of_other_domains_hear_nothing(links, domain_ids):
    """A worker of the same name in another domain is not this one."""
    with closing(Client(domain_ids[0], 'far')) as far:
        status = far.node.create_publisher(SealedStatus, '/pedsam/alice/status', qos.STATUS)
        far.spin(0.5)
        far.until(links.edge.connected)
        assert status.get_subscription_count() == 0
    assert links.edge.foreign == 0


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
