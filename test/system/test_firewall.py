"""The rules of `pedsam firewall` in force: what passes between a robot, workers and a stranger.

Needs root, `ip` and `nft`. Every host is a network namespace.
"""

import socket
import subprocess
import sys

import pytest

from firewalled_hosts import Hosts, space
from network_namespaces import created
from pedsam_ros.core import firewall
from pedsam_ros.core.workers_file import WorkerEntry
from rig import WAIT_S

pytestmark = pytest.mark.ros
HOSTS = ('alice', 'bob', 'mallory')
MULTICAST = '239.255.0.1'  # DDS's group
OWN, ALICE, BOB = 31, 41, 42  # domains; nothing else uses them in the namespaces


@pytest.fixture
def hosts():
    """A robot, two workers' hosts and a stranger's. Skipped where the machine forbids them."""
    with created(Hosts(HOSTS)) as made:
        yield made


@pytest.fixture
def workers(hosts):
    """The entries of alice and bob."""
    return [
        WorkerEntry(name='alice', domain_id=ALICE, peers=(hosts.address('alice'),)),
        WorkerEntry(name='bob', domain_id=BOB, peers=(hosts.address('bob'),)),
    ]


def heard_at(hosts: Hosts, port: int, expected: set[str]) -> set[str]:
    """Who is heard at a port of the robot when every host sends to it.

    A last packet from the robot itself, which always passes, tells that nobody else will come.
    """
    with hosts.socket('robot') as ear, hosts.socket('robot') as itself:
        ear.bind(('', port))
        ear.settimeout(WAIT_S)
        for name in hosts.names:
            with hosts.socket(name) as mouth:
                mouth.sendto(name.encode(), (hosts.robot_address(name), port))
        heard: set[str] = set()
        while not expected <= heard:
            heard.add(ear.recv(100).decode())
        itself.sendto(b'itself', ('127.0.0.1', port))
        while (last := ear.recv(100).decode()) != 'itself':
            heard.add(last)
    return heard


def reached_from(hosts: Hosts, sender: str, to: str, port: int) -> bool:
    """Whether a packet may leave: the kernel tells a sender at once if a rule drops it."""
    with hosts.socket(sender) as mouth:
        try:
            mouth.sendto(b'x', (to, port))
        except PermissionError:
            return False
    return True


def test_without_rules_everybody_reaches_the_robot(hosts):
    """What the other tests show is the work of the rules."""
    assert heard_at(hosts, firewall.ports(ALICE)[0], set(HOSTS)) == set(HOSTS)


def test_a_domain_hears_its_worker_only(hosts, workers):
    """At the first ports, at a participant's and at the last one; other ports stay as they are."""
    hosts.apply('robot', firewall.robot_rules(workers, OWN))
    for domain_id, expected in ((ALICE, {'alice'}), (BOB, {'bob'}), (OWN, set())):
        first, last = firewall.ports(domain_id)
        for port in (first, first + 1, first + 10, first + 11, last):
            assert heard_at(hosts, port, expected) == expected
    assert heard_at(hosts, 7000, {'alice', 'bob'}) == {'alice', 'bob'}
    for port in (firewall.ports(ALICE)[0] - 1, firewall.ports(BOB)[1] + 1):
        assert heard_at(hosts, port, set(HOSTS)) == set(HOSTS)


def test_a_friend_is_heard_in_the_robot_s_own_domain(hosts, workers):
    """And a worker is not."""
    rules = firewall.robot_rules(workers, OWN, [hosts.address('mallory')])
    hosts.apply('robot', rules)
    assert heard_at(hosts, firewall.ports(OWN)[0], {'mallory'}) == {'mallory'}


