"""`pedsam exposure FILE`: an exposure ledger as a table and as a picture of the grid."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.ledger import Ledger


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument('file', type=Path, help='exposure_NODE.json of an edge')
    parser.add_argument(
        '--out', type=Path, help='picture to write (default: FILE with suffix .png)'
    )


def run(args: argparse.Namespace) -> int:
    """Prints one line for each worker and draws what the workers have seen."""
    ledger = read_ledger(args.file)
    for name in ledger.workers:
        print(_line(ledger, name))
    out = args.out or args.file.with_suffix('.png')
    _draw(ledger, out)
    print(f'exposure: {out}')
    return 0


def read_ledger(path: Path) -> Ledger:
    """Reads a ledger of any grid. Raises ConfigError."""
    try:
        return Ledger.from_json(path.read_text(), homes={})
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'{path}: not an exposure ledger ({error!r:.100})') from None
    except ConfigError as error:
        raise ConfigError(f'{path}: {error}') from None


def _line(ledger: Ledger, name: str) -> str:
    seen = ledger.workers[name]
    since, until = (
        time.strftime('%Y-%m-%d %H:%M', time.localtime(s)) for s in (seen.first_s, seen.last_s)
    )
    spare = f', stands in for {ledger.stands_in[name]}' if name in ledger.stands_in else ''
    return (
        f'{name}: {ledger.share(name):.1%} of the scene in {len(seen.windows)} windows, largest '
        f'piece {ledger.largest_region(name):.1%}; {seen.frames} frames, {since} to {until}{spare}'
    )


def _draw(ledger: Ledger, path: Path) -> None:
    """Draws one square for each worker: the windows it has seen, in their place on the canvas."""
    from matplotlib import pyplot
    from matplotlib.patches import Rectangle

    names, grid = list(ledger.workers), ledger.grid
    figure, panels = pyplot.subplots(
        1, max(1, len(names)), figsize=(3 * max(1, len(names)), 3.4), squeeze=False
    )
    for name, axes in zip(names, panels[0], strict=False):
        for shapes, colour in ((ledger.scene, '0.9'), (ledger.workers[name].windows, 'C3')):
            for index, (height, width) in shapes.items():
                rows, columns = grid.span(index)
                corner = (columns.start, rows.start)
                axes.add_patch(Rectangle(corner, width, height, facecolor=colour, edgecolor='w'))
        axes.set(xlim=(0, grid.extent), ylim=(grid.extent, 0), xticks=[], yticks=[])
        axes.set_aspect('equal')
        axes.set_title(f'{name}: {ledger.share(name):.0%}')
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
