"""Halves of SAM on a GPU: ours against segment_anything's own modules on the same card.

    PYTHONPATH=src python test/gpu_bench.py out/gpu.json

Weights are lively random ones. Times are medians of CUDA events, interleaved, ms; memory is the
peak above the weights, MiB; the error is a share of the norm of SAM's result.
"""

import json
import statistics
import sys
from pathlib import Path

import torch
from torch.nn import functional as F

from pedsam_ros.core.architecture import ARCHITECTURES
from pedsam_ros.core.model import sam
from pedsam_ros.core.model.encoder import IMAGE, GlobalEncoder, WindowEncoder, half_of
from pedsam_ros.core.windows import token_grid

ROUNDS, WARM_UP = 15, 3


class Halves:
    """One model on the GPU, SAM's modules and ours with the same weights."""

    def __init__(self, name, dtype):
        self.arch = arch = ARCHITECTURES[name]
        self.sam = lively(sam.image_encoder_of(arch))
        state = self.sam.state_dict()
        ours = {'worker': WindowEncoder(arch), 'edge': GlobalEncoder(arch)}
        for half, module in ours.items():
            module.load_state_dict(
                {k: v for k, v in state.items() if half_of(IMAGE + k, arch) == half}
            )
        self.worker, self.edge, self.sam = (
            module.to('cuda', dtype).eval().requires_grad_(False)
            for module in (ours['worker'], ours['edge'], self.sam)
        )
        self.pixels = torch.randn(1, 3, arch.image_px, arch.image_px, device='cuda', dtype=dtype)
        self.grid = token_grid(arch)
        self.places = torch.tensor([self.grid.place(i) for i in range(self.grid.count)]).cuda()

    def windows(self):
        side, count = self.arch.window_px, self.grid.side
        padded = F.pad(self.pixels, (0, count * side - self.arch.image_px) * 2)
        cut = padded.view(3, count, side, count, side).permute(1, 3, 0, 2, 4)
        return cut.reshape(-1, 3, side, side).contiguous()

    def worker_of_sam(self):
        tokens = self.sam.patch_embed(self.pixels) + self.sam.pos_embed
        for index in self.arch.worker_blocks:
            tokens = self.sam.blocks[index](tokens)
        return tokens

    def edge_of_sam(self, tokens):
        for index in self.arch.edge_blocks:
            tokens = self.sam.blocks[index](tokens)
        return self.sam.neck(tokens.permute(0, 3, 1, 2))

    def joined(self, windows):
        arch, whole = self.arch, self.grid.side * self.arch.window
        join = sam.image_encoder.window_unpartition
        return join(windows, arch.window, (whole, whole), (arch.tokens, arch.tokens))


def lively(module):
    torch.manual_seed(0)
    with torch.no_grad():
        for name, value in module.named_parameters():
            if 'pos' in name or value.ndim > 1:
                value.normal_(std=0.1 if 'pos' in name else 0.02)
    return module


def medians(calls):
    """Interleaved, so that all see the card in the same state."""
    told = {name: [] for name in calls}
    for turn in range(ROUNDS + WARM_UP):
        for name, call in calls.items():
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            call()
            end.record()
            torch.cuda.synchronize()
            if turn >= WARM_UP:
                told[name].append(begin.elapsed_time(end))
    return {f'{name}_ms': round(statistics.median(times), 3) for name, times in told.items()}


def peak_mib(call):
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    call()
    torch.cuda.synchronize()
    return round((torch.cuda.max_memory_allocated() - before) / 2**20)


@torch.inference_mode()
def measured(name, dtype):
    halves = Halves(name, dtype)
    windows, tokens = halves.windows(), halves.worker_of_sam()
    apart = {
        'worker': (tokens, halves.joined(halves.worker(windows, halves.places))),
        'edge': (halves.edge_of_sam(tokens), halves.edge(tokens)),
    }
    calls = {
        'worker_sam': halves.worker_of_sam,
        'worker_ours': lambda: halves.worker(windows, halves.places),
        'edge_sam': lambda: halves.edge_of_sam(tokens),
        'edge_ours': lambda: halves.edge(tokens),
        'whole_sam': lambda: halves.sam(halves.pixels),
    }
    errors = {
        f'{half}_error': float((a - b).float().norm() / a.float().norm())
        for half, (a, b) in apart.items()
    }
    peaks = {f'{call}_mib': peak_mib(calls[call]) for call in ('edge_sam', 'edge_ours')}
    return {'model': name, 'dtype': str(dtype)[6:], **errors, **medians(calls), **peaks}


def main(out):
    rows = []
    for name in ('vit_b', 'vit_l', 'vit_h'):
        for dtype in (torch.float32, torch.float16):
            rows.append(measured(name, dtype))
            print(rows[-1], flush=True)
            torch.cuda.empty_cache()
    card = {'card': torch.cuda.get_device_name(), 'torch': torch.__version__}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({**card, 'rows': rows}, indent=1))


if __name__ == '__main__':
    main(Path(sys.argv[1]))
