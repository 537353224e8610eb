"""The two ends of the link between an edge and a worker."""

import doctest
import math
import threading
from contextlib import closing
from functools import partial

import pytest

from fakes import frame
from pedsam_ros.core import noise, plain, seal, wire
from pedsam_ros.core.allow_list import EDGE_NODE, WORKER_NODE, topic
from pedsam_ros.core.errors import BadReply
from pedsam_ros.core.gate import Gate
from pedsam_ros.core.keys import new_private
from pedsam_ros.core.sessions import EdgeSessions, WorkerSessions
from pedsam_ros.core.types import Embedding, Window, WorkerStatus
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.msg import Embedding as EmbeddingMsg
from pedsam_ros.msg import SealedEmbedding, SealedStatus, SealedWindow
from pedsam_ros.msg import Window as WindowMsg
from pedsam_ros.ros import domain, qos
from pedsam_ros.ros.domain import DomainLink
from pedsam_ros.ros.quiet import QuietNode
from pedsam_ros.ros.worker_link import WorkerLink
from pedsam_ros.trial.client import Client

pytestmark = pytest.mark.ros


@pytest.fixture
def other(domain_id):
    """A node on the other side of the link."""
    with closing(Client(domain_id, 'other_side')) as client:
        yield client


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
            EdgeSessions('alice', begin, Gate.between(edge, noise.public(alice), pro)),
            400,
            *(note[what] for what in ('embedding', 'status', 'error')),
        )
        self.alice = WorkerLink(
            'alice',
            WorkerSessions(
                'alice',
                answer,
                noise.public(edge),
                b'process',
                Gate.between(alice, noise.public(edge), pro),
            ),
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
    sizes = {}

    def all_heard():
        for what, msgs in heard.items():  # but for handshakes, and the empty message after one
            sizes[what] = [len(m.box) for m in msgs if m.session and len(m.box) > 16]
        return len(sizes['windows']) == len(sizes['embeddings']) == 2 and sizes['status']

    other.until(all_heard)
    assert {what: set(lengths) for what, lengths in sizes.items()} == {
        'windows': {416},
        'embeddings': {316},
        'status': {wire.STATUS_SIZE + 16},
    }
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


def test_two_threads_never_use_a_counter_twice(links, other):
    """The computing thread and the link's own both send."""
    heard = other.collect(SealedEmbedding, topic('alice', 'embeddings'), qos.reliable(500))
    other.until(
        lambda: links.alice.connected() and other.node.count_publishers('/pedsam/alice/embeddings')
    )
    embedding = Embedding(9, 'm', 3, (1, 1, 1), 'int8', b'12345')

    def send():
        for _ in range(10):
            links.alice.send(embedding)

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.until(lambda: len([msg for msg in heard if msg.session]) == 30)
    other.until(lambda: len(links.came['embedding']) == 30)  # a counter that came twice is refused
    assert len({msg.counter for msg in heard if msg.session}) == 30


def test_a_link_that_cannot_be_made_leaves_nothing_open(domain_id, monkeypatch):
    """DDS may refuse a topic: the node that was made before it is gone again."""
    made = []

    def refuse(node, *_):
        made.append(node)
        raise RuntimeError('no such topic')

    monkeypatch.setattr(QuietNode, 'subscribe', refuse)
    sessions = EdgeSessions('alice', plain.PlainInitiator, Gate(b''))
    with pytest.raises(RuntimeError, match='no such topic'):
        DomainLink(WorkerEntry(name='alice', domain_id=domain_id), sessions, 0, *[print] * 3)
    assert not made[0]._node.context.ok()


def test_earlier_versions_are_not_connected(links, other):
    """They have other types on the same topics: no window reaches them, and they reach nobody."""
    other.until(links.alice.connected)
    heard = other.collect(WindowMsg, topic('alice', 'windows'), qos.WINDOWS)
    old = other.node.create_publisher(EmbeddingMsg, topic('alice', 'embeddings'), qos.EMBEDDINGS)
    other.until(lambda: other.node.count_publishers(topic('alice', 'windows')))
    links.edge.send(Window(9, 'm', 3, frame(5, 6).rgb, 'float16'))
    other.until(lambda: links.came['window'])
    assert heard == []
    assert old.get_subscription_count() == 0
    assert links.edge.foreign == 0


def test_the_lines_of_use_run(domain_id):
    """Those that the docstring of DomainLink shows."""
    names = {
        'worker': WorkerEntry(name='alice', domain_id=domain_id),
        'sessions': EdgeSessions('alice', plain.PlainInitiator, Gate(b'')),
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
        far.until(links.edge.connected)
        assert status.get_subscription_count() == 0
    assert links.edge.foreign == 0
