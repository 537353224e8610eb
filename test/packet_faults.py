"""A wire that loses, delays and reorders packets, for kernels without netem.

It is two interfaces (taps) and a process that carries what goes into one out of the other:
`python packet_faults.py HERE THERE HARM`, where HARM is the JSON of a `Harm`.
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
_PACKET = 1 << 16


@dataclass(frozen=True)
class Harm:
    """What happens to the packets of either direction, each by itself; shares are 0 to 1."""

    loss: float = 0.0
    delay_s: float = 0.0
    jitter_s: float = 0.0
    ahead: float = 0.0  # not delayed: these overtake the others

    @property
    def netem(self) -> list[str]:
        """The same in the words of `tc qdisc ... netem`."""
        words = ['loss', f'{self.loss:.1%}', 'delay', f'{self.delay_s}s', f'{self.jitter_s}s']
        return words + (['reorder', f'{self.ahead:.1%}'] if self.ahead else [])

    def delay(self, chance: random.Random) -> float | None:
        """Of one packet, in seconds; None if it is lost."""
        if chance.random() < self.loss:
            return None
        late = chance.random() >= self.ahead
        return late * (self.delay_s + chance.uniform(-self.jitter_s, self.jitter_s))


def lay(here: str, there: str, harm: Harm) -> subprocess.Popen[str]:
    """Starts a wire, which lasts as long as its process. Raises OSError if it can't be had."""
    words = [sys.executable, __file__, here, there, json.dumps(asdict(harm))]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    told = process.stdout.readline().strip()  # type: ignore[union-attr]
    if told != 'laid':
        told += process.communicate()[0]
        raise OSError(f'no taps here: {told.splitlines()[-1]}')
    return process


def _tap(name: str) -> int:
    end = os.open('/dev/net/tun', os.O_RDWR)
    fcntl.ioctl(end, _TUNSETIFF, struct.pack('16sH', name.encode(), _IFF_TAP | _IFF_NO_PI))
    return end


def _carry(here: int, there: int, harm: Harm) -> None:
    other, chance, number = {here: there, there: here}, random.Random(0), itertools.count()
    due: list[tuple[float, int, int, bytes]] = []
    while True:
        wait_s = max(0.0, due[0][0] - time.monotonic()) if due else None
        for end in select.select(list(other), [], [], wait_s)[0]:
            packet = os.read(end, _PACKET)
            if (delay_s := harm.delay(chance)) is not None:
                when = time.monotonic() + delay_s
                heapq.heappush(due, (when, next(number), other[end], packet))
        while due and due[0][0] <= time.monotonic():
            with suppress(OSError):  # that end is down
                os.write(due[0][2], due[0][3])
            heapq.heappop(due)


if __name__ == '__main__':
    one, other = _tap(sys.argv[1]), _tap(sys.argv[2])
    print('laid', flush=True)
    _carry(one, other, Harm(**json.loads(sys.argv[3])))
