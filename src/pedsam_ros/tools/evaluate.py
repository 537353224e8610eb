"""`pedsam evaluate`: measures how good the masks are, on images with known segments.

It compares reordered models with SAM's own block order, with the same models as real processes,
and with baselines that need no model.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from pedsam_ros.bags.sample_photos import photo_paths
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.model.checkpoint import Weights
from pedsam_ros.evaluation import automatic_recall, coco, picture, tables
from pedsam_ros.evaluation.baselines import REFERENCE_PX
from pedsam_ros.evaluation.embedding_error import embedding_errors
from pedsam_ros.evaluation.label_maps import read_label_maps
from pedsam_ros.evaluation.points import POINT_RULES
from pedsam_ros.evaluation.results import Result, figures_of, result_of
from pedsam_ros.evaluation.samples import Rules, Sample
from pedsam_ros.evaluation.variants import (
    VARIANTS,
    Conditions,
    checkpoints,
    open_model,
    parse_models,
    why_absent,
    why_impossible,
)
from pedsam_ros.tools.figures import write_figures
from pedsam_ros.trial.processes import DOMAINS

_NOT_AUTOMATIC = ('models', 'sam-checkpoint', 'edge-only-checkpoint')
_COCO_MODELS = 'ped,sam,blur,box'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    images = parser.add_mutually_exclusive_group(required=True)
    images.add_argument('--data', type=Path, help='folder with index.json, label maps and images')
    images.add_argument('--coco', type=Path, help='folder with val2017/ and annotations/')
    add = parser.add_argument
    add('--checkpoint', help="reordered model, or a .pth of SAM for both (default: the package's)")
    add('--sam-checkpoint', help="model in SAM's own block order (default: the package's)")
    add('--edge-only-checkpoint', help='model of pedsam train --edge-only (default: weights/)')
    models_help = f'any of {",".join(VARIANTS)} (default: all; with --coco {_COCO_MODELS})'
    add('--models', help=models_help)
    looks = 'on (default) or off: whether masks get a second look at the camera image'
    add('--second-look', default='on', choices=('on', 'off'), help=looks)
    add('--limit', type=int, help='largest number of images of each source (default: all)')
    add('--sources', help='only these sources of --data, as in coco_val,pennfudan (default: all)')
    automatic_help = "only automatic masks: their average recall and cost beside SAM's generator"
    add('--automatic', action='store_true', help=automatic_help)
    add('--out', type=Path, default=Path('out/evaluate.json'), help='default: %(default)s')
    parser.add_argument(
        '--sigma', type=float, default=10.0, help=f'blur, px at a long side of {REFERENCE_PX} (10)'
    )
    parser.add_argument(
        '--point', help=f'{" or ".join(POINT_RULES)} (default: farthest; with --coco centre)'
    )
    domains = "DDS domains: the robot's, then each worker's (default: %(default)s)"
    parser.add_argument('--domains', type=int, nargs=4, default=DOMAINS, help=domains)
    parser.add_argument('--device', default='cpu', help='torch device (cpu)')
    parser.add_argument(
        '--threads', type=int, default=0, help='torch threads of each process (0: all)'
    )


def run(args: argparse.Namespace) -> int:
    """Writes FILE.json and FILE.png, and prints the table. Raises PedsamError."""
    _check(args)
    rules = coco.PUBLISHED if args.coco else Rules()
    rules = replace(rules, point=args.point or rules.point)
    if args.threads:
        torch.set_num_threads(args.threads)
    if args.automatic:
        return _automatic(args, rules)
    conditions = _conditions(args)
    names, weights = _plan(args, conditions)
    samples = _read(args, rules)
    results: dict[str, Result] = {}
    for name in names:
        with open_model(name, weights, conditions) as model:
            results[name] = result_of(model, samples, VARIANTS[name].prompts, name)
        figures = figures_of(results, samples) | _circumstances(args, rules, weights)
        write_figures(args.out, figures)  # after each model: a later one may take hours
    if any(VARIANTS[name].transport for name in names):
        figures['embedding_errors'] = embedding_errors(weights['ped'], samples, args.device)
        write_figures(args.out, figures)
    print(tables.table(figures, samples))
    drawn = picture.draw(args.out.with_suffix('.png'), results, samples, args.sigma)
    print(f'evaluate: figures in {args.out}, masks in {drawn}')
    return 0


def _automatic(args: argparse.Namespace, rules: Rules) -> int:
    """Writes FILE.json and prints the table of the reordered model's automatic masks."""
    given = [f'--{name}' for name in _NOT_AUTOMATIC if getattr(args, name.replace('-', '_'))]
    if args.second_look != 'on' or given:
        raise ConfigError(f'--automatic: not with {", ".join([*given, "--second-look off"][:1])}')
    known = checkpoints({'ped': args.checkpoint, 'sam': None})
    if absent := why_absent('ped', known):
        raise ConfigError(f'--automatic: {absent}')
    weights = checkpoint.read(known['ped'])
    pipeline = loading.load_monolithic(weights, device=args.device)
    figures = automatic_recall.measured(pipeline, _read(args, rules))
    write_figures(args.out, figures | _circumstances(args, rules, {'ped': weights}))
    print(automatic_recall.table(figures))
    print(f'evaluate: figures in {args.out}')
    return 0


