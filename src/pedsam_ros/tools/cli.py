"""The command line: `./pedsam COMMAND` on a bare machine, `ros2 run pedsam_ros pedsam COMMAND`
under ROS."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys

from pedsam_ros.core.errors import PedsamError

_COMMANDS = {  # module: one line
    'demo': 'camera in, masks out: an edge and three workers as processes in domains of their own',
    'evaluate': 'how good the masks are, on images with known segments',
    'make-assets': 'pictures of packages -> one pack to train on',
    'train': 'a promptable model from scratch, on scenes made on the fly',
    'distill': 'from SAM in its own block order to a reordered one that answers alike',
    'estimate': 'memory and work of distilling a SAM',
    'split': "cut a checkpoint into the worker's and the edge's file",
    'exposure': 'what each worker has seen, as an edge wrote it down',
    'soak': 'thousands of frames with faults injected at random: does every promise hold?',
    'make-bag': 'images or a video -> rosbag2',
    'replay': 'play a rosbag2 into the current domain',
    'record': 'record topics of the current domain into a rosbag2',
    'camera': 'publish photographs, or your own images, like a moving camera',
}


def main() -> int:
    """Runs one command; returns the exit status (2: the user can mend it)."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what was started, too
    arguments = sys.argv[1:]
    command = next((word for word in arguments if word in _COMMANDS), None)
    parser = argparse.ArgumentParser(prog='pedsam')
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    for name, line in _COMMANDS.items():
        sub = commands.add_parser(name, help=line, description=line)
        if name == command:  # only this one is imported: torch and rclpy are slow to load
            module = importlib.import_module(f'pedsam_ros.tools.{name.replace("-", "_")}')
            module.add_arguments(sub)
            sub.set_defaults(run=module.run)
    args = parser.parse_args(_without_ros_args(arguments))
    try:
        return int(args.run(args))
    except PedsamError as error:
        print(f'pedsam {args.command}: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _without_ros_args(arguments: list[str]) -> list[str]:
    """`ros2 launch` appends --ros-args and what follows; rclpy reads those from sys.argv
    itself."""
    return arguments[: arguments.index('--ros-args')] if '--ros-args' in arguments else arguments


if __name__ == '__main__':
    sys.exit(main())
