"""Measures what a camera that is too fast costs the edge.

`python test/camera_bench.py [--points N ...] [--seconds S] [--repeat N]`: an edge, three workers
and a camera of 1920x1080 rgb8, each a process of its own. In turn the camera sends one image
whenever the edge can use it (fitting), and 30 a second (fast). The edge has a core for itself; the
others share the rest. Prints a table and writes out/camera_load.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import rclpy
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from tqdm import tqdm

from domains import domains
from fakes import frame
from pedsam_ros.msg import Masks
from pedsam_ros.ros import identity
from pedsam_ros.tools.figures import write_figures
from pedsam_ros.trial.system import CAMERA
from rig import Rig, image_msg

HEIGHT, WIDTH, FAST_HZ = 1080, 1920, 30.0
AT_ONCE = 3  # two in flight and one that waits: never too few, never too many
BEFORE = 3  # masks that come before the measurement begins
CORES = sorted(os.sched_getaffinity(0))
TICK_S = 1.0 / os.sysconf('SC_CLK_TCK')


def cpu_s(pid: int) -> float:
    """The processor time that a process has used so far, all threads together."""
    fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def pin(pid: int, cores: set[int]) -> None:
    """Keeps all threads of a process on some cores."""
    for task in Path(f'/proc/{pid}/task').iterdir():
        os.sched_setaffinity(int(task.name), cores)


def play(rate_hz: float, seconds: float, edge: int) -> dict[str, Any]:
    """Sends images at a rate, or with 0 as the edge can use them. Returns when the masks came, s,
    how many images were sent meanwhile, and how long the processor worked for the edge, s."""
    identity.carry_images()
    rclpy.init()
    node = rclpy.create_node('camera')
    camera = node.create_publisher(Image, CAMERA, QoSProfile(depth=2))
    came: list[tuple[float, float, int, int]] = []  # when, processor time, which, how many sent
    sent = 0

    def note(masks: Masks) -> None:
        came.append((time.monotonic(), cpu_s(edge), masks.header.stamp.sec, sent))

    node.create_subscription(Masks, '/edge/masks', note, QoSProfile(depth=10))
    while not (camera.get_subscription_count() and node.count_publishers('/edge/masks')):
        rclpy.spin_once(node, timeout_sec=0.1)
    image: Any = image_msg(frame(HEIGHT, WIDTH).rgb, 0)
    next_s = time.monotonic()
    while len(came) < BEFORE or came[-1][0] - came[BEFORE - 1][0] < seconds:
        done = came[-1][2] if came else 0
        if time.monotonic() >= next_s if rate_hz else sent - done < AT_ONCE:
            sent += 1
            image.header.stamp.sec = sent
            camera.publish(image)
            next_s += 1.0 / rate_hz if rate_hz else 0.0
        wait_s = max(0.0, next_s - time.monotonic()) if rate_hz else 0.05
        rclpy.spin_once(node, timeout_sec=wait_s)
    rclpy.shutdown()
    came = came[BEFORE - 1 :]
    return {
        'times_s': [when for when, *_ in came],
        'sent': came[-1][3] - came[0][3],
        'cpu_s': came[-1][1] - came[0][1],
    }


def measured(rate_hz: float, seconds: float, edge: int, domain_id: int) -> dict[str, Any]:
    """One run of the camera: seconds between masks, and the edge's processor time per frame."""
    words = [sys.executable, __file__, '--play', str(rate_hz), str(seconds), str(edge)]
    env = {**os.environ, 'ROS_DOMAIN_ID': str(domain_id)}
    told = subprocess.run(words, env=env, stdout=subprocess.PIPE, check=True).stdout
    found = json.loads(told.splitlines()[-1])
    times = found['times_s']
    return {
        'sent_per_frame': found['sent'] / (len(times) - 1),
        'cpu_s': found['cpu_s'] / (len(times) - 1),
        'between_s': [after - before for before, after in pairwise(times)],
    }


def rows(points: int, seconds: float, repeat: int) -> dict[str, list[dict[str, Any]]]:
    """The runs with the fast camera and those with the fitting one, in turn."""
    prompts = [float(v) for i in range(points) for v in (100 + 97 * i % 1700, 100 + 61 * i % 900)]
    first, *others = CORES
    os.sched_setaffinity(0, others)
    found: dict[str, list[dict[str, Any]]] = {'fitting': [], 'fast': []}
    with domains(4) as taken, tempfile.TemporaryDirectory() as folder:
        rig = Rig(taken, Path(folder))
        try:
            rig.start_edge(checkpoint='vit_tiny', points=prompts)
            rig.start_workers(checkpoint='vit_tiny')
            rig.wait_ready()
            edge = rig.processes['edge'].process.pid
            pin(edge, {first})
            for _ in tqdm(range(repeat), disable=None):
                for name, rate_hz in (('fitting', 0.0), ('fast', FAST_HZ)):
                    found[name].append(measured(rate_hz, seconds, edge, taken[0]))
        finally:
            rig.close()
            os.sched_setaffinity(0, CORES)
    return found


def summary(runs: list[dict[str, Any]]) -> dict[str, float]:
    """The medians of some runs."""
    return {
        'sent_per_frame': statistics.median(run['sent_per_frame'] for run in runs),
        'cpu_s': statistics.median(run['cpu_s'] for run in runs),
        'between_s': statistics.median(s for run in runs for s in run['between_s']),
    }


def line(points: int, medians: dict[str, dict[str, float]]) -> str:
    """A line of the table."""
    fit, fast = medians['fitting'], medians['fast']
    cells = [
        f'{fit[key]:.3f} | {fast[key]:.3f} | {fast[key] / fit[key] - 1:+.1%}'
        for key in ('cpu_s', 'between_s')
    ]
    return f'| {points} | {fast["sent_per_frame"]:.1f} | {cells[0]} | {cells[1]} |'


def main() -> None:
    """Prints a table with a line for each number of prompts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--points', type=int, nargs='+', default=[2, 8], help='prompts a frame')
    parser.add_argument('--seconds', type=float, default=15.0, help='length of a run')
    parser.add_argument('--repeat', type=int, default=5, help='runs with each camera')
    parser.add_argument('--play', nargs=3, type=float, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.play:
        return print(json.dumps(play(args.play[0], args.play[1], int(args.play[2]))))
    print('| prompts | images a frame | processor s: fitting | fast | more ', end='')
    print('| s between masks: fitting | fast | more |\n|---|---|---|---|---|---|---|---|')
    found = {}
    for points in args.points:
        runs = rows(points, args.seconds, args.repeat)
        medians = {name: summary(of) for name, of in runs.items()}
        print(line(points, medians), flush=True)
        found[points] = {'medians': medians, 'runs': runs}
    return write_figures(Path('out/camera_load.json'), {'by_points': found})


if __name__ == '__main__':
    main()
