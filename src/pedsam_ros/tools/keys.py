"""`pedsam keys`: the keys by which an edge and its workers know each other. It prints public keys
only."""

from __future__ import annotations

import argparse
import os
import stat
from contextlib import suppress
from pathlib import Path

from pedsam_ros.core import private_files
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.foreign_text import read_bounded
from pedsam_ros.core.keys import parse_public, public_text
from pedsam_ros.core.noise import PrivateKey, public
from pedsam_ros.core.shown import shown
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.core.workers_text import with_key
from pedsam_ros.nodes.key_folder import KeyFolder

_COMMAND = 'ros2 run pedsam_ros pedsam keys'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the actions and their arguments."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument('--folder', type=Path, help='default: pedsam/keys in ROS_HOME or ~/.ros')
    actions = parser.add_subparsers(required=True, metavar='ACTION')

    def action(name: str, text: str, run: object) -> argparse.ArgumentParser:
        sub = actions.add_parser(name, help=text, description=text, parents=[common])
        sub.set_defaults(action=run)
        return sub

    action('init', 'on a server: make the key of its worker, and print it', _init)
    add = action('add-worker', "on the robot: trust a worker's key, make one for it", _add_worker)
    add.add_argument('name', metavar='NAME', help='of the worker, as in workers.yaml')
    add.add_argument('key', metavar='KEY', help='that pedsam keys init printed on its host')
    add.add_argument('--workers', type=Path, help='workers.yaml to write the key into')
    action('show', 'print the public keys of this host', _show)
    rotate = action('rotate', 'put a new key in the place of an old one', _rotate)
    which = rotate.add_mutually_exclusive_group(required=True)
    which.add_argument('name', nargs='?', metavar='NAME', help="the edge's key for this worker")
    which.add_argument('--own', action='store_true', help="this host's key as a worker")
    revoke = action('revoke', "remove the edge's key for a worker", _revoke)
    revoke.add_argument('name', metavar='NAME', help='of the worker')


def run(args: argparse.Namespace) -> int:
    """Runs one action. Raises ConfigError."""
    args.action(args, KeyFolder(args.folder))
    return 0


def _init(args: argparse.Namespace, keys: KeyFolder) -> None:
    key = _text(keys.make(None))
    print(f'key: {key}')
    print(f'Next, on the robot: {_COMMAND} add-worker NAME {key} --workers workers.yaml')


def _add_worker(args: argparse.Namespace, keys: KeyFolder) -> None:
    parse_public(args.key)
    keys.file(args.name)  # refuses a wrong name before anything is written
    domain_id = 'ID'
    if args.workers is None:
        print(f'Add to {args.name} in workers.yaml:')
        print(f'key: {args.key}')
    else:
        worker = _pin(args.workers, args.name, args.key)
        domain_id = str(worker.domain_id)
        print(f'{args.workers}: has this key of {args.name}')
    edge_key = _text(keys.make(args.name))
    print(f'edge_key: {edge_key}')
    print(
        f'Next, on the host of {args.name}: ros2 launch pedsam_ros worker.launch.py '
        f'name:={args.name} domain_id:={domain_id} edge_key:={edge_key}'
    )
    print(
        f'If the edge knew {args.name} without a key, add name:{args.name} to its former_keys, so '
        'that the ledger keeps what it has seen.'
    )


def _show(args: argparse.Namespace, keys: KeyFolder) -> None:
    print(keys.folder)
    if keys.has(None):
        print(f'key: {_text(keys.load(None))} of this host as a worker')
    for name in keys.workers():
        print(f'edge_key: {_text(keys.load(name))} for worker {name}')


def _rotate(args: argparse.Namespace, keys: KeyFolder) -> None:
    old, new = map(_text, keys.renew(None if args.own else args.name))
    if args.own:
        print(f'key: {new}')
        print(f'former_keys: [{old}]')
        print(
            "Next, in the robot's workers.yaml: write the new key, and add the old one to "
            'former_keys, so that the ledger keeps what this worker has seen. Restart both.'
        )
        return
    print(f'edge_key: {new}')
    print(
        f'Next, on the host of {args.name}: start the worker with edge_key:={new} instead of '
        f'{old}. Restart the edge.'
    )


def _revoke(args: argparse.Namespace, keys: KeyFolder) -> None:
    print(f'{keys.remove(args.name)}: removed')
    print(
        f'Next: take {args.name} out of workers.yaml and restart the edge. From then on '
        f'{args.name} gets nothing.'
    )


def _text(private: PrivateKey) -> str:
    return public_text(public(private))


def _pin(path: Path, name: str, key: str) -> WorkerEntry:
    """Writes the worker's key into a workers.yaml. Raises ConfigError, and leaves it as it was."""
    try:
        file = path.expanduser().resolve()  # a link stays one
        text = read_bounded(file).decode()
        changed, worker = with_key(text, name, key)
        if changed != text:
            _write(file, changed)
    except (OSError, RuntimeError, ValueError, ConfigError) as error:  # no ~; no name, no UTF-8
        raise ConfigError(f'{path}: {shown(error, 400)}') from None
    return worker


def _write(file: Path, text: str) -> None:
    """Replaces a file whose mode and owner stay."""
    before = file.stat()
    private_files.replace(file, text.encode())
    with suppress(PermissionError):  # not ours to give away: then it is ours
        os.chown(file, before.st_uid, before.st_gid)
    file.chmod(stat.S_IMODE(before.st_mode))
