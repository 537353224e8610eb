"""What a bad network costs, by the transport of DDS: `python test/link_bench.py [--frames N]`.

An edge and three workers, each behind a wire of its own; 640x480 noise, vit_tiny, one thread each.
Needs root.
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
from network_namespaces import Wires, start_workers_behind
from packet_faults import Harm
from pedsam_ros.trial.processes import NAMES
from rig import Rig, image_msg

TRANSPORTS = ('UDPv4', 'UDPv4?max_msg_size=1400B', 'LARGE_DATA')
HARMS = {
    'none': Harm(),
    'loss 1 %': Harm(loss=0.01),
    'loss 5 %': Harm(loss=0.05),
    'delay 150 ms': Harm(delay_s=0.15),
    'delay 150 ms, loss 2 %': Harm(delay_s=0.15, loss=0.02),
}
DEADLINE_S = 5.0


def measure(harm: Harm, frames: int) -> tuple[list[float], float]:
    """Seconds from image to masks, of the frames that were done; bytes that left for the workers,
    per frame."""
    wires = Wires(NAMES, dict.fromkeys(NAMES, harm))
    try:
        wires.lay()
        with domains(4) as taken, tempfile.TemporaryDirectory() as folder:
            rig = Rig(taken, Path(folder))
            try:
                start_workers_behind(wires, rig)
                return run(rig, wires, frames)
            finally:
                rig.close()
    finally:
        wires.remove()


def run(rig: Rig, wires: Wires, frames: int) -> tuple[list[float], float]:
    """One frame after another, once all are ready."""
    rig.start_edge(every_frame=True, deadline_s=DEADLINE_S)
    camera = rig.client.camera()
    rig.wait_ready()
    took, before = [], sent(wires)
    for stamp in range(1, frames + 1):
        message = image_msg(frame(480, 640, seed=stamp).rgb, stamp)
        begun = time.monotonic()
        camera.publish(message)
        with suppress(AssertionError):  # late
            rig.client.masks_for(stamp, DEADLINE_S)
            took.append(time.monotonic() - begun)
    return took, (sent(wires) - before) / frames


def sent(wires: Wires) -> int:
    """Bytes that went into the wires here."""
    ends = [Path('/sys/class/net', wires.parts(name)[1]) for name in wires.names]
    return sum(int((end / 'statistics/tx_bytes').read_text()) for end in ends)


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--frames', type=int, default=20)
    frames = parser.parse_args().frames
    print('| the wire | transport | done | s, median | s, most | MB up a frame |')
    print('|---|---|---|---|---|---|', flush=True)
    for name, harm in HARMS.items():
        for transport in TRANSPORTS:
            os.environ['FASTDDS_BUILTIN_TRANSPORTS'] = transport
            took, up = measure(harm, frames)
            median, most = (f(took) if took else 0.0 for f in (statistics.median, max))
            times = f'{median:.2f} | {most:.2f} | {up / 1e6:.2f}'
            print(f'| {name} | `{transport}` | {len(took)} of {frames} | {times} |', flush=True)


if __name__ == '__main__':
    main()
