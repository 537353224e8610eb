"""`pedsam soak`: thousands of frames, faults injected at random from a seed, real processes; then
every promise is counted out."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch

from pedsam_ros.ros import identity
from pedsam_ros.tools.figures import write_figures
from pedsam_ros.trial import verdict
from pedsam_ros.trial.soak import SETTINGS, Soak


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument('--frames', type=int, default=2000, help='to be shown (2000)')
    parser.add_argument('--every', type=int, default=200, help='frames from fault to fault (200)')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--domains', type=int, nargs=5, default=[24, 25, 26, 27, 28])
    parser.add_argument('--out', type=Path, default=Path('out'))


def run(args: argparse.Namespace) -> int:
    """Writes OUT/soak.json; 0 if no promise was broken."""
    identity.stay_on_this_machine()
    torch.set_num_threads(SETTINGS['threads'])  # the last bit depends on it
    folder = args.out / 'soak'
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    soak = Soak(args.domains, folder, args.seed)
    try:
        soak.connect()
        soak.play(args.frames, args.every)
        figures = verdict.figures_of(soak)
    finally:
        soak.close()
    write_figures(args.out / 'soak.json', figures)
    return verdict.judge(figures, args.out)
