"""`pedsam estimate`: counts the memory and work that distilling a SAM takes, without doing it."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from pedsam_ros.core.architecture import ARCHITECTURES, Architecture
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model.monolithic import MonolithicEncoder
from pedsam_ros.tools.figures import write_figures

_COPIES = 6  # in float32: weights, gradients, AdamW's two, the average, the teacher's weights


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add = parser.add_argument
    names = ', '.join(ARCHITECTURES)
    add('archs', nargs='+', choices=[*ARCHITECTURES], metavar='ARCH', help=f'one of {names}')
    add('--tflops', type=float, default=20.0, help='speed of the GPU (default: %(default)s)')
    add('--out', type=Path, default=Path('out/estimate.json'), help='default: %(default)s')


def run(args: argparse.Namespace) -> int:
    """Prints one line for each model, and writes the figures to OUT. Raises ConfigError."""
    if not 0 < args.tflops < math.inf:
        raise ConfigError(f'--tflops={args.tflops}: a number above 0')
    found = {}
    for name in args.archs:
        needs = found[name] = needs_of(ARCHITECTURES[name])
        time_s = needs['tflop_per_image'] / args.tflops
        print(
            f'{name}: {needs["weights_gb"]:.1f} GB, and {needs["image_gb"]:.1f} GB for each image '
            f'of a batch; {needs["tflop_per_image"]:.2f} TFLOP an image, {time_s:.2f} s at '
            f'{args.tflops:g} TFLOP/s',
            flush=True,
        )
    write_figures(args.out, {'distill': found})
    return 0


def needs_of(arch: Architecture) -> dict[str, float]:
    """Counts what distilling this encoder takes, on tensors without memory.

    weights_gb: all copies of its weights, in GB. image_gb: what one image's backward pass keeps,
    in GB. tflop_per_image: student forward and backward, teacher forward, in TFLOP.
    """
    with torch.device('meta'):
        encoder = MonolithicEncoder(arch)
        pixels = torch.empty(1, 3, arch.image_px, arch.image_px)
    with FlopCounterMode(display=False) as forward:
        encoder(pixels)
    with FlopCounterMode(display=False) as step:
        kept = _kept_bytes(encoder, pixels)
    weights = sum(p.numel() for p in encoder.parameters()) * 4 * _COPIES
    flops = forward.get_total_flops() + step.get_total_flops()
    return {
        'weights_gb': weights / 1e9,
        'image_gb': kept / 1e9,
        'tflop_per_image': flops / 1e12,
    }


def _kept_bytes(encoder: nn.Module, pixels: Tensor) -> int:
    """Bytes of all tensors but the weights that autograd holds from a forward to its backward."""
    own = {p.untyped_storage()._cdata for p in encoder.parameters()}
    kept: dict[int, Tensor] = {}  # keeps them alive: a freed storage's number is used again

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage()._cdata] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        encoder(pixels).sum().backward()
    return sum(t.untyped_storage().nbytes() for key, t in kept.items() if key not in own)
