"""`pedsam make-assets`: pictures of packages -> one pack to train on."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from pedsam_ros.assets.pack import Asset, write_pack


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument('--debs', type=Path, required=True, help='folder of extracted packages')
    parser.add_argument('--out', type=Path, required=True, help='the pack, a .zip')
    parser.add_argument('--config', type=Path, default=Path('config/assets.yaml'))


def run(args: argparse.Namespace) -> int:
    """Writes the pack and says what is in it."""
    _report(args.out, write_pack(args.debs, args.config, args.out))
    return 0


def _report(out: Path, assets: list[Asset]) -> None:
    for (kind, group), count in sorted(Counter((a.kind, a.group) for a in assets).items()):
        print(f'{kind:10} {group:10} {count}')
    print(f'{out}: {len(assets)} pictures, {out.stat().st_size / 1e6:.1f} MB')