def _check(args: argparse.Namespace) -> None:
    """Raises ConfigError if an argument breaks a rule."""
    if args.limit is not None and args.limit < 1:
        raise ConfigError(f'--limit={args.limit}: at least 1 image')
    if not 0 < args.sigma <= REFERENCE_PX:
        raise ConfigError(f'--sigma={args.sigma}: above 0, at most {REFERENCE_PX} px')
    if args.threads < 0:
        raise ConfigError(f'--threads={args.threads}: 0 (all cores) or more')
    loading.check_device(args.device)
    if args.out.suffix != '.json':
        raise ConfigError(f'--out={args.out}: a .json file; the picture goes beside it')


def _conditions(args: argparse.Namespace) -> Conditions:
    photos: Sequence[Path] = ()
    with suppress(ConfigError):  # without scikit-image; needed only without a stored mean token
        photos = photo_paths()
    return Conditions(
        sigma=args.sigma,
        domains=args.domains,
        device=args.device,
        threads=args.threads,
        second_look=args.second_look == 'on',
        checkpoint=args.checkpoint or checkpoint.SHIPPED.stem,
        photos=photos,
    )


def _plan(
    args: argparse.Namespace, conditions: Conditions
) -> tuple[list[str], dict[str, Weights]]:
    """The names of the models to ask, and their weights by role.

    A model that lacks weights is left out with a message. Raises ConfigError if the user named it.
    """
    names = parse_models(args.models or (_COCO_MODELS if args.coco else ','.join(VARIANTS)))
    given = {
        'ped': args.checkpoint,
        'sam': args.sam_checkpoint,
        'edge_only': args.edge_only_checkpoint,
    }
    known = checkpoints(given)
    names = _without({name: why_absent(name, known) for name in names}, args.models)
    roles = {VARIANTS[name].role for name in names} - {''}
    read = {source: checkpoint.read(source) for source in {known[role] for role in roles}}
    weights = {role: read[known[role]] for role in sorted(roles)}
    reasons = {name: why_impossible(name, weights, conditions) for name in names}
    return _without(reasons, args.models), weights


def _without(reasons: Mapping[str, str], named: str | None) -> list[str]:
    """The names without a reason to leave them out. Raises ConfigError for one of `named`."""
    for name, reason in reasons.items():
        if reason and name in (each.strip() for each in (named or '').split(',')):
            raise ConfigError(f'--models: {name}: {reason}')
        if reason:
            print(f'evaluate: {name} is left out: {reason}')
    return [name for name, reason in reasons.items() if not reason]


def _read(args: argparse.Namespace, rules: Rules) -> list[Sample]:
    """All samples at once, so that an error in them shows before hours of work."""
    reader = coco.read_coco if args.coco else read_label_maps
    found = reader(args.coco or args.data, rules, args.limit)
    wanted = set((args.sources or '').split(',')) - {''}
    read = tqdm(found, desc='reading', unit='image')
    samples = [sample for sample in read if not wanted or sample.source in wanted]
    if missing := sorted(wanted - {sample.source for sample in samples}):
        raise ConfigError(f'--sources: {missing[0]!r}: no image of it has a segment that counts')
    if not samples:
        raise ConfigError(f'{args.coco or args.data}: no image has a segment that counts')
    return samples


def _circumstances(
    args: argparse.Namespace, rules: Rules, weights: Mapping[str, Weights]
) -> dict[str, Any]:
    """What a reader must know to judge the figures."""
    return {
        'data': str(args.coco or args.data),
        'rules': asdict(rules),
        'limit': args.limit,
        'sources': args.sources,
        'sigma_px': args.sigma,
        'sigma_at_long_side_px': REFERENCE_PX,
        'model_ids': {role: each.model_id for role, each in weights.items()},
        'architectures': {role: each.arch.name for role, each in weights.items()},
        'device': args.device,
        'second_look': args.second_look,
    }
