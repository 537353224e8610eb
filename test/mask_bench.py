"""Measures what automatic masks cost in time and memory.

`python test/mask_bench.py [--width 3840] [--height 2160]`: a drawn picture, vit_tiny, no prompts.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import cv2
import numpy as np

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


def peak_mb() -> float:
    """The most memory that this process has had so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def measure(rgb: Pixels) -> dict[str, float]:
    """Masks of everything in view of one picture: their number, time, and memory beyond that of
    the same way with a single point."""
    workers = [WorkerEntry(name=name, domain_id=i) for i, name in enumerate(NAMES, 1)]
    weights, frame = checkpoint.read('vit_tiny'), Frame(FrameKey(0, 'camera'), rgb)
    point = EdgeConfig(points=(rgb.shape[1] / 2, rgb.shape[0] / 2))
    one_process.local_pipeline(weights, workers, point).segment(frame)
    before = peak_mb()
    pipeline = one_process.local_pipeline(weights, workers, EdgeConfig())
    begun = time.monotonic()
    masks = pipeline.segment(frame).masks
    took = time.monotonic() - begun
    return {'masks': len(masks), 'seconds': took, 'peak_mb': peak_mb(), 'before_mb': before}


def main() -> None:
    """Prints one line, and writes the figures to out/mask_bench.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--width', type=int, default=3840)
    parser.add_argument('--height', type=int, default=2160)
    parser.add_argument('--out', type=Path, default=Path('out/mask_bench.json'))
    args = parser.parse_args()
    figures = measure(picture(args.height, args.width))
    print(
        f'{args.width}x{args.height}: {figures["masks"]} masks in {figures["seconds"]:.1f} s, '
        f'{figures["peak_mb"]:.0f} MB at most; with one point {figures["before_mb"]:.0f} MB'
    )
    write_figures(args.out, {**figures, 'width': args.width, 'height': args.height})


if __name__ == '__main__':
    main()
