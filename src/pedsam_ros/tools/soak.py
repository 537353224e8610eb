"""`pedsam soak`: thousands of frames through real processes, with faults drawn from a seed.

Every promise is checked at the end.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.ros import identity
from pedsam_ros.tools.figures import write_figures
from pedsam_ros.trial import soak, verdict
from pedsam_ros.trial.fleet import THREADS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add = parser.add_argument
    add('--frames', type=int, default=2000, help='number of frames (default: %(default)s)')
    add('--every', type=int, default=200, help='frames between two faults (default: %(default)s)')
    add('--seed', type=int, default=0, help='draws the faults (default: %(default)s)')
    parser.add_argument(
        '--domains',
        type=int,
        nargs=5,
        default=[24, 25, 26, 27, 28],
        help="the robot's, then each worker's, the spare's last",
    )
    add(
        '--camera',
        choices=soak.CAMERAS,
        default=soak.MOVING,
        help='moving through drawn rooms, or still with windows fixed to the image (moving)',
    )
    parser.add_argument('--out', type=Path, default=Path('out'), help='folder for results (out)')


def run(args: argparse.Namespace) -> int:
    """Writes OUT/soak.json. Returns 0 if no promise was broken, else 1. Raises PedsamError."""
    if min(args.frames, args.every) < 1:
        raise ConfigError(f'--frames={args.frames} --every={args.every}: each at least 1')
    identity.stay_on_this_machine()
    torch.set_num_threads(THREADS)  # the last bit of a mask depends on it
    folder = args.out / 'soak'
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    record = soak.play(args.domains, folder, args.seed, args.frames, args.every, args.camera)
    figures = verdict.figures_of(record)
    write_figures(args.out / 'soak.json', figures)
    return verdict.judge(figures, args.out)
