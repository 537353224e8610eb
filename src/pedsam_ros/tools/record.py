"""`pedsam record`: records topics into a rosbag2 that `ros2 bag` and Foxglove read."""

from __future__ import annotations

import argparse
from pathlib import Path

from pedsam_ros.bags.command_node import interrupts, open_node
from pedsam_ros.bags.record import record
from pedsam_ros.bags.rosbag import STORAGES, BagWriter


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add = parser.add_argument
    add('bag', type=Path, help='folder to make; must not exist')
    add('topics', nargs='+', metavar='TOPIC', help='topics to record, each as soon as it appears')
    add('--storage', default='mcap', help=f'{" or ".join(STORAGES)} (default: %(default)s)')


def run(args: argparse.Namespace) -> int:
    """Records until Ctrl-C or SIGTERM. Raises PedsamError."""
    with interrupts() as interrupted:
        with BagWriter(args.bag, args.storage) as writer, open_node('pedsam_record') as node:
            counts = record(node, args.topics, writer, interrupted)
        for topic, count in sorted(counts.items()):
            print(f'{topic}: {count} messages')
    return 0
