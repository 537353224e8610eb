"""`pedsam demo`: a bag in, masks out, through four processes in four DDS domains.

Then the masks are compared with those of one process, and drawn.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pedsam_ros.bags.image_files import frames_of
from pedsam_ros.bags.image_topics import ImageTopic, find_image_topic
from pedsam_ros.bags.make_bag import make_bag
from pedsam_ros.bags.remarks import Remarks
from pedsam_ros.bags.rosbag import Bag, BagWriter
from pedsam_ros.bags.sample_photos import panned_photos
from pedsam_ros.core.automatic_config import AutomaticConfig
from pedsam_ros.core.camera import COMPRESSED_IMAGE
from pedsam_ros.core.codec import RATIOS, TRANSPORTS
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.edge import ENDINGS
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.kept_here import Why
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.ros import identity
from pedsam_ros.tools.figures import write_figures
from pedsam_ros.trial.contact_sheet import write_pictures
from pedsam_ros.trial.one_process import compared, local_pipeline
from pedsam_ros.trial.player import Outcome, Player
from pedsam_ros.trial.processes import DOMAINS, NAMES, workers_in
from pedsam_ros.trial.system import System, bad_ends

_STAGES = (
    'register',
    'partition',
    'send',
    'worker',
    'return',
    'merge_global',
    'decode',
    'publish',
)
_POINTS = ((0.25, 0.3), (0.5, 0.3), (0.75, 0.3), (0.25, 0.7), (0.5, 0.7), (0.75, 0.7))
_BOX = (0.3, 0.25, 0.7, 0.75)
_SETTINGS = ('image_transport', 'every_frame', 'deadline_s', 'transport', 'codec_ratio')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument('--bag', type=Path, help='a rosbag2 of your own')
    source.add_argument('--images', type=Path, help='a folder of images, or a video, of your own')
    parser.add_argument(
        '--topic', help='image topic of the bag (default: the first that can be read)'
    )
    parser.add_argument(
        '--checkpoint', default='vit_tiny', help=f'{checkpoint.CHOICE} (default: %(default)s)'
    )
    parser.add_argument(
        '--automatic', action='store_true', help='masks of everything in view, instead of points'
    )
    told = f'one of {", ".join(TRANSPORTS)} (default: %(default)s)'
    parser.add_argument('--transport', default='float16', help=told)
    told = f'of the codec, one of {", ".join(map(str, RATIOS))} (default: %(default)s)'
    parser.add_argument('--codec-ratio', type=int, default=EdgeConfig().codec_ratio, help=told)
    domains = "DDS domains: the robot's, then each worker's (default: %(default)s)"
    parser.add_argument('--domains', type=int, nargs=4, default=DOMAINS, help=domains)
    parser.add_argument('--out', type=Path, default=Path('out'), help='folder for results (out)')


def run(args: argparse.Namespace) -> int:
    """Writes OUT/demo/*.png, OUT/demo/masks.mcap and OUT/demo.json.

    Returns 0 if every frame is done, with the masks of one process, and every node has ended with
    status 0, else 1. Raises PedsamError.
    """
    identity.stay_on_this_machine()
    folder = _fresh(args.out / 'demo', args.bag or args.images)
    with Bag(args.bag or _as_bag(args.images, folder / 'camera')) as bag:
        return _run(args, folder, find_image_topic(bag, args.topic))


def _run(args: argparse.Namespace, folder: Path, camera: ImageTopic) -> int:
    sizes = _sizes(camera)
    print(f'demo: {len(sizes)} images of {camera.topic}')
    if args.checkpoint.startswith('random:'):
        print('demo: random weights: the masks show that the system works, and mean nothing')
    weights = checkpoint.read(args.checkpoint)
    system = System(workers_in(args.domains), args.domains[0], folder / 'processes')
    config = _config(camera, sizes, args.automatic)
    config = replace(config, transport=args.transport, codec_ratio=args.codec_ratio)
    played = folder, weights, args.checkpoint, camera, len(sizes), config
    outcome, bad = _play(system, *played)
    local = local_pipeline(weights, system.workers, config)
    equal: list[bool] = []
    write_pictures(
        folder, compared(camera.frames(), outcome.masks, local, equal), len(outcome.masks)
    )
    figures = _figures(outcome, args.domains)
    same = all(equal) and len(equal) == len(outcome.masks) > 0
    figures |= {'masks_equal_in_process': same, 'masks_compared': len(equal)}
    write_figures(args.out / 'demo.json', figures)
    status = _judge(figures, args.out, len(sizes))
    if bad:
        print(f'demo: {bad}; logs are in {system.folder}')
    return 1 if bad else status


def _fresh(folder: Path, source: Path | None) -> Path:
    """Empties the folder if an earlier demo made it. Raises ConfigError if anything else is in
    there, or the source of the images."""
    if source is not None and folder.resolve() in (source.resolve(), *source.resolve().parents):
        raise ConfigError(f'{source}: is in {folder}, which the demo empties; change --out')
    if folder.exists() and not (folder / 'processes').is_dir():
        raise ConfigError(f'{folder}: exists, and no demo made it; change --out')
    shutil.rmtree(folder, ignore_errors=True)
    (folder / 'processes').mkdir(parents=True)
    return folder


def _as_bag(images: Path | None, bag: Path) -> Path:
    """Makes a bag of the user's images, or else of photographs."""
    make_bag(frames_of(images) if images else panned_photos(), bag)
    return bag


def _sizes(camera: ImageTopic) -> list[tuple[int, int]]:
    """(height, width) of each image that can be read; tells of the others. ConfigError if none."""
    remarks = Remarks(lambda text: print(f'demo: {text}'))
    shapes = [frame.rgb.shape for frame in camera.frames(remarks)]
    remarks.sum_up()
    if not shapes:
        raise ConfigError(f'{camera.bag.path}: no image of {camera.topic} can be read')
    return [(height, width) for height, width, _ in shapes]


def _config(camera: ImageTopic, sizes: Sequence[tuple[int, int]], automatic: bool) -> EdgeConfig:
    """The edge's settings: prompts that lie within every frame, or none: automatic masks."""
    height, width = (min(size[side] for size in sizes) for side in (0, 1))
    config = EdgeConfig(
        image_transport='compressed' if camera.type_name == COMPRESSED_IMAGE else 'raw',
        every_frame=True,
        deadline_s=60.0,
        automatic=AutomaticConfig(within_s=60.0),  # all are compared
    )
    if automatic:
        return config
    return replace(
        config,
        points=tuple(value for x, y in _POINTS for value in (x * width, y * height)),
        boxes=tuple(part * side for part, side in zip(_BOX, (width, height) * 2, strict=True)),
    )


def _play(
    system: System,
    folder: Path,
    weights: checkpoint.Weights,
    whole: str,
    camera: ImageTopic,
    count: int,
    config: EdgeConfig,
) -> tuple[Outcome, str]:
    """Plays the bag through real processes, which end with it. Returns also which ones ended
    badly. `whole` is the edge's checkpoint, because the edge computes some windows itself."""
    worker_file, _ = loading.split(weights, folder / 'weights', weights.arch.name)
    settings = {name: getattr(config, name) for name in _SETTINGS}
    settings['automatic.within_s'] = config.automatic.within_s
    prompts = {'points': list(config.points), 'boxes': list(config.boxes)}
    settings |= {name: values for name, values in prompts.items() if values}
    described = ', '.join(map(_describe, system.workers))
    print(f'demo: edge in domain {system.domain_id}, {described}')
    try:
        system.start_workers(checkpoint=str(worker_file))
        system.start_edge(camera.topic, checkpoint=whole, **settings)
        with BagWriter(folder / 'masks') as writer:
            player = Player(system, writer)
            try:
                outcome = player.play(camera.messages(), count, camera.topic, camera.type_name)
            finally:
                player.close()
    finally:
        bad = bad_ends(system.end())
    _flatten(folder / 'masks')
    return outcome, bad


def _describe(worker: WorkerEntry) -> str:
    return f'{worker.name} in {worker.domain_id}'


def _flatten(bag: Path) -> None:
    """Moves FOLDER/masks/* to FOLDER, so that FOLDER itself is the rosbag2."""
    for name in (f'{bag.name}.mcap', 'metadata.yaml'):
        (bag / name).replace(bag.parent / name)
    bag.rmdir()


def _figures(outcome: Outcome, domains: Sequence[int]) -> dict[str, Any]:
    frames = dict(outcome.report['frames'])
    workers = {name: outcome.report[name] for name in NAMES}
    shares = [float(worker['largest_coverage']) for worker in workers.values()]
    return {
        'frames_in': int(frames['frames_in']),
        **{f'frames_{ending}': int(frames[ending]) for ending in ENDINGS},
        'domains': list(domains),
        'scenes': int(frames['scenes']),
        'frames_lost': int(frames['scene_frames_lost']),
        'computed_here': sum(float(frames[f'here_{why.value}']) for why in Why),
        'coverage_cap': float(workers[NAMES[0]]['coverage_cap']),
        'largest_coverage': max(shares),
        'stages_s': {
            stage: {p: _number(frames, f'{stage}_s_{p}') for p in ('p50', 'p95')}
            for stage in _STAGES
        },
        'bytes_up_per_frame': _number(frames, 'bytes_up_p50'),
        'bytes_down_per_frame': _number(frames, 'bytes_down_p50'),
        'model_id': frames['model_id'],
    }


def _number(values: Mapping[str, str], name: str) -> float | None:
    """A figure of the edge; None if no frame got far enough to be measured."""
    return float(values[name]) if name in values else None


def _judge(figures: dict[str, Any], out: Path, count: int) -> int:
    """Prints the result. Returns the exit status."""
    equal = figures['masks_equal_in_process']
    print(
        f'demo: {figures["frames_done"]} of {count} frames done; a worker had seen at most '
        f'{figures["largest_coverage"]:.0%} of what the camera showed; '
        f'{figures["masks_compared"]} frames compared with one process: '
        f'{"equal" if equal else "DIFFERENT"}'
    )
    print(f'demo: look at {out}/demo/contact_sheet.png, {out}/demo.json; bag: {out}/demo')
    return 0 if equal and figures['frames_done'] == count else 1
