"""Measures what masks of a large image cost in time and memory.

`python test/mask_bench.py [--width 3840] [--height 2160]`: a drawn picture, vit_tiny, one process.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.model import checkpoint
from pedsam_ros.core.types import Frame, FrameKey, Pixels
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.tools.figures import write_figures
from pedsam_ros.trial import one_process
from pedsam_ros.trial.processes import NAMES


def picture(height: int, width: int) -> Pixels:
    """(H, W, 3) uint8: sixty ellipses of all sizes and colours on a ground that changes slowly."""
    rng = np.random.default_rng(0)
    across, down = np.meshgrid(np.linspace(40, 120, width), np.linspace(40, 120, height))
    rgb = np.stack([across, down, across[:, ::-1]], 2).astype(np.uint8)
    for _ in range(60):
        centre = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
        axes = [int(height * rng.uniform(0.02, 0.12)) for _ in range(2)]
        colour = rng.integers(0, 256, 3).tolist()
        cv2.ellipse(rgb, centre, axes, rng.uniform(0, 180), 0, 360, colour, -1)
    return rgb


def measure(rgb: Pixels, boxes: int) -> dict[str, dict[str, float]]:
    """What masks of one picture cost: of one point, of many boxes, of everything in view."""
    height, width = rgb.shape[:2]
    rng = np.random.default_rng(1)
    corners = rng.uniform(0, 0.8, (boxes, 2))
    others = np.minimum(corners + rng.uniform(0.02, 0.8, (boxes, 2)), 1.0)
    sides = np.hstack([corners, others])
    ways = {
        'a point': EdgeConfig(points=(width / 2, height / 2)),
        f'{boxes} boxes': EdgeConfig(
            boxes=tuple((sides * ([width, height] * 2)).ravel().tolist())
        ),
        'everything': EdgeConfig(),
    }
    return {way: cost(rgb, config) for way, config in ways.items() if way != '0 boxes'}


def cost(rgb: Pixels, config: EdgeConfig) -> dict[str, float]:
    """The number of masks, the time, and the most memory that this process has had so far."""
    workers = [WorkerEntry(name=name, domain_id=i) for i, name in enumerate(NAMES, 1)]
    pipeline = one_process.local_pipeline(checkpoint.read('vit_tiny'), workers, config)
    begun, cpu = time.monotonic(), time.process_time()
    masks = pipeline.segment(Frame(FrameKey(0, 'camera'), rgb)).masks
    return {
        'masks': len(masks),
        'seconds': time.monotonic() - begun,
        'cpu_seconds': time.process_time() - cpu,
        'peak_mb': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    }


def main() -> None:
    """Prints one line for each way, and writes the figures to out/mask_bench.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--width', type=int, default=3840)
    parser.add_argument('--height', type=int, default=2160)
    parser.add_argument('--boxes', type=int, default=1000)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--out', type=Path, default=Path('out/mask_bench.json'))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    figures = measure(picture(args.height, args.width), args.boxes)
    for way, cost_of_it in figures.items():
        told = ', '.join(f'{name} {value:.1f}' for name, value in cost_of_it.items())
        print(f'{args.width}x{args.height}, {way}: {told}')
    write_figures(args.out, {'ways': figures, 'size': [args.width, args.height]})


if __name__ == '__main__':
    main()
