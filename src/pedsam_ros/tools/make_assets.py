"""`pedsam make-assets`: makes the pack of training pictures out of Debian packages."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from pedsam_ros.core.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument('--debs', type=Path, required=True, help='folder of extracted packages')
    parser.add_argument('--out', type=Path, required=True, help='the pack, a .zip')
    config = "what to take (default: %(default)s, from the repository's root)"
    parser.add_argument('--config', type=Path, default=Path('config/assets.yaml'), help=config)


def run(args: argparse.Namespace) -> int:
    """Writes the pack and prints what it contains. Raises PedsamError."""
    try:
        from pedsam_ros.assets.pack import write_pack  # not installed on robots
    except ModuleNotFoundError as error:
        raise ConfigError(
            f'{error.name} is not installed here: build with -DPEDSAM_ASSETS=ON, and '
            'pip install -r requirements/assets.txt'
        ) from error
    assets = write_pack(args.debs, args.config, args.out)
    for (kind, group), count in sorted(Counter((a.kind, a.group) for a in assets).items()):
        print(f'{kind:10} {group:10} {count}')
    print(f'{args.out}: {len(assets)} pictures, {args.out.stat().st_size / 1e6:.1f} MB')
    return 0
