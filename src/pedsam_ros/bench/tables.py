"""Shows the figures of a bench as tables and as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pedsam_ros.bench.contest import OURS, SAM, TUNED

_NAMES = {SAM: "SAM's code", TUNED: "SAM's code, tuned malloc", OURS: 'ours'}
_HALVES = {'edge_half': "edge's half", 'worker_half': "worker's half"}


def text_of(figures: Mapping[str, Any]) -> str:
    """All tables, in Markdown."""
    blocks = [_half(figures[name], _HALVES[name]) for name in _HALVES if name in figures]
    if 'transport' in figures:
        blocks.append(_transport(figures['transport']))
    if 'offload' in figures:
        blocks.append(_offload(figures['offload']))
    if 'backends' in figures:
        blocks.append(_backends(figures['backends']))
    return '\n\n'.join(blocks)


def draw(path: Path, figures: Mapping[str, Any]) -> None:
    """Draws the processor time of each side of the halves, as shares of SAM's, into a PNG."""
    from matplotlib.figure import Figure

    halves = [name for name in _HALVES if name in figures]
    if not halves:
        return
    figure = Figure(figsize=(4.6 * len(halves), 3.4), layout='constrained')
    for axes, half in zip(figure.subplots(1, len(halves), squeeze=False)[0], halves, strict=True):
        models = figures[half]
        for number, (side, name) in enumerate(_NAMES.items()):
            shares = [
                m['sides'][side]['cpu_s'] / m['sides'][SAM]['cpu_s'] for m in models.values()
            ]
            at = [place + 0.27 * (number - 1) for place in range(len(models))]
            axes.bar_label(axes.bar(at, shares, 0.25, label=name), fmt='%.2f', fontsize=7)
        axes.set_xticks(range(len(models)), models)
        axes.set(title=_HALVES[half], ylim=(0, 1.35))
        axes.legend(fontsize=7, ncols=3, frameon=False)
    figure.savefig(path, dpi=120)


def _half(models: Mapping[str, Any], name: str) -> str:
    head = (name, 'SAM, s', 'SAM, tuned malloc, s', 'ours, s', 'speedup', 'difference', 'peak, MB')
    return _table(head, (_row_of_half(model) for model in models.values()))


def _row_of_half(model: Mapping[str, Any]) -> tuple[str, ...]:
    times = (f'{model["sides"][name]["cpu_s"]:.3g}' for name in (SAM, TUNED, OURS))
    peak = model['peak_rss_bytes'] / 1e6
    difference = f'{model["max_abs_difference"]["relative"]:.0e}'
    return model['model'], *times, f'{model["speedup"]:.2f}', difference, f'{peak:.0f}'


def _transport(models: Mapping[str, Any]) -> str:
    head = ('transport', 'dtype', 'up, MB', 'down, MB', 'edge, ms', 'share of a frame')
    rows = (
        (
            model['model'],
            dtype,
            *(f'{model[dtype][key] / 1e6:.2f}' for key in ('up_bytes', 'down_bytes')),
            f'{model[dtype]["edge_cpu_ms"]:.1f}',
            f'{model[dtype]["edge_share"]:.1%}',
        )
        for model in models.values()
        for dtype in ('float16', 'int8')
    )
    return _table(head, rows)


def _offload(models: Mapping[str, Any]) -> str:
    head = ('offload', 'Mbit/s', 'SAM, s', 'ours, s', 'offloaded, s', 'to SAM', 'to ours')
    rows = (
        (
            model['model'],
            str(row['mbit_per_s']),
            *(f'{model[key] / 1000:.3g}' for key in ('local_sam_ms', 'local_ours_ms')),
            f'{row["offloaded_ms"] / 1000:.3g}',
            *(f'{row[key]:.2f}' for key in ('ratio_to_sam', 'ratio_to_ours')),
        )
        for model in models.values()
        for row in model['links']
    )
    return _table(head, rows)


def _backends(models: Mapping[str, Any]) -> str:
    head = ('backends', 'side', 'processor, s', 'to SAM', 'to ours', 'error', 'peak, MB')
    rows = (
        (
            f'{model}, {half}',
            side,
            f'{figures["cpu_s"]:.3g}',
            *(f'{of[name][side]:.2f}' for name in ('speedup', 'speedup_to_ours')),
            f'{of["error"][side]:.0e}' if side in of['error'] else '',
            f'{figures["peak_rss_bytes"] / 1e6:.0f}',
        )
        for model, halves in models.items()
        for half, of in halves.items()
        for side, figures in of['sides'].items()
    )
    return _table(head, rows)


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, ('---',) * len(head), *rows]
    return '\n'.join(f'| {" | ".join(cells)} |' for cells in lines)
