"""`pedsam train`: trains a small promptable model from scratch, on composed scenes."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from pedsam_ros.core.architecture import ARCHITECTURES
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model.monolithic import ORDERS
from pedsam_ros.core.shown import written
from pedsam_ros.learn import driver
from pedsam_ros.learn.from_pool import FromPool, filled_pool
from pedsam_ros.learn.learner import Learner
from pedsam_ros.learn.source import Source
from pedsam_ros.learn.trainee import STAGES, Trainee
from pedsam_ros.learn.trainer import Recipe

_SMALL = sorted(arch.name for arch in ARCHITECTURES.values() if arch.fine_dim)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add = parser.add_argument
    add('--assets', type=Path, required=True, help='a pack made by pedsam make-assets')
    add('--pool', type=Path, help='folder of the composed scenes, 0.6 MB each (OUT/scenes)')
    add('--scenes', type=int, default=20_000, help='number of scenes in the pool (20000)')
    add('--arch', default=_SMALL[0], choices=_SMALL, help=f'sizes ({_SMALL[0]})')
    order = "block order: ped puts window blocks first (default), sam is SAM's own"
    add('--order', default='ped', choices=ORDERS, help=order)
    stage = 'masks: all but the second look (default); look: only the second look, after --start'
    add('--stage', default=STAGES[0], choices=STAGES, help=stage)
    add('--start', type=Path, help='folder of the run whose weights --stage look begins with')
    borrowed = 'folder of an --edge-only run whose second look --stage look begins with'
    add('--second-look', type=Path, help=borrowed)
    only = 'train a rival that workers contribute nothing to: every token of theirs is zero'
    add('--edge-only', action='store_true', help=only)
    recipe = Recipe(steps=2000, batch=64, rate=1e-3, warmup=300, average=0.9985, hold=0.3)
    driver.add_arguments(parser, recipe)


def run(args: argparse.Namespace) -> int:
    """Writes OUT/model.safetensors, OUT/log.jsonl, OUT/curves.png and OUT/state.pt."""
    return driver.run(args, _make)


def _make(args: argparse.Namespace) -> tuple[Learner, Source]:
    _check(args)
    arch = ARCHITECTURES[args.arch]
    learner = Trainee(arch, args.order, args.seed, args.stage, edge_only=args.edge_only)
    if args.start:
        learner.begin_with(_average(args.start, f'train {args.order} masks'))
    if args.second_look:
        learner.borrow_look(_average(args.second_look, 'train edge only masks'))
    folder = args.pool or args.out / 'scenes'
    pool = filled_pool(folder, args.scenes, args.assets, args.loaders)
    stage = 1 + STAGES.index(args.stage)
    return learner, FromPool(pool, arch, args.seed, stage, args.shift)


def _check(args: argparse.Namespace) -> None:
    """Raises ConfigError if arguments break a rule or do not fit each other."""
    if args.edge_only and (args.order, args.stage) != ('ped', 'masks'):
        raise ConfigError(
            f'order={args.order!r}, stage={args.stage!r}: --edge-only has the order ped and the '
            'stage masks, in which its second look learns too'
        )
    if (args.stage == 'look') != bool(args.start):
        raise ConfigError(
            f'stage={args.stage!r}, start={args.start}: look needs it, masks has none'
        )
    if args.second_look and args.stage != 'look':
        raise ConfigError(f'stage={args.stage!r}: --second-look is for look')
    if not 1 <= args.scenes <= 10**7:
        raise ConfigError(f'scenes={args.scenes}: from 1 to 10000000')


def _average(folder: Path, kind: str) -> dict[str, torch.Tensor]:
    """The averaged weights of a run. Raises ConfigError if there are none, or of another kind."""
    path = folder / 'state.pt'
    try:
        state = torch.load(path, map_location='cpu', weights_only=True)
        found, weights = state['recipe']['learner'], dict(state['average'])
    except Exception as error:  # a corrupt file can make torch raise nearly anything
        raise ConfigError(f'{path}: not the state of a run ({error!r:.200})') from None
    if found != kind:
        raise ConfigError(f'{path}: a run of {written(found)}, not of {kind!r}')
    return weights
