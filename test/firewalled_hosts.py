"""Hosts with links to a robot, each a network namespace, so that rules can be tried on them."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from shutil import which

from network_namespaces import run

_NEWNET = 0x40000000  # CLONE_NEWNET
_NUMBER = os.getpid() % 200


class Hosts:
    """A robot and hosts, each with one link to the robot. Raises OSError if this machine has no
    `nft` or does not allow namespaces."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def create(self) -> None:
        """Makes namespaces and links."""
        if not which('nft'):
            raise OSError('no nft')
        run('ip', 'netns', 'add', space('robot'))
        run('ip', '-n', space('robot'), 'link', 'set', 'lo', 'up')
        for name in self.names:
            self._add(name)
        self.apply('robot', 'table inet try\n')  # fails where the kernel has no nftables

    def _add(self, name: str) -> None:
        here, there, robot = f'r{space(name)}', f'h{space(name)}', space('robot')
        run('ip', 'netns', 'add', space(name))
        run('ip', '-n', robot, 'link', 'add', here, 'type', 'veth', 'peer', 'name', there)
        run('ip', '-n', robot, 'link', 'set', there, 'netns', space(name))
        for where, device, address in (
            (robot, here, self.robot_address(name)),
            (space(name), there, self.address(name)),
        ):
            run('ip', '-n', where, 'addr', 'add', f'{address}/24', 'dev', device)
            run('ip', '-n', where, 'link', 'set', device, 'up')
        run('ip', '-n', space(name), 'link', 'set', 'lo', 'up')
        run('ip', '-n', space(name), 'route', 'add', 'default', 'dev', there)  # for multicast

    def address(self, name: str) -> str:
        """The address of a host."""
        return f'10.{_NUMBER}.{self.names.index(name) + 1}.2'

    def robot_address(self, name: str) -> str:
        """The address that the robot has for a host."""
        return f'10.{_NUMBER}.{self.names.index(name) + 1}.1'

    def apply(self, name: str, rules: str) -> None:
        """Applies rules on a host or the robot. Raises OSError if nft does not take them."""
        words = ['ip', 'netns', 'exec', space(name), 'nft', '-f', '-']
        ended = subprocess.run(words, input=rules, capture_output=True, text=True)
        if ended.returncode:
            raise OSError(f'nft: {ended.stderr.strip()}')

    def socket(self, name: str, kind: socket.SocketKind = socket.SOCK_DGRAM) -> socket.socket:
        """An IPv4 socket of a host or of the robot."""

        def made() -> socket.socket:
            with open(f'/run/netns/{space(name)}') as entry:
                if ctypes.CDLL(None, use_errno=True).setns(entry.fileno(), _NEWNET):
                    raise OSError(ctypes.get_errno(), 'setns')
            return socket.socket(socket.AF_INET, kind)

        with ThreadPoolExecutor(1) as thread:  # only this thread enters the namespace, and ends
            return thread.submit(made).result()

    def remove(self) -> None:
        """Removes all namespaces, and the links with them."""
        for name in ('robot', *self.names):
            with suppress(OSError):  # never there
                run('ip', 'netns', 'del', space(name))


def space(name: str) -> str:
    """The network namespace of a host or of the robot."""
    return f'pf{_NUMBER}{name[:5]}'
