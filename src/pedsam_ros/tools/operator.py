"""`pedsam operator`: what only an edge's operator may ask of it, in the current domain."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rclpy.context import Context
from rclpy.exceptions import NameValidationException
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from pedsam_ros.core.common_settings import NAME, NAME_FORM
from pedsam_ros.core.errors import ConfigError, PedsamError
from pedsam_ros.core.operator_word import read_secret
from pedsam_ros.core.shown import shown
from pedsam_ros.nodes.home import operator_path
from pedsam_ros.ros import operator_call
from pedsam_ros.ros.operator_call import RELEASE, RESET, Call
from pedsam_ros.srv import Release, ResetExposure

_PATIENCE_S = 30.0  # for an answer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    asks = parser.add_subparsers(dest='ask', required=True, metavar='REQUEST')
    release = asks.add_parser('release', help='release a worker from quarantine')
    release.add_argument('worker', help='its name in workers.yaml')
    reset = asks.add_parser('reset-exposure', help='forget what the workers have seen')
    for each in (release, reset):
        each.add_argument('--edge', default='/edge', help='full name of the node (default: /edge)')
        each.add_argument(
            '--operator-file',
            type=Path,
            help="the edge's operator_file (default: operator.secret in ROS_HOME/pedsam)",
        )


def run(args: argparse.Namespace) -> int:
    """Asks the edge. Raises PedsamError if it does not answer, or refuses."""
    secret, edge = read_secret(args.operator_file or operator_path()), f'/{args.edge.strip("/")}'
    if args.ask == 'release':
        if not re.fullmatch(NAME, args.worker):
            raise ConfigError(f'worker={shown(args.worker)}: {NAME_FORM}')
        with _calling(Release, f'{edge}/{RELEASE}') as call:
            response = operator_call.release(call, secret, edge, args.worker)
    else:
        with _calling(ResetExposure, f'{edge}/{RESET}') as call:
            response = operator_call.reset_exposure(call, secret, edge)
    if not response.success:
        raise PedsamError(f'{edge}: {shown(response.message, 300)}')
    print(f'operator: {edge} has done it')
    return 0


@contextmanager
def _calling(kind: Any, service: str) -> Iterator[Call]:
    """A function that calls a service and returns its response; it raises PedsamError if none
    comes. Raises ConfigError if there can be no such service."""
    with ExitStack() as opened:
        context = Context()
        context.init(args=[])
        opened.callback(context.try_shutdown)
        node = Node('pedsam_operator', context=context, enable_rosout=False)
        opened.callback(node.destroy_node)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(node)
        opened.callback(executor.shutdown)
        try:
            client = node.create_client(kind, service)
        except NameValidationException as error:
            raise ConfigError(f'--edge: {shown(error, 200)}') from None

        def call(request: Any) -> Any:
            end_s = time.monotonic() + _PATIENCE_S
            while not client.service_is_ready() and time.monotonic() < end_s:
                executor.spin_once(timeout_sec=0.1)
            answer = client.call_async(request)
            while not answer.done():
                if time.monotonic() > end_s:
                    raise PedsamError(f'{service}: no answer in {_PATIENCE_S:.0f} s')
                executor.spin_once(timeout_sec=0.1)
            return answer.result()

        yield call
