"""`pedsam distill`: makes a reordered model that answers as a SAM in its own block order does."""

from __future__ import annotations

import argparse
from pathlib import Path

from torch.utils.data import Dataset

from pedsam_ros.core.model import checkpoint
from pedsam_ros.learn import driver
from pedsam_ros.learn.asset_pack import AssetPack
from pedsam_ros.learn.examples import Example, Examples
from pedsam_ros.learn.learner import Learner
from pedsam_ros.learn.photo_folder import PhotoExamples
from pedsam_ros.learn.shifts import Shifts
from pedsam_ros.learn.source import FromExamples, Source
from pedsam_ros.learn.student import Student
from pedsam_ros.learn.trainer import Recipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument('--checkpoint', required=True, help='SAM .pth or whole .safetensors')
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument('--images', type=Path, help='a folder of your own photographs')
    source.add_argument('--assets', type=Path, help='a pack made by pedsam make-assets')
    recipe = Recipe(steps=2000, batch=4, rate=1e-4, warmup=50, decay=0.01, average=0.99)
    driver.add_arguments(parser, recipe)


def run(args: argparse.Namespace) -> int:
    """Writes OUT/model.safetensors, OUT/log.jsonl, OUT/curves.png and OUT/state.pt."""
    return driver.run(args, _make)


def _make(args: argparse.Namespace) -> tuple[Learner, Source]:
    student = Student(checkpoint.read(args.checkpoint))
    shifts = Shifts(student.arch, args.seed, args.batch) if args.shift else None
    examples: Dataset[Example] = (
        PhotoExamples(args.images, student.arch, args.seed, shifts)
        if args.images
        else Examples(AssetPack.open(args.assets), student.arch, args.seed, shifts)
    )
    return student, FromExamples(examples, args.loaders)
