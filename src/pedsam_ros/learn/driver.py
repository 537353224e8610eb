"""Runs a training for `pedsam train` and `pedsam distill`: arguments, processes, progress."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import torch
from torch import distributed as dist
from torch import multiprocessing
from torch.multiprocessing.spawn import spawn
from tqdm import tqdm

from pedsam_ros.core.allocator import KEEPING
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model import loading
from pedsam_ros.core.options import add_options, config_of
from pedsam_ros.learn.curves import draw_curves
from pedsam_ros.learn.learner import Learner
from pedsam_ros.learn.source import Source
from pedsam_ros.learn.trainer import Recipe, Trainer

Make: TypeAlias = Callable[[argparse.Namespace], tuple[Learner, Source]]


def add_arguments(parser: argparse.ArgumentParser, recipe: Recipe) -> None:
    """Adds the arguments of any training run; `recipe` holds the defaults of its options."""
    add = parser.add_argument
    add('--out', type=Path, required=True, help='folder of the run; a run in it is resumed')
    add('--device', default='cpu', help='cpu (default) or cuda')
    add('--processes', type=int, default=1, help='processes that learn together on the CPU (1)')
    add('--loaders', type=int, default=1, help='processes that make scenes (1)')
    add_options(parser, recipe, shown='({})')


def run(args: argparse.Namespace, make: Make) -> int:
    """Writes OUT/model.safetensors, OUT/log.jsonl, OUT/curves.png and OUT/state.pt.

    `make` turns the arguments into a learner and its batches. Raises ConfigError. The process
    starts anew first if its allocator has other settings.
    """
    if any(os.environ.get(name) != value for name, value in KEEPING.items()):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | KEEPING)
    _check(args)
    if args.processes == 1:
        _run(args, make)
    else:
        make(args)  # so that wrong arguments are reported once, not by each process
        (args.out / 'rendezvous').unlink(missing_ok=True)
        _together(args, make)
    draw_curves(args.out / 'log.jsonl', args.out / 'curves.png')
    print(f'{args.command}: {args.out}/model.safetensors; look at {args.out}/curves.png')
    return 0


def _check(args: argparse.Namespace) -> None:
    config_of(Recipe, args)
    if args.processes < 1 or args.batch % args.processes:
        raise ConfigError(f'processes={args.processes}: at least 1, a divisor of {args.batch=}')
    if args.processes > 1 and args.device != 'cpu':
        raise ConfigError(f'processes={args.processes}: on the CPU only')
    loading.check_device(args.device)
    args.out.mkdir(parents=True, exist_ok=True)


def _together(args: argparse.Namespace, make: Make) -> None:
    """Starts the processes that learn together; all of them end with this one."""
    learning = spawn(_one_of, (args, make), nprocs=args.processes, join=False)
    try:
        while not learning.join():
            pass
    finally:
        for process in learning.processes:
            process.terminate()


def _one_of(rank: int, args: argparse.Namespace, make: Make) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    torch.set_num_threads(1)
    meet = f'file://{(args.out / "rendezvous").resolve()}'
    dist.init_process_group('gloo', init_method=meet, rank=rank, world_size=args.processes)
    try:
        _run(args, make)
    finally:
        dist.destroy_process_group()


def _run(args: argparse.Namespace, make: Make) -> None:
    # Otherwise each tensor from a loader takes a file descriptor, which are too few.
    multiprocessing.set_sharing_strategy('file_system')
    recipe = config_of(Recipe, args)
    learner, source = make(args)
    trainer = Trainer(learner, recipe, args.out, args.device)
    first = trainer.rank == 0
    with tqdm(initial=trainer.step, total=recipe.steps, unit='step', disable=not first) as bar:
        for told in trainer.run(source):
            bar.update()
            bar.set_postfix({k: f'{told[k]:.3f}' for k in ('loss', 'box', 'point')}, refresh=False)
