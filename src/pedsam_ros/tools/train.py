"""`pedsam train`: trains a promptable model from scratch, on scenes made on the fly."""

from __future__ import annotations

import argparse
from pathlib import Path

from torch.utils.data import Dataset

from pedsam_ros.core.architecture import ARCHITECTURES
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model.monolithic import ORDERS
from pedsam_ros.learn import driver
from pedsam_ros.learn.asset_pack import AssetPack
from pedsam_ros.learn.examples import Example, Examples
from pedsam_ros.learn.learner import Learner
from pedsam_ros.learn.shifts import Shifts
from pedsam_ros.learn.trainee import Trainee
from pedsam_ros.learn.trainer import Recipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument(
        '--assets', type=Path, required=True, help='a pack made by pedsam make-assets'
    )
    archs = sorted(ARCHITECTURES)
    parser.add_argument('--arch', default='vit_tiny', choices=archs, help='sizes (vit_tiny)')
    order = "block order: ped puts window blocks first (default), sam is SAM's own"
    parser.add_argument('--order', default='ped', choices=ORDERS, help=order)
    only = 'train a rival that workers contribute nothing to: every token of theirs is zero'
    parser.add_argument('--edge-only', action='store_true', help=only)
    driver.add_arguments(parser, Recipe())


def run(args: argparse.Namespace) -> int:
    """Writes OUT/model.safetensors, OUT/log.jsonl, OUT/curves.png and OUT/state.pt."""
    return driver.run(args, _make)


def _make(args: argparse.Namespace) -> tuple[Learner, Dataset[Example]]:
    arch = ARCHITECTURES[args.arch]
    if args.edge_only and args.order != 'ped':
        raise ConfigError(f'order={args.order!r}: --edge-only has the order ped')
    shifts = Shifts(arch, args.seed, args.batch) if args.shift else None
    examples = Examples(AssetPack.open(args.assets), arch, args.seed, shifts)
    return Trainee(arch, args.order, args.seed, edge_only=args.edge_only), examples
