"""`pedsam firewall`: rules for nftables, for a robot or for a worker's server."""

from __future__ import annotations

import argparse
import os

from pedsam_ros.core import firewall
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.workers_file import MAX_DOMAIN, WorkerEntry, read_workers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add_file(parser)
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument('--robot', action='store_true', help='rules for the robot')
    whose.add_argument('--worker', metavar='NAME', help="rules for this worker's server")
    for name, text in (
        ('--edge', "the robot's addresses, with --worker"),
        ('--friend', "hosts that may enter the robot's own domain, with --robot"),
    ):
        parser.add_argument(name, nargs='+', default=[], metavar='ADDRESS', help=text)
    parser.add_argument(
        '--operator-domain', type=int, help="the operator's own DDS domain, with --worker"
    )


def add_file(parser: argparse.ArgumentParser) -> None:
    """Adds the two arguments that `read` takes."""
    parser.add_argument('workers', help='workers.yaml of the edge')
    parser.add_argument(
        '--domain',
        type=int,
        default=os.environ.get('ROS_DOMAIN_ID') or '0',
        help="the robot's own DDS domain (default: ROS_DOMAIN_ID, or 0)",
    )


def read(args: argparse.Namespace) -> tuple[WorkerEntry, ...]:
    """Reads the workers. Raises ConfigError."""
    if not 0 <= args.domain <= MAX_DOMAIN:
        raise ConfigError(f'--domain={args.domain}: 0 to {MAX_DOMAIN}')
    return read_workers(args.workers, args.domain)


def run(args: argparse.Namespace) -> int:
    """Prints the rules, for `nft -f -`. Raises ConfigError."""
    workers = {worker.name: worker for worker in read(args)}
    if not 0 <= (args.operator_domain or 0) <= MAX_DOMAIN:
        raise ConfigError(f'--operator-domain={args.operator_domain}: 0 to {MAX_DOMAIN}')
    if args.robot:
        print(firewall.robot_rules(list(workers.values()), args.domain, args.friend), end='')
    elif args.worker in workers:
        rules = firewall.worker_rules(workers[args.worker], args.edge, args.operator_domain)
        print(rules, end='')
    else:
        raise ConfigError(f'--worker={args.worker!r}: one of {", ".join(workers)}')
    return 0
