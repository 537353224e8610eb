"""`pedsam fit-codec`: fits a codec to what a model makes of some images, and adds it to the
weights."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from pedsam_ros.bags.sample_photos import photo_paths
from pedsam_ros.core.codec import RATIOS, token_bytes
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.model.checkpoint import Weights
from pedsam_ros.learn import codec_fit
from pedsam_ros.learn.codec_fit import Fit
from pedsam_ros.learn.photo_folder import image_paths
from pedsam_ros.tools.figures import write_figures

MOST_VIEWS = 100_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add = parser.add_argument
    add('checkpoint', help='whole model: sam_vit_*.pth, a .safetensors, or vit_tiny')
    add('--images', type=Path, help='folder of photographs (default: those of scikit-image)')
    add('--views', type=int, default=300, help='random parts of images to fit to (%(default)s)')
    add('--seed', type=int, default=0, help='of these parts and partitions (%(default)s)')
    add('--device', default='cpu', help='torch device of the worker half (cpu)')
    add('--out', type=Path, required=True, help='the weights with the codec, a .safetensors')


def run(args: argparse.Namespace) -> int:
    """Writes the weights with their codec, and out/fit_codec.json. Raises PedsamError."""
    _check(args)
    paths = image_paths(args.images) if args.images else photo_paths()
    weights = checkpoint.read(args.checkpoint)
    checkpoint.check_half(weights, *checkpoint.HALVES)
    worker, rng = loading.load_worker(weights, args.device), np.random.default_rng(args.seed)
    views = tqdm(codec_fit.shown(paths, args.views, rng), total=args.views, unit='view')
    fit = codec_fit.fit(worker, views, args.views, rng)
    with_codec = replace(weights, codec=fit.codec)
    checkpoint.write(with_codec, args.out)
    figures = _figures(args, weights, fit, len(paths))
    write_figures(Path('out/fit_codec.json'), figures)
    for ratio, of in figures['ratios'].items():
        print(
            f'{ratio}:1: {of["token_bytes"]} bytes a token, {of["directions"]} of '
            f'{weights.arch.dim} directions, loses {of["variance_lost"]:.2%} of the variance'
        )
    print(f'{args.out}: codec {fit.codec.id} of model {weights.model_id}')
    return 0


def _check(args: argparse.Namespace) -> None:
    """Raises ConfigError if an argument breaks a rule."""
    if not 1 <= args.views <= MOST_VIEWS:
        raise ConfigError(f'--views={args.views}: from 1 to {MOST_VIEWS}')
    if args.out.suffix != '.safetensors':
        raise ConfigError(f'--out={args.out}: a .safetensors file')
    if not args.out.absolute().parent.is_dir():
        raise ConfigError(f'--out={args.out}: its folder is not there')
    if args.seed < 0:
        raise ConfigError(f'--seed={args.seed}: 0 or more')
    loading.check_device(args.device)


def _figures(args: argparse.Namespace, weights: Weights, fit: Fit, images: int) -> dict[str, Any]:
    rows = zip(RATIOS, fit.codec.bits, fit.lost, strict=True)
    return {
        'model_id': weights.model_id,
        'codec_id': fit.codec.id,
        'images': images,
        'views': args.views,
        'seed': args.seed,
        'tokens': fit.tokens,
        'ratios': {
            str(ratio): {
                'token_bytes': token_bytes(weights.arch.dim, ratio),
                'directions': 8 * int((bits > 0).sum()),
                'bits_of_octets': [int(each) for each in bits],
                'variance_lost': lost,
            }
            for ratio, bits, lost in rows
        },
    }
