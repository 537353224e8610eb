"""`pedsam make-bag`: writes images or a video into a rosbag2, as if a camera had been recorded."""

from __future__ import annotations

import argparse
from pathlib import Path

from tqdm import tqdm

from pedsam_ros.bags.image_files import FOLDER_RATE_HZ, frames_of
from pedsam_ros.bags.make_bag import make_bag
from pedsam_ros.bags.rosbag import STORAGES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add = parser.add_argument
    add('source', type=Path, help='folder of images (by name, frame9 before frame10), or a video')
    add('bag', type=Path, help='folder to make; must not exist')
    add('--topic', default='/camera/image_raw', help='image topic (default: %(default)s)')
    add('--frame-id', default='camera', help='frame in the headers (default: %(default)s)')
    add('--storage', default='mcap', help=f'{" or ".join(STORAGES)} (default: %(default)s)')
    add('--compressed', action='store_true', help='writes JPEG images, on TOPIC/compressed')
    add(
        '--rate',
        type=float,
        metavar='HZ',
        help=f"frames per second (default: the video's own; {FOLDER_RATE_HZ:g} for a folder)",
    )
    add(
        '--stamps',
        type=Path,
        metavar='FILE',
        help='text file with one stamp (s) a line; not with --rate',
    )


def run(args: argparse.Namespace) -> int:
    """Writes the bag. Raises PedsamError."""
    frames = tqdm(frames_of(args.source, args.rate, args.stamps), unit='frame', disable=None)
    count = make_bag(
        frames,
        args.bag,
        topic=args.topic,
        frame_id=args.frame_id,
        storage=args.storage,
        compressed=args.compressed,
    )
    print(f'{args.bag}: {count} images')
    return 0
