"""The command line: `./pedsam COMMAND` without ROS, `ros2 run pedsam_ros pedsam COMMAND` with it.

`pedsam X` is the module tools/x.py, which has `add_arguments` and `run`.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys

from pedsam_ros.core.errors import PedsamError
from pedsam_ros.core.shown import shown
from pedsam_ros.nodes import process

COMMANDS = {  # name: what it does
    'demo': 'make masks of camera frames with an edge and three workers, each in its own process',
    'audit': 'attack our own system, and show what each worker and coalition learns',
    'evaluate': 'measure how good the masks are, on images with known segments',
    'make-assets': 'make a pack of pictures to train on from the files of packages',
    'train': 'train a promptable model from scratch, on scenes made on the fly',
    'distill': 'train a reordered model to answer as a SAM in its own block order does',
    'bench': "measure how fast both halves are against SAM's own code, and when offloading pays",
    'estimate': 'count the memory and work that distilling a SAM takes',
    'fit-codec': 'fit the codec of embeddings to a model and your images',
    'export': 'write halves as ONNX graphs beside their weights, for backend onnx',
    'split': "cut a checkpoint into the worker's and the edge's file",
    'keys': 'make, show, renew and remove the keys by which edge and workers know each other',
    'exposure': 'show what each worker has seen, as the ledger of an edge has it',
    'operator': 'release a worker from quarantine, or clear the exposure ledger of an edge',
    'firewall': "print nftables rules that leave a worker's domain to that worker and the edge",
    'sros2': 'write policies of DDS-Security, with the least rights, for SROS2',
    'soak': 'process thousands of frames with random faults, and check every promise',
    'make-bag': 'make a rosbag2 of images or a video',
    'replay': 'play a rosbag2 into the current domain',
    'record': 'record topics of the current domain into a rosbag2',
    'camera': 'publish photographs, or your own images, like a moving camera',
}
_UNTIL_STOPPED = {'replay', 'record', 'camera'}  # a signal is their end: status 0, at any time


def main() -> int:
    """Runs one command and returns the exit status; 2 means that the user can mend it."""
    arguments = sys.argv[1:]
    command = next((word for word in arguments if word in COMMANDS), None)
    if command not in _UNTIL_STOPPED:  # so that `finally` ends the children of a command
        for number in process.SIGNALS:
            signal.signal(number, signal.default_int_handler)
    try:
        return _run(command, arguments)
    except PedsamError as error:
        print(f'pedsam {command}: {shown(error, 2000)}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _run(command: str | None, arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog='pedsam')
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    for name, line in COMMANDS.items():
        sub = commands.add_parser(name, help=line, description=line)
        if name == command:  # only this one is imported: torch and rclpy are slow to load
            module = importlib.import_module(f'pedsam_ros.tools.{name.replace("-", "_")}')
            module.add_arguments(sub)
            sub.set_defaults(run=module.run)
    args = parser.parse_args(_without_ros_args(arguments))
    return int(args.run(args))


def _without_ros_args(arguments: list[str]) -> list[str]:
    """Cuts off --ros-args and what follows, which `ros2 launch` appends and rclpy reads itself."""
    return arguments[: arguments.index('--ros-args')] if '--ros-args' in arguments else arguments


if __name__ == '__main__':
    process.begin()
    process.finish(main)
