"""`pedsam audit`: attacks our own system, and writes what leaks as figures and as a page."""

from __future__ import annotations

import argparse
import shlex
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import torch

from pedsam_ros.audit import compare, comparison, report, summary
from pedsam_ros.audit.fitting import fit
from pedsam_ros.audit.order import MOST_WORKERS, Order, subject_of
from pedsam_ros.audit.outcome import Outcome
from pedsam_ros.audit.sections import SECTIONS, run_sections
from pedsam_ros.audit.subject import Subject
from pedsam_ros.audit.verdict import Strength, verdict_of
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model import checkpoint
from pedsam_ros.core.placement_config import ANCHORS
from pedsam_ros.core.shown import shown
from pedsam_ros.tools.figures import write_figures

_OUT = Path('out/audit.json')
_COMPARED = Path('out/audit-compare.html')
_REPEATED = ('region', 'attacker')  # options that may stand several times
_THREADS = 1  # of torch: the networks are small, and take three times as long with two
_MOST_MINUTES = 24 * 60.0


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
    count.add_argument('--workers', type=int, help=f'number of them, 2 to {MOST_WORKERS} (3)')
    count.add_argument('--workers-file', type=Path, help='workers.yaml of your edge')
    add('--params', type=Path, help='edge.yaml of your edge')
    what = 'what windows are fixed to, instead of what --params says (its default is scene)'
    add('--anchor', choices=ANCHORS, help=what)
    add('--max-share', type=float, help='the cap with anchor image, instead of that of --params')
    add('--max-coverage', type=float, help='the cap with anchor scene')
    corners = ('X0', 'Y0', 'X1', 'Y1')
    what = 'part of the image, px, that stays on the edge; may be repeated'
    add('--region', type=float, nargs=4, action='append', metavar=corners, help=what)
    what = "record real processes in these DDS domains: the robot's, then each worker's"
    add('--real', type=int, nargs='+', metavar='DOMAIN', help=what)
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
        raise ConfigError(f'--out={shown(out, 300)}: a .json file; the page goes beside it')
    names = _names(args.sections)
    torch.set_num_threads(_THREADS)
    order = _order(args)
    outcome = Outcome(_played(subject_of(order), order.real))
    for name, found in run_sections(outcome.subject, names):
        outcome.add(name, found, _command(args, name))
        _written(out, partial(write_figures, out, outcome.figures()))  # a later one may take long
    page = out.with_suffix('.html')
    figures = compare.read_audit(out)  # with machine, versions and command
    _written(page, partial(report.write, page, figures, outcome.exhibits))
    print(summary.text_of(figures))
    print(f'audit: figures in {shown(out, 300)}, page in {shown(page, 300)}')
    return int(verdict_of(figures).strength is Strength.WEAK)


def _played(subject: Subject, domains: Sequence[int] | None) -> Subject:
    """The subject with what real processes in these domains made of it, if any are given."""
    if not domains:
        return subject
    from pedsam_ros.audit.real import record_real  # the rest of an audit needs no ROS

    scenes = [*subject.stills, *subject.motion]
    with tempfile.TemporaryDirectory() as folder:
        given = subject.weights, subject.entries, domains, Path(folder), subject.config
        return replace(subject, real=record_real(scenes, *given))


def _order(args: argparse.Namespace) -> Order:
    return Order(**{each.name: getattr(args, each.name) for each in fields(Order)})


def _names(text: str | None) -> list[str]:
    """The sections to run, in their order. Raises ConfigError."""
    if text is None:
        return [*SECTIONS]
    asked = [name.strip() for name in text.split(',')]
    for name in asked:
        if name not in SECTIONS:
            raise ConfigError(f'--sections={shown(name)}: any of {", ".join(SECTIONS)}')
    return [name for name in SECTIONS if name in asked]


def _command(args: argparse.Namespace, section: str) -> str:
    """The command line that makes one section alone again."""
    words = ['pedsam', 'audit']
    for name, default in vars(_defaults()).items():
        value = getattr(args, name)
        if value == default or name in ('sections', 'out'):
            continue
        flag = '--' + name.replace('_', '-')
        for each in value if name in _REPEATED else [value]:
            words += [flag, *map(str, each if isinstance(each, list) else [each])]
    return shlex.join([*words, '--sections', section])


def _defaults() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args([])


def _compare(args: argparse.Namespace) -> int:
    """Writes the page of two audits and prints what differs. Raises ConfigError."""
    out = args.out or _COMPARED
    if out.suffix != '.html':
        raise ConfigError(f'--out={shown(out, 300)}: with --compare a .html file')
    audits = [compare.read_audit(file) for file in args.compare]
    for each in compare.warnings(*audits):
        print(f'audit: {each}')
    print(compare.table(*audits))
    _written(out, partial(comparison.write, out, args.compare, audits))
    print(f'audit: page in {shown(out, 300)}')
    return 0


def _train(args: argparse.Namespace) -> int:
    """Fits the learned attack and writes its weights. Raises PedsamError."""
    if args.out is None:
        raise ConfigError('--train-attacker: --out names the file for the weights')
    if args.out.suffix != '.safetensors':
        raise ConfigError(f'--out={shown(args.out, 300)}: a .safetensors file')
    if not 0 < args.minutes <= _MOST_MINUTES:
        raise ConfigError(f'--minutes={args.minutes}: above 0, at most {_MOST_MINUTES:.0f}')
    try:
        told = fit(args.train_attacker, args.out, args.minutes, args.seed)
    except OSError as error:
        raise ConfigError(f'--out={shown(args.out, 300)}: {shown(error, 200)}') from None
    gain = told['held_out_gain_over_harmonic_db']
    print(f'audit: {told["steps"]} steps; {gain:+.2f} dB over harmonic fill on held-out pictures')
    print(f'audit: weights in {shown(args.out, 300)}')
    return 0


def _written(out: Path, write: Callable[[], None]) -> None:
    try:
        write()
    except OSError as error:
        raise ConfigError(f'--out={shown(out, 300)}: {shown(error, 200)}') from None
