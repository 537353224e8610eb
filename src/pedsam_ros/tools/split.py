"""`pedsam split`: cuts a whole checkpoint into the file that workers get and the one that the edge
keeps."""

from __future__ import annotations

import argparse
from pathlib import Path

from pedsam_ros.core.architecture import ARCHITECTURES
from pedsam_ros.core.model import checkpoint, loading


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument('checkpoint', nargs='?', help='sam_vit_*.pth or a whole .safetensors')
    source.add_argument('--seed', type=int, help='makes random weights of --arch instead')
    parser.add_argument('--arch', default='vit_tiny', choices=[*ARCHITECTURES], help='with --seed')
    parser.add_argument(
        '--out', type=Path, default=Path('weights'), help='folder (default: %(default)s)'
    )


def run(args: argparse.Namespace) -> int:
    """Writes both files, and prints what each holds."""
    source, stem = args.checkpoint, Path(args.checkpoint or args.arch).stem
    if args.seed is not None:
        source, stem = f'random:{args.arch}:{args.seed}', f'{args.arch}-seed{args.seed}'
    weights = checkpoint.read(source)
    if weights.order == 'sam' and args.seed is None:
        print("trained in SAM's own block order: reordered it answers worse; see pedsam distill")
    print(f'{weights.arch.name}: computing the embedding of canvas padding', flush=True)
    worker, edge = loading.split(weights, args.out, stem)
    for half, path in (('worker', worker), ('edge', edge)):
        count = sum(tensor.numel() for tensor in weights.half(half).tensors.values())
        print(f'{path}: {count / 1e6:.1f} M parameters, {path.stat().st_size / 1e6:.0f} MB')
    print(f'model_id: {weights.model_id}')
    return 0
