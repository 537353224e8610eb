"""Measures what a bad network costs with each transport of DDS.

`python test/link_bench.py [--frames N]`, as root: an edge and three workers, each in a network
namespace of its own; 640x480 noise, vit_tiny, one thread each.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from domains import domains
from fakes import frame
from network_namespaces import Namespaces, start_workers_in
from packet_faults import PacketFaults
from pedsam_ros.core.errors import PedsamError
from pedsam_ros.trial.processes import NAMES
from rig import Rig, image_msg

TRANSPORTS = ('UDPv4', 'UDPv4?max_msg_size=1400B', 'LARGE_DATA')
FAULTS = {
    'none': PacketFaults(),
    'loss 1 %': PacketFaults(loss=0.01),
    'loss 5 %': PacketFaults(loss=0.05),
    'delay 150 ms': PacketFaults(delay_s=0.15),
    'delay 150 ms, loss 2 %': PacketFaults(delay_s=0.15, loss=0.02),
}
DEADLINE_S = 5.0


def measure(faults: PacketFaults, frames: int) -> tuple[list[float], float]:
    """Seconds from image to masks of each frame that was done, and bytes sent to the workers per
    frame."""
    namespaces = Namespaces(NAMES, dict.fromkeys(NAMES, faults))
    try:
        namespaces.create()
        with domains(4) as taken, tempfile.TemporaryDirectory() as folder:
            rig = Rig(taken, Path(folder))
            try:
                start_workers_in(namespaces, rig)
                return run(rig, namespaces, frames)
            finally:
                rig.close()
    finally:
        namespaces.remove()


def run(rig: Rig, namespaces: Namespaces, frames: int) -> tuple[list[float], float]:
    """Sends one frame after another, once all workers are ready."""
    rig.start_edge(every_frame=True, deadline_s=DEADLINE_S)
    camera = rig.client.camera()
    rig.wait_ready()
    took, before = [], sent(namespaces)
    for stamp in range(1, frames + 1):
        message = image_msg(frame(480, 640, seed=stamp).rgb, stamp)
        begun = time.monotonic()
        camera.publish(message)
        with suppress(PedsamError):  # late
            rig.client.masks_for(stamp, DEADLINE_S)
            took.append(time.monotonic() - begun)
    return took, (sent(namespaces) - before) / frames


def sent(namespaces: Namespaces) -> int:
    """Bytes that this side has sent over the links."""
    ends = [Path('/sys/class/net', namespaces.interface(name)) for name in namespaces.workers]
    return sum(int((end / 'statistics/tx_bytes').read_text()) for end in ends)


def main() -> None:
    """Prints a table with a line for each fault and transport."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--frames', type=int, default=20)
    frames = parser.parse_args().frames
    print('| the link | transport | done | s, median | s, most | MB up a frame |')
    print('|---|---|---|---|---|---|', flush=True)
    for name, faults in FAULTS.items():
        for transport in TRANSPORTS:
            os.environ['FASTDDS_BUILTIN_TRANSPORTS'] = transport
            took, up = measure(faults, frames)
            median, most = (f(took) if took else 0.0 for f in (statistics.median, max))
            times = f'{median:.2f} | {most:.2f} | {up / 1e6:.2f}'
            print(f'| {name} | `{transport}` | {len(took)} of {frames} | {times} |', flush=True)


if __name__ == '__main__':
    main()
