"""The rules of `pedsam firewall`: which ports they close, and which addresses they take."""

import re
import subprocess
from shutil import which

import pytest

from pedsam_ros.core import firewall
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.workers_file import WorkerEntry

ALICE = WorkerEntry(name='alice', domain_id=11, peers=('10.0.0.7', 'fd00::7'))
BOB = WorkerEntry(name='bob', domain_id=12, peers=('10.0.1.7',))


def lines(rules: str, chain: str) -> list[str]:
    """The rules for ports in a chain, in their order."""
    body = rules.split(f'chain {chain} {{')[1].split('}')[0]
    return re.findall(r'^    (udp .+)$', body, re.MULTILINE)


def test_a_domain_has_the_ports_that_dds_gives_it():
    """DDSI-RTPS 2.2, 9.6.1.1: 7400 + 250 a domain. UDP's last port cuts off the last domain."""
    assert firewall.ports(0) == (7400, 7649)
    assert firewall.ports(11) == (10150, 10399)
    assert firewall.ports(232) == (65400, 65535)


def test_a_worker_s_domain_is_open_to_its_own_addresses_only():
    """It is open to each address in `peers`. The robot's own domain is open to nobody."""
    assert lines(firewall.robot_rules([ALICE, BOB], own_domain=0), 'input')[4:] == [
        'udp dport 7400-7649 drop',
        'udp dport 10150-10399 ip saddr 10.0.0.7 accept',
        'udp dport 10150-10399 ip6 saddr fd00::7 accept',
        'udp dport 10150-10399 drop',
        'udp dport 10400-10649 ip saddr 10.0.1.7 accept',
        'udp dport 10400-10649 drop',
    ]


def test_ports_of_any_domain_are_open_to_all_named_addresses_only():
    """Fast DDS takes ports from 7000 on, one for each participant, and tells no domain by them."""
    assert lines(firewall.robot_rules([ALICE, BOB], own_domain=0), 'input')[:4] == [
        'udp dport 7000-7399 ip saddr 10.0.0.7 accept',
        'udp dport 7000-7399 ip6 saddr fd00::7 accept',
        'udp dport 7000-7399 ip saddr 10.0.1.7 accept',
        'udp dport 7000-7399 drop',
    ]


def test_what_dds_says_of_itself_stays_inside_too():
    """The same holds for what goes out: announcements by multicast would reach a whole network."""
    rules = firewall.robot_rules([ALICE, BOB], own_domain=0)
    outgoing = [line.replace('daddr', 'saddr') for line in lines(rules, 'output')]
    assert outgoing == lines(rules, 'input')


def test_friends_may_enter_the_robot_s_own_domain():
    """And nothing else."""
    with_friend = lines(firewall.robot_rules([BOB], 7, ['192.168.1.5']), 'input')
    assert set(with_friend) - set(lines(firewall.robot_rules([BOB], 7), 'input')) == {
        'udp dport 7000-7399 ip saddr 192.168.1.5 accept',
        'udp dport 9150-9399 ip saddr 192.168.1.5 accept',
    }


def test_a_server_s_domain_is_open_to_the_edge_only():
    """The server needs the edge's addresses, which workers.yaml does not have."""
    assert lines(firewall.worker_rules(BOB, ['10.0.1.1']), 'input')[2:] == [
        'udp dport 10400-10649 ip saddr 10.0.1.1 accept',
        'udp dport 10400-10649 drop',
    ]
    with pytest.raises(ConfigError, match='bob: --edge'):
        firewall.worker_rules(BOB, [])


def test_the_operator_s_domain_is_closed_to_all_hosts():
    """The worker's node is in it with all its services."""
    rules = lines(firewall.worker_rules(BOB, ['10.0.1.1'], 50), 'input')
    first, last = firewall.ports(50)
    assert [rule for rule in rules if str(first) in rule] == [f'udp dport {first}-{last} drop']
    with pytest.raises(ConfigError, match='operator-domain'):
        firewall.worker_rules(BOB, ['10.0.1.1'], BOB.domain_id)


def test_a_worker_without_an_address_is_refused():
    """Open to everybody is no firewall, and closed to everybody would cut off the worker."""
    with pytest.raises(ConfigError, match=r'carol: peers=\(\)'):
        firewall.robot_rules([ALICE, WorkerEntry(name='carol', domain_id=13)], own_domain=0)


@pytest.mark.parametrize(
    'address',
    [
        *('alice.example.org', '10.0.0.0/8', '10.0.0.7 accept; drop', '', '0.0.0.0', '::'),
        *('127.0.0.1', '224.0.0.1', '255.255.255.255', 'fe80::1%eth0', '::ffff:10.0.0.7'),
        '010.0.0.7',
    ],
)
def test_only_the_plain_address_of_one_host_is_taken(address):
    """Host names, networks, groups, this machine, and words of nftables' own are refused."""
    with pytest.raises(ConfigError, match='address'):
        firewall.worker_rules(BOB, [address])


@pytest.mark.skipif(not which('nft'), reason='no nft')
def test_nft_takes_the_rules():
    """`nft --check` reads them without applying them."""
    for rules in (
        firewall.robot_rules([ALICE, BOB], own_domain=0, friends=['192.168.1.5']),
        firewall.worker_rules(ALICE, ['10.0.0.1', 'fd00::1']),
    ):
        ended = subprocess.run(
            ['nft', '-c', '-f', '-'], input=rules, capture_output=True, text=True
        )
        if 'Operation not permitted' in ended.stderr:
            pytest.skip('nft needs root')
        assert ended.returncode == 0, ended.stderr
