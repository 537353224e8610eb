"""Starts and stops the whole demo with `ros2 launch`, again and again, on a busy machine.

`python test/launch_bench.py [--cycles N] [--busy LOOPS]` needs the command ros2. Each launch is
interrupted once its edge has published masks of five frames. Prints a line for each and writes
out/launch_bench.json; the exit status is 0 if every process of every launch ended with 0.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml
from end_bench import load

from domains import domains
from pedsam_ros.msg import Masks
from pedsam_ros.ros import identity
from pedsam_ros.tools.figures import write_figures
from pedsam_ros.trial.client import EdgeClient
from pedsam_ros.trial.processes import workers_in

PROCESSES = 6  # edge, overlay, three workers, camera
FRAMES = 5
_LIMIT_S = 300.0  # only catches hangs


def cycle(taken: list[int], folder: Path) -> dict[str, Any]:
    """One launch: seconds until frames flow, seconds from Ctrl-C to the end, how it ended."""
    workers = [{'name': w.name, 'domain_id': w.domain_id} for w in workers_in(taken)]
    (folder / 'workers.yaml').write_text(yaml.safe_dump({'workers': workers}))
    log = folder / 'launch.txt'
    words = ['demo.launch.py', f'workers_file:={folder / "workers.yaml"}']
    env = {**os.environ, 'ROS_DOMAIN_ID': str(taken[0])}
    env |= {'ROS_HOME': str(folder), 'ROS_LOG_DIR': str(folder)}
    begun = time.monotonic()
    with log.open('wb') as out, closing(EdgeClient(taken[0], 'bench', {})) as client:
        masks = client.collect(Masks, '/edge/masks')
        command = ['env', '--default-signal=INT', 'ros2', 'launch', 'pedsam_ros', *words]
        launched = subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.STDOUT)
        try:
            client.within(_LIMIT_S, lambda: len(masks) >= FRAMES)
            up_s, begun = time.monotonic() - begun, time.monotonic()
            launched.send_signal(signal.SIGINT)
            status = launched.wait(_LIMIT_S)
        finally:
            launched.kill()
    end_s, clean = time.monotonic() - begun, log.read_text().count('has finished cleanly')
    figures = {'up_s': round(up_s, 1), 'end_s': round(end_s, 2)}
    return {**figures, 'status': status, 'ended_with_0': clean, 'load': os.getloadavg()[0]}


def main() -> int:
    """Prints how each launch went. Returns 0 if all ended well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--cycles', type=int, default=10)
    parser.add_argument('--busy', type=int, default=4, metavar='LOOPS')
    args = parser.parse_args()
    identity.stay_on_this_machine()
    cycles = []
    with load(args.busy):
        for _ in range(args.cycles):
            with domains(4) as taken, tempfile.TemporaryDirectory() as folder:
                cycles.append(cycle(taken, Path(folder)))
            print(cycles[-1], flush=True)
    write_figures(Path('out/launch_bench.json'), {'cycles': cycles})
    return int(any(each['status'] or each['ended_with_0'] != PROCESSES for each in cycles))


if __name__ == '__main__':
    sys.exit(main())