def test_the_robot_tells_a_domain_s_news_to_its_worker_only(hosts, workers):
    """Neither a packet to another host nor a multicast leaves for a domain's ports."""
    hosts.apply('robot', firewall.robot_rules(workers, OWN))
    first, _ = firewall.ports(ALICE)
    assert reached_from(hosts, 'robot', hosts.address('alice'), first + 10)
    for address in (hosts.address('bob'), hosts.address('mallory')):
        assert not reached_from(hosts, 'robot', address, first + 10)
        assert not reached_from(hosts, 'robot', address, firewall.ports(OWN)[0])
        assert reached_from(hosts, 'robot', address, 53)
    with hosts.socket('robot') as mouth:
        mouth.setsockopt(
            socket.IPPROTO_IP,
            socket.IP_MULTICAST_IF,
            socket.inet_aton(hosts.robot_address('mallory')),
        )
        with pytest.raises(PermissionError):
            mouth.sendto(b'x', (MULTICAST, firewall.ports(OWN)[0]))


def test_rules_can_be_applied_again(hosts, workers):
    """They replace the older ones, and do not add to them."""
    hosts.apply('robot', firewall.robot_rules(workers, OWN, [hosts.address('mallory')]))
    hosts.apply('robot', firewall.robot_rules(workers, OWN))
    assert heard_at(hosts, firewall.ports(OWN)[0], set()) == set()


TALKER = """
import sys, rclpy
from std_msgs.msg import String
name, heard = sys.argv[1], set()
rclpy.init()
node = rclpy.create_node(name)
publisher = node.create_publisher(String, '/hello', 10)
def hear(message):
    if message.data not in heard | {name}:
        heard.add(message.data)
        print(message.data, flush=True)
node.create_subscription(String, '/hello', hear, 10)
node.create_timer(0.2, lambda: publisher.publish(String(data=name)))
rclpy.spin(node)
"""


class Talker:
    """A node on a host that says its name and prints the names that it hears."""

    def __init__(self, hosts: Hosts, host: str, name: str, peers: str) -> None:
        env = {'ROS_DOMAIN_ID': str(ALICE), 'ROS_STATIC_PEERS': peers}
        words = ['ip', 'netns', 'exec', space(host), 'env', '-u', 'ROS_AUTOMATIC_DISCOVERY_RANGE']
        words += ['FASTDDS_BUILTIN_TRANSPORTS=UDPv4', *(f'{k}={v}' for k, v in env.items())]
        self._process = subprocess.Popen(
            [*words, sys.executable, '-c', TALKER, name], stdout=subprocess.PIPE, text=True
        )

    def hears(self, name: str) -> list[str]:
        """Waits until it hears a name; returns all that it has heard since the last call."""
        assert self._process.stdout
        heard: list[str] = []
        while name not in heard:
            heard.append(self._process.stdout.readline().strip())
            assert heard[-1], 'the node has ended'
        return heard

    def end(self) -> str:
        """Ends the node; returns what it has heard since the last call of `hears`."""
        assert self._process.stdout
        self._process.kill()
        self._process.wait()
        if self._process.stdout.closed:
            return ''
        with self._process.stdout as rest:
            return rest.read()


def test_dds_reaches_the_worker_and_no_stranger(hosts, workers):
    """Real nodes: without the rules a stranger hears the robot, and under them no longer."""
    started = []

    def start(host, name, peers):
        started.append(Talker(hosts, host, name, peers))
        return started[-1]

    try:
        everybody = ';'.join(hosts.address(name) for name in hosts.names)
        mallory = start('mallory', 'mallory', hosts.robot_address('mallory'))
        before = start('robot', 'before', everybody)
        assert mallory.hears('before') == ['before']
        before.end()
        hosts.apply('robot', firewall.robot_rules(workers, OWN))
        hosts.apply('alice', firewall.worker_rules(workers[0], [hosts.robot_address('alice')]))
        robot = start('robot', 'after', everybody)
        alice = start('alice', 'alice', hosts.robot_address('alice'))
        assert alice.hears('after') == ['after']
        assert robot.hears('alice') == ['alice']
        assert mallory.end() == ''
    finally:
        for each in started:
            each.end()
