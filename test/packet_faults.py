"""A link that loses, delays and reorders packets, for kernels without netem.

The link is two network interfaces (taps), and a process that carries packets from one to the
other: `python packet_faults.py HERE THERE FAULTS`, where FAULTS is the JSON of a `PacketFaults`.
"""

from __future__ import annotations

import fcntl
import heapq
import itertools
import json
import os
import random
import select
import struct
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass

_TUNSETIFF, _IFF_TAP, _IFF_NO_PI = 0x400454CA, 0x0002, 0x1000  # linux/if_tun.h
_PACKET_BYTES = 1 << 16
_READY = 'ready'


@dataclass(frozen=True)
class PacketFaults:
    """What happens to the packets of a link, in each direction; shares are from 0 to 1."""

    loss: float = 0.0  # share of packets that are lost
    delay_s: float = 0.0
    jitter_s: float = 0.0  # the delay varies by this much, either way
    ahead: float = 0.0  # share of packets that are not delayed, and so overtake others

    @property
    def netem(self) -> list[str]:
        """The same as arguments of `tc qdisc ... netem`."""
        words = ['loss', f'{self.loss:.1%}', 'delay', f'{self.delay_s}s', f'{self.jitter_s}s']
        return words + (['reorder', f'{self.ahead:.1%}'] if self.ahead else [])

    def delay(self, chance: random.Random) -> float | None:
        """Draws the delay of one packet, in seconds; None if it is lost."""
        if chance.random() < self.loss:
            return None
        late = chance.random() >= self.ahead
        return late * (self.delay_s + chance.uniform(-self.jitter_s, self.jitter_s))


def start_link(here: str, there: str, faults: PacketFaults) -> subprocess.Popen[str]:
    """Makes two interfaces and starts to carry their packets.

    The link lasts as long as the process that is returned. Raises OSError if this machine allows
    no taps.
    """
    words = [sys.executable, __file__, here, there, json.dumps(asdict(faults))]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    told = process.stdout.readline().strip()  # type: ignore[union-attr]
    if told != _READY:
        told += process.communicate()[0]
        raise OSError(f'no taps here: {told.splitlines()[-1]}')
    return process


def _tap(name: str) -> int:
    end = os.open('/dev/net/tun', os.O_RDWR)
    fcntl.ioctl(end, _TUNSETIFF, struct.pack('16sH', name.encode(), _IFF_TAP | _IFF_NO_PI))
    return end


def _carry(here: int, there: int, faults: PacketFaults) -> None:
    other, chance, number = {here: there, there: here}, random.Random(0), itertools.count()
    due: list[tuple[float, int, int, bytes]] = []
    while True:
        wait_s = max(0.0, due[0][0] - time.monotonic()) if due else None
        for end in select.select(list(other), [], [], wait_s)[0]:
            packet = os.read(end, _PACKET_BYTES)
            if (delay_s := faults.delay(chance)) is not None:
                when = time.monotonic() + delay_s
                heapq.heappush(due, (when, next(number), other[end], packet))
        while due and due[0][0] <= time.monotonic():
            with suppress(OSError):  # that interface is down
                os.write(due[0][2], due[0][3])
            heapq.heappop(due)


if __name__ == '__main__':
    one, other = _tap(sys.argv[1]), _tap(sys.argv[2])
    print(_READY, flush=True)
    _carry(one, other, PacketFaults(**json.loads(sys.argv[3])))
