"""Measures how many camera images reach a reader on the same machine, with and without
config/camera_fastdds.xml.

`python test/image_link_bench.py [--seconds S] [--repeat N]`: a camera and a reader, each a process
of its own. Prints a table and writes out/image_links.json.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import rclpy
from ament_index_python.packages import get_package_share_directory
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from tqdm import tqdm

from domains import domains
from pedsam_ros.tools.figures import write_figures

PROFILE = Path(get_package_share_directory('pedsam_ros'), 'config', 'camera_fastdds.xml')
VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
TOPIC = '/camera/image_raw'
FOUND_S, QUIET_S = 60.0, 2.0


class Camera(NamedTuple):
    """What a camera sends."""

    width: int
    height: int
    rate_hz: float
    reliable: bool

    def __str__(self) -> str:
        how = 'reliable' if self.reliable else 'best effort'
        return f'{self.width}x{self.height}, {self.rate_hz:g} Hz, {how}'


CAMERAS = [
    Camera(width, height, rate_hz, reliable)
    for reliable in (False, True)
    for width, height, rate_hz in (
        (640, 480, 30.0),
        (1280, 720, 15.0),
        (1920, 1080, 30.0),
        (3840, 2160, 10.0),
    )
]


def profile(reliable: bool) -> QoSProfile:
    """A camera's QoS, and that of a reader that wants the newest image only."""
    policy = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=5, reliability=policy)


def publish(camera: Camera, count: int) -> None:
    """Sends `count` images, as soon as somebody reads them."""
    rclpy.init()
    node = rclpy.create_node('camera')
    publisher = node.create_publisher(Image, TOPIC, profile(camera.reliable))
    step = 3 * camera.width
    image = Image(height=camera.height, width=camera.width, encoding='rgb8', step=step)
    image.data.frombytes(bytes(step * camera.height))
    deadline_s = time.monotonic() + FOUND_S
    while not publisher.get_subscription_count() and time.monotonic() < deadline_s:
        time.sleep(0.05)
    time.sleep(1.0)  # the reader must have found the camera as well
    begun_s = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, begun_s + number / camera.rate_hz - time.monotonic()))
        image.header.stamp.sec = number
        publisher.publish(image)
    time.sleep(QUIET_S)
    rclpy.shutdown()


def received(camera: Camera, count: int, domain_id: int, file: Path | None) -> int:
    """How many of `count` images of a camera with this profile arrive here."""
    words = [sys.executable, __file__, '--publish', str(CAMERAS.index(camera)), str(count)]
    env = {**os.environ, 'ROS_DOMAIN_ID': str(domain_id)}
    env |= {name: str(file) for name in VARIABLES if file}
    context = rclpy.Context()
    context.init(domain_id=domain_id)
    node = Node('reader', context=context)
    heard: list[int] = []
    note = lambda message: heard.append(message.header.stamp.sec)  # noqa: E731
    node.create_subscription(Image, TOPIC, note, profile(camera.reliable))
    executor = rclpy.executors.SingleThreadedExecutor(context=context)
    executor.add_node(node)
    process = subprocess.Popen(words, env=env)
    while process.poll() is None:
        executor.spin_once(timeout_sec=0.2)
    executor.shutdown()
    node.destroy_node()
    context.try_shutdown()
    return len(set(heard))


def rows(seconds: float, repeat: int) -> list[dict[str, Any]]:
    """A row for each camera: the images that arrived in each run, with either profile."""
    found = []
    with domains(1) as (domain_id,), tqdm(total=2 * repeat * len(CAMERAS), disable=None) as bar:
        for camera in CAMERAS:
            sent = round(seconds * camera.rate_hz)
            row: dict[str, Any] = {'camera': str(camera), 'sent': sent}
            for name, file in (('default', None), ('camera_fastdds.xml', PROFILE)):
                row[name] = []
                for _ in range(repeat):
                    row[name].append(received(camera, sent, domain_id, file))
                    bar.update()
            found.append(row)
    return found


def table(found: list[dict[str, Any]]) -> str:
    """The medians, in Markdown."""
    lines = [
        '| camera | sent | as Fast DDS comes | with camera_fastdds.xml |',
        '|---|---|---|---|',
    ]
    for row in found:
        default, ours = (
            f'{statistics.median(row[name]):g} ({min(row[name])} to {max(row[name])})'
            for name in ('default', 'camera_fastdds.xml')
        )
        lines.append(f'| {row["camera"]} | {row["sent"]} | {default} | {ours} |')
    return '\n'.join(lines)


def main() -> None:
    """Prints a table with a line for each camera."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seconds', type=float, default=3.0, help='how long each camera sends')
    parser.add_argument('--repeat', type=int, default=3, help='runs of each line')
    parser.add_argument('--publish', nargs=2, type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.publish:
        return publish(CAMERAS[args.publish[0]], args.publish[1])
    found = rows(args.seconds, args.repeat)
    print(table(found))
    return write_figures(Path('out/image_links.json'), {'rows': found})


if __name__ == '__main__':
    main()
