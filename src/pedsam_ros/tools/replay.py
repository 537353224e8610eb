"""`pedsam replay`: a bag's messages, published as they were recorded; needs no rosbag2."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

from pedsam_ros.bags.command_node import interrupts, open_node
from pedsam_ros.bags.replay import ReplayConfig, replay


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `pedsam replay` takes: the bag, and an option for each field of ReplayConfig."""
    parser.add_argument('bag', type=Path, help='rosbag2 folder, or one .mcap or .db3 file')
    for each in fields(ReplayConfig):
        name, _, unit = each.name.rpartition('_')
        flag = f'--{name or unit}'
        note, default = each.metadata['note'], each.default
        if isinstance(default, bool):
            parser.add_argument(flag, dest=each.name, action='store_true', help=note)
        elif default is None:
            parser.add_argument(flag, dest=each.name, nargs='+', metavar='TOPIC', help=note)
        else:
            parser.add_argument(
                flag,
                dest=each.name,
                type=type(default),
                default=default,
                metavar=unit.upper(),
                help=f'{note} (default: {default})',
            )


def run(args: argparse.Namespace) -> int:
    """`pedsam replay`; Ctrl-C and SIGTERM are an end like another. Raises PedsamError."""
    values = {each.name: getattr(args, each.name) for each in fields(ReplayConfig)}
    topics = tuple(values.pop('topics') or ()) or None
    config = ReplayConfig(topics=topics, **values)
    with interrupts() as interrupted, open_node('pedsam_replay') as node:
        replay(node, args.bag, config, lambda: interrupted() or not node.context.ok())
    return 0
