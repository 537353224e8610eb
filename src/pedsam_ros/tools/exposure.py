"""`pedsam exposure FILE`: what workers have seen, as a table and as a picture: window positions of
an exposure ledger, or the scene beside it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pedsam_ros.core import scene_map, scene_record
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.exposure_record import MOST_BYTES
from pedsam_ros.core.extents import Extent
from pedsam_ros.core.foreign_text import read_bounded
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.scene_map import SceneMap
from pedsam_ros.core.scene_record import SceneRecord
from pedsam_ros.core.shown import shown

_MOST_DRAWN = 16  # workers; the others are in the table
_GREY, _RED = (225, 225, 225), (214, 39, 40)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument(
        'file', type=Path, help='exposure.NODE.json or exposure.NODE.json.scene of an edge'
    )
    parser.add_argument(
        '--out', type=Path, help='picture to write (default: FILE with suffix .png)'
    )


def run(args: argparse.Namespace) -> int:
    """Prints one line for each worker and draws what the workers have seen."""
    out = args.out or args.file.with_suffix('.png')
    draw = _scene(args.file) if args.file.suffix == '.scene' else _ledger(args.file)
    try:
        draw(out)
    except (OSError, ValueError) as error:  # ValueError: a suffix that is no kind of picture
        raise ConfigError(f'{shown(out)}: cannot be drawn: {shown(error, 200)}') from None
    print(f'exposure: {shown(out, 300)}')
    return 0


def _ledger(path: Path) -> Callable[[Path], None]:
    ledger = read_ledger(path)
    for worker in ledger.workers:
        print(_line(ledger, worker))
    return partial(_draw, ledger)


def _scene(path: Path) -> Callable[[Path], None]:
    """Prints what each worker has seen of the scene that was shown last."""
    record, names = _read_scene(path), _names(path.with_suffix(''))
    found = scene_map.last_scene(record)
    print(f'{record.scenes} scenes, {len(record.keyframes)} views are remembered')
    if found is None:
        raise ConfigError(f'{shown(path, 300)}: no view is remembered')
    titles = {
        identity: f'{names.get(identity, identity)}: {found.coverage(identity):.1%}'
        for identity in record.identities
    }
    for title in titles.values():
        print(f'{title} of the {found.views} views of the last scene')
    return partial(_draw_scene, found, titles)


def _read_scene(path: Path) -> SceneRecord:
    try:
        return scene_record.read(read_bounded(path, scene_record.MOST_BYTES))
    except (OSError, ValueError) as error:
        raise ConfigError(f'{shown(path, 300)}: {shown(error, 200)}') from None
    except ConfigError as error:
        raise ConfigError(f'{shown(path, 300)}: {error}') from None


def _names(ledger: Path) -> dict[str, str]:
    """Identity -> name, as the ledger beside a scene tells it; empty if there is none."""
    if not ledger.exists():
        return {}
    return {identity: seen.name for identity, seen in read_ledger(ledger).seen.items()}


def read_ledger(path: Path) -> Ledger:
    """Reads a ledger of any grid. Raises ConfigError."""
    try:
        return Ledger.from_json(read_bounded(path, MOST_BYTES).decode(), homes={})
    except (OSError, ValueError) as error:  # ValueError: no text, or no name for a file
        raise ConfigError(
            f'{shown(path, 300)}: not an exposure ledger: {shown(error, 200)}'
        ) from None
    except ConfigError as error:
        raise ConfigError(f'{shown(path, 300)}: {error}') from None


def _line(ledger: Ledger, worker: str) -> str:
    seen = ledger.workers[worker]
    since, until = (
        time.strftime('%Y-%m-%d %H:%M', time.localtime(s)) for s in (seen.first_s, seen.last_s)
    )
    role = ledger.stands_in.get(worker, '')
    spare = ledger.workers[role].name if role in ledger.workers else role
    name = seen.name if seen.name == worker else f'{seen.name} ({worker})'
    return (
        f'{name}: {ledger.share(worker):.1%} of a frame in {len(seen.windows)} windows, '
        f'largest piece {ledger.largest_region(worker):.1%}; {seen.frames} frames, {since} to '
        f'{until}{spare and f", stands in for {spare}"}'
    )


def _draw(ledger: Ledger, path: Path) -> None:
    """Draws one square for each worker: the windows it has seen, in their place on the canvas."""
    from matplotlib import pyplot

    workers = list(ledger.workers)[:_MOST_DRAWN]
    panels = max(1, len(workers))
    figure, axes = pyplot.subplots(1, panels, figsize=(3 * panels, 3.4), squeeze=False)
    try:
        for worker, panel in zip(workers, axes[0], strict=False):
            _add_windows(panel, ledger, ledger.scene, '0.9')
            _add_windows(panel, ledger, ledger.workers[worker].windows, 'C3')
            extent = ledger.grid.extent
            panel.set(xlim=(0, extent), ylim=(extent, 0), xticks=[], yticks=[])
            panel.set_aspect('equal')
            panel.set_title(f'{ledger.workers[worker].name}: {ledger.share(worker):.0%}')
        figure.tight_layout()
        figure.savefig(path, dpi=100)
    finally:
        pyplot.close(figure)


def _add_windows(panel: Any, ledger: Ledger, windows: dict[int, Extent], colour: str) -> None:
    from matplotlib.collections import PolyCollection

    corners = [
        np.array([(0, 0), (width, 0), (width, height), (0, height)])
        + np.array([columns.start, rows.start])
        for index, (height, width) in windows.items()
        for rows, columns in [ledger.grid.span(index)]
    ]
    panel.add_collection(PolyCollection(corners, facecolor=colour, edgecolor='w'))


def _draw_scene(found: SceneMap, titles: Mapping[str, str], path: Path) -> None:
    """Draws one panel for each worker: the scene in grey, what it has seen in red."""
    from matplotlib import pyplot

    drawn = list(titles)[:_MOST_DRAWN]
    figure, axes = pyplot.subplots(len(drawn), 1, figsize=(8, 2.5 * len(drawn)), squeeze=False)
    try:
        for identity, panel in zip(drawn, axes[:, 0], strict=True):
            picture = np.full((*found.shown.shape, 3), 255, np.uint8)
            picture[found.shown], picture[found.seen[identity] & found.shown] = _GREY, _RED
            panel.imshow(picture)
            panel.set(xticks=[], yticks=[])
            panel.set_title(titles[identity][:60], fontsize=9)
        figure.tight_layout()
        figure.savefig(path, dpi=100)
    finally:
        pyplot.close(figure)
