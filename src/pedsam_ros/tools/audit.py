"""`pedsam audit`: attacks our own system, and writes what leaks as figures and as a page."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pedsam_ros.audit import compare, report, summary
from pedsam_ros.audit.ordered import Order, subject_of
from pedsam_ros.audit.outcome import Outcome
from pedsam_ros.audit.record import NAMES
from pedsam_ros.audit.sections import SECTIONS, run as run_sections
from pedsam_ros.audit.verdict import Strength
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model import checkpoint
from pedsam_ros.core.shown import shown
from pedsam_ros.tools.figures import write_figures

_OUT = Path('out/audit.json')
_COMPARED = Path('out/audit-compare.html')
_MOST_SEED = 2**32 - 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    _add_scenes(parser)
    _add_edge(parser)
    _add_attacks(parser)
    other = parser.add_argument_group('other things to do')
    what = 'two configurations side by side: audit.json of each'
    other.add_argument('--compare', nargs=2, type=Path, metavar=('A', 'B'), help=what)
    what = 'fit the learned attack to this layout on a pack of pictures, and write it to OUT'
    other.add_argument('--train-attacker', type=Path, metavar='ASSETS', help=what)
    other.add_argument(
        '--minutes', type=float, default=10.0, help='of fitting (default: %(default)s)'
    )
    out = f'default: {_OUT}, with the page beside it; with --compare {_COMPARED}'
    parser.add_argument('--out', type=Path, help=out)


def _add_scenes(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('what the camera shows (default: panned photographs)')
    source = group.add_mutually_exclusive_group()
    source.add_argument('--images', type=Path, help='a folder of images or of label maps')
    source.add_argument('--bag', type=Path, help='a rosbag2')
    group.add_argument('--topic', help='image topic of the bag (default: the first)')
    group.add_argument('--limit', type=int, help='largest number of images (default: all)')


def _add_edge(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('the edge and its workers')
    add = group.add_argument
    count = group.add_mutually_exclusive_group()
    count.add_argument('--workers', type=int, help=f'number of them, 2 to {len(NAMES)} (3)')
    count.add_argument('--workers-file', type=Path, help='workers.yaml of your edge')
    add('--params', type=Path, help='edge.yaml of your edge')
    add('--max-share', type=float, help='largest share of a worker, instead of that of --params')
    corners = ('X0', 'Y0', 'X1', 'Y1')
    what = 'part of the image, px, that stays on the edge; may be repeated'
    add('--region', type=float, nargs=4, action='append', metavar=corners, help=what)
    add('--checkpoint', help=f"{checkpoint.CHOICE} (default: that of --params, or 'vit_tiny')")


def _add_attacks(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('the attacks')
    add = group.add_argument
    add('--sections', help=f'any of {",".join(SECTIONS)} (default: all)')
    what = 'an attack with weights of your own, such as vit-mae=FOLDER; may be repeated'
    add('--attacker', action='append', metavar='NAME=FOLDER', help=what)
    add('--seed', type=int, default=0, help='default: %(default)s')


def run(args: argparse.Namespace) -> int:
    """Audits, compares or trains. Returns 1 if the attacks are too weak. Raises PedsamError."""
    if args.compare:
        return _compare(args)
    if args.train_attacker:
        return _train(args)
    return _audit(args)


def _audit(args: argparse.Namespace) -> int:
    out = args.out or _OUT
    if out.suffix != '.json':
        raise ConfigError(f'--out={shown(out)}: a .json file; the page goes beside it')
    names = _names(args.sections)
    subject = subject_of(_order(args))
    outcome, begun_s = Outcome(subject), time.monotonic()
    run_sections(
        subject,
        names,
        lambda name, found, took_s: outcome.add(name, found, took_s, _command(args, name)),
    )
    figures = outcome.figures((time.monotonic() - begun_s) / 60)
    page = out.with_suffix('.html')
    try:
        write_figures(out, figures)
        report.write(page, out, outcome.exhibits)
    except OSError as error:
        raise ConfigError(f'--out={shown(out)}: {shown(error, 200)}') from None
    print(summary.lines(figures))
    print(f'audit: figures in {shown(out, 300)}, page in {shown(page, 300)}')
    return int(outcome.verdict.strength is Strength.WEAK)


def _order(args: argparse.Namespace) -> Order:
    _check(args)
    return Order(
        images=args.images,
        bag=args.bag,
        topic=args.topic,
        limit=args.limit,
        workers=3 if args.workers is None else args.workers,
        workers_file=args.workers_file,
        params=args.params,
        max_share=args.max_share,
        regions=tuple(tuple(each) for each in args.region or ()),
        checkpoint=args.checkpoint,
        attackers=tuple(args.attacker or ()),
        seed=args.seed,
    )
