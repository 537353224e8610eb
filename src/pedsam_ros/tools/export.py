"""`pedsam export`: writes the halves of a checkpoint as ONNX graphs beside it."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pedsam_ros.bags.sample_photos import photo_paths
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model import checkpoint, onnx_export, onnx_int8
from pedsam_ros.core.model.checkpoint import Weights
from pedsam_ros.core.model.onnx_file import Exported
from pedsam_ros.learn import calibration, codec_fit
from pedsam_ros.learn.photo_folder import image_paths
from pedsam_ros.tools.figures import write_figures

MOST_VIEWS = 64  # all are held at once: those of vit_b take 28 MB each


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add = parser.add_argument
    add('checkpoint', help='whole model: a .safetensors or .pth file')
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument('--float16', action='store_true', help='compute in float16')
    kind.add_argument('--int8', action='store_true', help='linear layers in int8')
    add('--images', type=Path, help='with --int8: photographs (default: those of scikit-image)')
    views = 'with --int8: random parts of images that give the ranges (%(default)s)'
    add('--views', type=int, default=32, help=views)
    add('--seed', type=int, default=0, help='of these parts and partitions (%(default)s)')


def run(args: argparse.Namespace) -> int:
    """Writes a graph for each half, and out/export.json. Raises PedsamError."""
    _check(args)
    precision = 'int8' if args.int8 else 'float16' if args.float16 else 'float32'
    exported = Exported(args.checkpoint, precision)
    paths = {half: exported.path(half) for half in checkpoint.HALVES}
    weights = checkpoint.read(args.checkpoint)
    checkpoint.check_half(weights, *checkpoint.HALVES)
    logging.getLogger().setLevel(logging.ERROR)  # the exporter and ONNX Runtime advise a lot
    logging.getLogger('torch.onnx').setLevel(logging.ERROR)
    given = _feeds(args, weights) if args.int8 else []
    errors = {}
    for half in checkpoint.HALVES:
        print(f'{paths[half]}: being written', flush=True)
        graph = onnx_export.graph_of(weights, half, 'float32' if args.int8 else precision)
        if args.int8:
            graph = onnx_int8.quantised(graph, [each[half] for each in given])
        errors[half] = onnx_export.write(graph, paths[half], weights, half, precision)
        size = paths[half].stat().st_size / 1e6
        print(f'{paths[half]}: {size:.0f} MB, differs from torch by {errors[half]:.2g}')
    figures = {'model_id': weights.model_id, 'precision': precision, 'errors': errors}
    if args.int8:
        images = str(args.images or 'scikit-image')
        figures |= {'images': images, 'views': args.views, 'seed': args.seed}
        print('what int8 costs: pedsam evaluate --models ped,ped_onnx,ped_onnx_int8')
    write_figures(Path('out/export.json'), figures)
    return 0


def _check(args: argparse.Namespace) -> None:
    """Raises ConfigError if an argument breaks a rule."""
    if args.images and not args.int8:
        raise ConfigError('--images: only with --int8')
    if not 1 <= args.views <= MOST_VIEWS:
        raise ConfigError(f'--views={args.views}: from 1 to {MOST_VIEWS}')
    if args.seed < 0:
        raise ConfigError(f'--seed={args.seed}: 0 or more')


def _feeds(args: argparse.Namespace, weights: Weights) -> Sequence[dict[str, onnx_int8.Feed]]:
    """Inputs of both halves for some views. Raises ConfigError without images."""
    paths = image_paths(args.images) if args.images else photo_paths()
    rng = np.random.default_rng(args.seed)
    views = codec_fit.shown(paths, args.views, rng)
    return [*calibration.feeds(weights, tqdm(views, total=args.views, unit='view'), rng)]
