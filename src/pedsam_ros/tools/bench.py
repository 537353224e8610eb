"""`pedsam bench`: how fast we are, as ratios; both sides of each run in turn, in one run."""

from __future__ import annotations

import argparse
import math
import tempfile
from pathlib import Path

from pedsam_ros.bench import tables
from pedsam_ros.bench.plan import Plan
from pedsam_ros.bench.sections import SECTIONS, USUAL, in_order, run_sections
from pedsam_ros.core.architecture import ARCHITECTURES
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.tools.figures import write_figures

_MODELS = ('vit_tiny', 'vit_b', 'vit_h')
_QUICK_MODELS, _QUICK_ROUNDS = ('vit_tiny', 'vit_b'), 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add = parser.add_argument
    usual = f'default: {" ".join(USUAL)}'
    add('--section', nargs='+', choices=[*SECTIONS], default=USUAL, help=usual)
    shapes = f'shapes, with random weights (default: {" ".join(_MODELS)})'
    add('--model', nargs='+', choices=[*ARCHITECTURES], help=shapes)
    add('--rounds', type=int, help='repetitions of each side (5; with --quick 2)')
    quick = f'{" and ".join(_QUICK_MODELS)} alone, in less than four minutes on two cores'
    add('--quick', action='store_true', help=quick)
    add('--threads', type=int, default=1, help='of torch, in each process (%(default)s)')
    add('--prompts', type=int, default=1, help='points that an edge decodes (%(default)s)')
    service = 'taken to be what a worker needs for its share of a frame, ms (%(default)s)'
    add('--service-ms', type=float, default=100.0, help=service)
    add('--out', type=Path, default=Path('out/bench.json'), help='default: %(default)s')


def run(args: argparse.Namespace) -> int:
    """Writes OUT.json and OUT.png, and prints tables. Raises PedsamError."""
    _check(args)
    with tempfile.TemporaryDirectory(prefix='pedsam_bench_') as folder:
        plan = _plan(args, Path(folder))
        for _ in run_sections(plan, in_order(args.section)):
            write_figures(args.out, _figures(plan))  # after each: a later one may take long
    print(tables.text_of(plan.found))
    tables.draw(args.out.with_suffix('.png'), plan.found)
    print(f'bench: figures in {args.out}, picture in {args.out.with_suffix(".png")}')
    return 0


def _check(args: argparse.Namespace) -> None:
    """Raises ConfigError if an argument breaks a rule."""
    for name in ('rounds', 'threads', 'prompts'):
        value = getattr(args, name)
        if value is not None and not 1 <= value <= 1024:
            raise ConfigError(f'--{name}={value}: 1 to 1024')
    if not 0 <= args.service_ms < math.inf:
        raise ConfigError(f'--service-ms={args.service_ms}: 0 or more')
    if args.out.suffix != '.json':
        raise ConfigError(f'--out={args.out}: a .json file; the picture goes beside it')


def _plan(args: argparse.Namespace, folder: Path) -> Plan:
    models = args.model or (_QUICK_MODELS if args.quick else _MODELS)
    rounds = args.rounds or (_QUICK_ROUNDS if args.quick else 5)
    told = tuple(models), rounds, args.threads, args.prompts, args.service_ms
    return Plan(*told, folder)


def _figures(plan: Plan) -> dict[str, object]:
    conditions = {
        'models': plan.models,
        'rounds': plan.rounds,
        'threads': plan.threads,
        'prompts': plan.prompts,
        'service_ms': plan.service_ms,
    }
    return {**plan.found, 'conditions': conditions}
