"""Rules for nftables that leave each worker's domain to that worker and to the edge.

DDS gives each domain a block of 250 UDP ports. It uses fixed places in it: discovery by multicast
(the first), data by multicast (the second), and two for each participant of a host. Fast DDS takes
one more for each participant, from 7000 on, whatever the domain. The rules close whole blocks, so
they need not know how many participants there are.

They also keep what DDS says of itself inside: an announcement goes to all hosts of a network.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.workers_file import WorkerEntry

_FIRST, _BLOCK, _LAST = 7400, 250, 65535  # UDP ports
_OF_ANY_DOMAIN = 7000, 7399
_TABLE = """\
#!/usr/sbin/nft -f
# Written by `pedsam firewall`. It touches no other table: what this one accepts, others may drop.
table inet {name}
delete table inet {name}
table inet {name} {{
  chain input {{
    type filter hook input priority filter; policy accept;
    iif "lo" accept
    ct state established,related accept
{input}
  }}
  chain output {{
    type filter hook output priority filter; policy accept;
    oif "lo" accept
{output}
  }}
}}
"""


def ports(domain_id: int) -> tuple[int, int]:
    """The first and the last UDP port of a DDS domain."""
    first = _FIRST + _BLOCK * domain_id
    return first, min(first + _BLOCK - 1, _LAST)


def robot_rules(
    workers: Sequence[WorkerEntry], own_domain: int, friends: Sequence[str] = ()
) -> str:
    """The rules of a robot, as a file for `nft -f`.

    A worker's domain is open to and from the addresses in the worker's `peers`. The robot's own
    domain is open to `friends`: addresses of hosts that belong to the robot. Raises ConfigError if
    a worker has no address, or one that does not name one other host.
    """
    open_to = {own_domain: ('the robot itself', _checked('--friend', friends))}
    for worker in workers:
        if not worker.peers:
            raise ConfigError(
                f'{worker.name}: peers=(): a firewall needs the addresses of its host'
            )
        open_to[worker.domain_id] = worker.name, _checked(f'{worker.name}: peers', worker.peers)
    return _rules('pedsam_edge', open_to)


def worker_rules(
    worker: WorkerEntry, edges: Sequence[str], operator_domain: int | None = None
) -> str:
    """The rules of one worker's server: its domain is open to and from the edge's addresses, and
    `operator_domain` to no other host.

    Raises ConfigError if there is no address, or one that does not name one other host.
    """
    if not edges:
        raise ConfigError(f'{worker.name}: --edge=(): a firewall needs the addresses of the edge')
    open_to = {worker.domain_id: (worker.name, _checked('--edge', edges))}
    if operator_domain is not None:
        if operator_domain in open_to:
            raise ConfigError(f'--operator-domain={operator_domain}: is that of {worker.name}')
        open_to[operator_domain] = ('the operator alone', [])
    return _rules(f'pedsam_{worker.name}', open_to)


def _checked(what: str, texts: Iterable[str]) -> list[str]:
    """The addresses in nftables' words, as in `ip6 saddr fe80::1`, without the word for the side.

    A host name is refused: nftables would look it up once, and its address may change.
    """
    found = []
    for text in texts:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            raise ConfigError(
                f'{what}: {text!r}: an IPv4 or IPv6 address; what a host name means can change'
            ) from None
        scoped_or_mapped = '%' in text or getattr(address, 'ipv4_mapped', None)
        many = address.is_multicast or address.is_unspecified or address == _BROADCAST
        if many or address.is_loopback or scoped_or_mapped:
            raise ConfigError(f'{what}: {text!r}: the plain address of one other host')
        found.append(f'{"ip" if address.version == 4 else "ip6"} {{side}} {address}')
    return found


_BROADCAST = ipaddress.IPv4Address('255.255.255.255')


def _rules(table: str, open_to: dict[int, tuple[str, list[str]]]) -> str:
    """`open_to`: domain -> whose it is, and the addresses that it is open to."""
    everybody = [address for _, addresses in open_to.values() for address in addresses]
    blocks = [('any domain', _OF_ANY_DOMAIN, list(dict.fromkeys(everybody)))]
    for domain_id, (whose, addresses) in sorted(open_to.items()):
        blocks.append((f'domain {domain_id}: {whose}', ports(domain_id), addresses))
    into: list[str] = []
    out: list[str] = []
    for comment, (first, last), addresses in blocks:
        for lines, side in ((into, 'saddr'), (out, 'daddr')):
            block = f'    udp dport {first}-{last}'
            lines.append(f'    # {comment}')
            lines += [f'{block} {each.format(side=side)} accept' for each in addresses]
            lines.append(f'{block} drop')
    return _TABLE.format(name=table, input='\n'.join(into), output='\n'.join(out))
