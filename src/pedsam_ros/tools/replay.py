"""`pedsam replay`: publishes a bag's messages as they were recorded; needs no rosbag2."""

from __future__ import annotations

import argparse
from pathlib import Path

from pedsam_ros.bags.command_node import interrupts, open_node
from pedsam_ros.bags.replay import replay
from pedsam_ros.bags.replay_config import ReplayConfig
from pedsam_ros.core.options import add_options, config_of
from pedsam_ros.ros import identity


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the bag, and an option for each setting of ReplayConfig."""
    parser.add_argument('bag', type=Path, help='rosbag2 folder, or one .mcap or .db3 file')
    add_options(parser, ReplayConfig())


def run(args: argparse.Namespace) -> int:
    """Plays the bag; Ctrl-C and SIGTERM end it with status 0. Raises PedsamError."""
    config = config_of(ReplayConfig, args)
    identity.carry_images()
    with interrupts() as interrupted, open_node('pedsam_replay') as node:
        replay(node, args.bag, config, lambda: interrupted() or not node.context.ok())
    return 0
