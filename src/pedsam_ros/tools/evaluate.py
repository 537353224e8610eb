"""`pedsam evaluate`: how good the masks are, on images with known segments, against SAM's own
block order, through real processes, and against what needs no model."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import torch
from tqdm import tqdm

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.model.checkpoint import Weights
from pedsam_ros.core.types import Frame, FrameKey, Mask
from pedsam_ros.evaluation import coco, grid, tables
from pedsam_ros.evaluation.baselines import REFERENCE_PX, blurred
from pedsam_ros.evaluation.label_maps import read_label_maps
from pedsam_ros.evaluation.points import POINTS
from pedsam_ros.evaluation.protocol import Score, Segmenter, answers, scores
from pedsam_ros.evaluation.samples import CLASSES, Rules, Sample
from pedsam_ros.evaluation.variants import (
    VARIANTS,
    Setting,
    absent,
    open_model,
    parse_models,
    sources,
)
from pedsam_ros.tools.figures import write_figures
from pedsam_ros.trial.processes import DOMAINS

_COCO_MODELS = 'ped,sam,blur,box'
_SHOWN = 8  # images in the picture
_COLUMNS = (('ped', 'box'), ('ped', 'point'), ('sam', 'box'), ('blur', 'box'))


@dataclass(slots=True)
class _Result:
    """What came of one model."""

    scores: list[Score] = field(default_factory=list)
    shown: dict[int, dict[str, tuple[Mask, ...]]] = field(default_factory=dict)  # by sample
    seconds: float = 0.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    images = parser.add_mutually_exclusive_group(required=True)
    images.add_argument('--data', type=Path, help='folder with index.json, label maps and images')
    images.add_argument('--coco', type=Path, help='folder with val2017/ and annotations/')
    parser.add_argument('--checkpoint', help="reordered model (the package's); SAM's .pth is both")
    parser.add_argument('--sam-checkpoint', help="its twin in SAM's own order (the package's)")
    parser.add_argument('--models', help=f'some of {",".join(VARIANTS)} (--coco: {_COCO_MODELS})')
    parser.add_argument('--limit', type=int, help='images of each source at most (all)')
    parser.add_argument('--out', type=Path, default=Path('out/evaluate.json'), help='JSON file')
    parser.add_argument(
        '--sigma', type=float, default=10.0, help=f'blur, px at a long side of {REFERENCE_PX} (10)'
    )
    parser.add_argument('--point', help=f'{" or ".join(POINTS)} (farthest; --coco: centre)')
    parser.add_argument(
        '--domains', type=int, nargs=4, default=DOMAINS, help="the robot's, then each worker's"
    )
    parser.add_argument('--device', default='cpu', help='torch device (cpu)')
    parser.add_argument('--threads', type=int, default=0, help='torch threads of a process (all)')


def run(args: argparse.Namespace) -> int:
    """Writes FILE.json and FILE.png, and prints the table."""
    _check(args)
    rules = coco.PUBLISHED if args.coco else Rules()
    rules = replace(rules, point=args.point or rules.point)
    names, weights = _plan(args)
    samples = _read(args, rules)
    setting = Setting(
        sigma=args.sigma, domains=args.domains, device=args.device, threads=args.threads
    )
    if args.threads:
        torch.set_num_threads(args.threads)
    results: dict[str, _Result] = {}
    for name in names:
        with open_model(name, weights, setting) as model:
            results[name] = _ask(name, model, samples)
        figures = _figures(results, samples) | _circumstances(args, rules, weights)
        write_figures(args.out, figures)  # after each: a later one may take hours
    print(tables.table(figures['models'], samples))
    picture = _draw(args.out.with_suffix('.png'), results, samples, args.sigma)
    print(f'evaluate: figures in {args.out}, masks in {picture}')
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.limit is not None and args.limit < 1:
        raise ConfigError(f'--limit={args.limit}: at least 1 image')
    if not 0 < args.sigma <= REFERENCE_PX:
        raise ConfigError(f'--sigma={args.sigma}: above 0, at most {REFERENCE_PX} px')
    if args.threads < 0:
        raise ConfigError(f'--threads={args.threads}: 0 (all cores) or more')
    loading.check_device(args.device)
    if args.out.suffix != '.json':
        raise ConfigError(f'--out={args.out}: a .json file; the picture goes beside it')


def _plan(args: argparse.Namespace) -> tuple[list[str], dict[str, Weights]]:
    """The models to ask, and the weights they need by role. Raises ConfigError if one that was
    asked for cannot be had; others are left out, and named."""
    names = parse_models(args.models or (_COCO_MODELS if args.coco else ','.join(VARIANTS)))
    known = sources({'ped': args.checkpoint, 'sam': args.sam_checkpoint})
    reasons = {name: reason for name in names if (reason := absent(name, known))}
    for name, reason in reasons.items():
        if args.models:
            raise ConfigError(f'--models: {name}: {reason}')
        print(f'evaluate: {name} is left out: {reason}')
    names = [name for name in names if name not in reasons]
    roles = {VARIANTS[name].role for name in names} - {''}
    read = {source: checkpoint.read(source) for source in {known[role] for role in roles}}
    return names, {role: read[known[role]] for role in sorted(roles)}


def _read(args: argparse.Namespace, rules: Rules) -> list[Sample]:
    """All samples, so that whatever is wrong with them is said before hours are spent."""
    reader = coco.read_coco if args.coco else read_label_maps
    found = reader(args.coco or args.data, rules, args.limit)
    samples = list(tqdm(found, desc='reading', unit='image'))
    if not samples:
        raise ConfigError(f'{args.coco or args.data}: no image has a segment that counts')
    return samples


def _ask(name: str, model: Segmenter, samples: Sequence[Sample]) -> _Result:
    """Every sample, once."""
    result, shown = _Result(), _shown(samples)
    kinds = VARIANTS[name].prompts
    for i, sample in enumerate(tqdm(samples, desc=name, unit='image')):
        frame = Frame(FrameKey(i + 1, sample.name), sample.rgb())
        begun = time.monotonic()
        answered = answers(model, frame, sample, kinds)
        result.seconds += time.monotonic() - begun
        result.scores += scores(sample, answered)
        if i in shown:
            result.shown[i] = answered
    return result


def _shown(samples: Sequence[Sample]) -> list[int]:
    """Which samples are in the picture: some, evenly spread."""
    count = min(_SHOWN, len(samples))
    return [i * len(samples) // count for i in range(count)]


def _figures(results: Mapping[str, _Result], samples: Sequence[Sample]) -> dict[str, Any]:
    segments = tables.counts(samples)
    return {
        'models': {name: tables.by_source(r.scores, segments) for name, r in results.items()},
        'overall': {
            name: tables.cells(r.scores, (*CLASSES, tables.ALL)) for name, r in results.items()
        },
        'segments': segments,
        'seconds_per_image': {name: r.seconds / len(samples) for name, r in results.items()},
    }


def _circumstances(
    args: argparse.Namespace, rules: Rules, weights: Mapping[str, Weights]
) -> dict[str, Any]:
    return {
        'data': str(args.coco or args.data),
        'rules': asdict(rules),
        'limit': args.limit,
        'sigma_px': args.sigma,
        'sigma_at_long_side_px': REFERENCE_PX,
        'model_ids': {role: each.model_id for role, each in weights.items()},
        'architectures': {role: each.arch.name for role, each in weights.items()},
        'device': args.device,
    }


def _draw(
    path: Path, results: Mapping[str, _Result], samples: Sequence[Sample], sigma: float
) -> Path:
    """A row for each shown sample: truth, then what models made of it."""
    columns = [(name, kind) for name, kind in _COLUMNS if name in results]
    rows = []
    for i in _shown(samples):
        sample, rgb = samples[i], samples[i].rgb()
        row = [grid.tile(rgb, sample, grid.truth(sample), f'{sample.source}: truth')]
        for name, kind in columns:
            seen = blurred(rgb, sigma) if VARIANTS[name].blurred else rgb
            masks = results[name].shown[i][kind]
            row.append(grid.tile(seen, sample, masks, f'{name}, {kind} prompts', kind))
        rows.append(row)
    if not cv2.imwrite(str(path), cv2.cvtColor(grid.grid(rows), cv2.COLOR_RGB2BGR)):
        raise OSError(f'{path}: cannot be written')
    return path
