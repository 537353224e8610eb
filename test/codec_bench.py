"""Measures what packing and unpacking the embeddings of a frame costs, on one thread.

`python test/codec_bench.py [--arch vit_b]`: the tokens are random, and so are the directions of
the codec. Bits are shared out as in vit_tiny's codec: each octet of it stands for as many as make
the larger model. So times are those of that many directions, and errors mean nothing.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch

from pedsam_ros.core import codec
from pedsam_ros.core.architecture import ARCHITECTURES, Architecture
from pedsam_ros.core.model import checkpoint, fitted_codec
from pedsam_ros.core.model.fitted_codec import FittedCodec
from pedsam_ros.core.windows import token_grid
from pedsam_ros.tools.figures import write_figures


def stretched(small: FittedCodec, arch: Architecture) -> FittedCodec:
    """A codec of random directions for another model, with bits shared out as in `small`."""
    octets = arch.dim // 8
    chosen = np.arange(octets) * small.bits.shape[1] // octets
    bits = small.bits[:, torch.from_numpy(chosen)]
    for row, ratio in zip(bits, codec.RATIOS, strict=True):
        missing = codec.token_bytes(arch.dim, ratio) - int(row.sum())
        row[: abs(missing)] += np.sign(missing)
    basis, _ = torch.linalg.qr(torch.randn(arch.dim, arch.dim))
    steps = 6.0 / 2 ** bits.repeat_interleave(8, dim=1)
    return FittedCodec(torch.zeros(arch.dim), basis, steps, bits)


def cpu_ms(call: Callable[[], object]) -> float:
    """The CPU time of a call."""
    begun = time.process_time()
    call()
    return 1000 * (time.process_time() - begun)


def measure(arch: Architecture, fitted: FittedCodec, rounds: int) -> dict[str, dict[str, float]]:
    """For each way of packing: bytes, directions and CPU time of a frame, all windows of it; the
    median of rounds in which all take turns."""
    rng = np.random.default_rng(0)
    grid = token_grid(arch)
    shapes = [(*grid.shape(index), arch.dim) for index in range(grid.count)]
    windows = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    ways = {dtype: dtype for dtype in codec.DTYPES}
    ways |= {f'codec {ratio}:1': fitted.dtype(ratio) for ratio in codec.RATIOS}
    taken = defaultdict[str, list[tuple[float, float]]](list)
    figures = {}
    for _ in range(rounds):
        for name, dtype in ways.items():
            packed = [fitted_codec.encode(each, dtype, fitted) for each in windows]

            def encode(dtype: str = dtype) -> None:
                for each in windows:
                    fitted_codec.encode(each, dtype, fitted)

            def decode(dtype: str = dtype, packed: list[bytes] = packed) -> None:
                for each, shape in zip(packed, shapes, strict=True):
                    fitted_codec.decode(each, shape, dtype, fitted)

            taken[name].append((cpu_ms(encode), cpu_ms(decode)))
            figures[name] = {'bytes': float(sum(map(len, packed)))}
    rows = zip(codec.RATIOS, fitted.bits, strict=True)
    for ratio, bits in rows:
        figures[f'codec {ratio}:1']['directions'] = 8.0 * int((bits > 0).sum())
    for name, times in taken.items():
        figures[name]['encode_ms'], figures[name]['decode_ms'] = map(
            median, zip(*times, strict=True)
        )
    return figures


def main() -> None:
    """Prints a table; writes out/codec_bench.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--arch', default='vit_b', choices=[*ARCHITECTURES])
    parser.add_argument('--rounds', type=int, default=15)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    small = checkpoint.read('vit_tiny').codec
    assert small is not None
    arch = ARCHITECTURES[args.arch]
    figures = measure(arch, stretched(small, arch), args.rounds)
    print('| | MB a frame | directions | packing, ms | unpacking, ms |\n|---|---|---|---|---|')
    for name, of in figures.items():
        kept = f'{of["directions"]:.0f}' if 'directions' in of else ''
        told = f'{of["bytes"] / 1e6:.2f} | {kept} | {of["encode_ms"]:.1f} | {of["decode_ms"]:.1f}'
        print(f'| {name} | {told} |')
    write_figures(Path('out/codec_bench.json'), {'arch': args.arch, 'ways': figures})


if __name__ == '__main__':
    main()
