"""`pedsam sros2`: policies for DDS-Security, and the script that makes keystores of them."""

from __future__ import annotations

import argparse
from pathlib import Path

from pedsam_ros.core import sros2
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.tools import firewall


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    firewall.add_file(parser)
    parser.add_argument('--out', type=Path, required=True, help='folder to write to')


def run(args: argparse.Namespace) -> int:
    """Writes a policy for each worker and the script. Raises ConfigError."""
    workers = firewall.read(args)
    files = {f'{worker.name}.policy.xml': sros2.policy(worker.name) for worker in workers}
    files['make_keystores.sh'] = sros2.script(workers)
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (args.out / name).write_text(text)
    except OSError as error:
        raise ConfigError(f'--out={args.out}: a folder to write to ({error})') from None
    print(f'sh {args.out / "make_keystores.sh"}  # where `ros2 security` is')
    return 0
