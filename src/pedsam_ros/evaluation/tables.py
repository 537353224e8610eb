"""Sums up scores as mean IoU by source and class, as numbers and as a table to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from pedsam_ros.evaluation.protocol import PROMPTS, Score
from pedsam_ros.evaluation.samples import CLASSES, Sample

Cells: TypeAlias = 'dict[str, dict[str, float | None]]'  # class -> prompt -> mean IoU
BASELINE = 'box'  # the model that answers with the box; its gain over itself is not shown
ALL = 'all'  # name for both classes together


def by_source(scores: Sequence[Score], sources: Iterable[str]) -> dict[str, Cells]:
    """source -> class -> prompt -> mean IoU over its segments; None if it has no score."""
    return {source: cells([s for s in scores if s.source == source]) for source in sources}


def cells(scores: Sequence[Score], classes: Sequence[str] = CLASSES) -> Cells:
    """class -> prompt -> mean IoU; `ALL` may be one of the classes."""
    return {
        name: {
            prompt: _mean([s.iou for s in scores if s.prompt == prompt and _in(s, name)])
            for prompt in PROMPTS
        }
        for name in classes
    }


def counts(samples: Sequence[Sample]) -> dict[str, dict[str, int]]:
    """source -> number of images, things, regions, and of segments skipped for each reason."""
    found: dict[str, dict[str, int]] = {}
    for sample in samples:
        of_source = found.setdefault(sample.source, dict.fromkeys(('images', *CLASSES), 0))
        of_source['images'] += 1
        for segment in sample.segments:
            of_source[segment.of_class] += 1
        for reason, number in sample.skipped.items():
            key = f'skipped_{reason}'
            of_source[key] = of_source.get(key, 0) + number
    return found


def above(cells: Cells, others: Cells) -> Cells:
    """How far each score is above that of the other model; None where one of them has none."""
    return {
        name: {p: _minus(value, others[name][p]) for p, value in row.items()}
        for name, row in cells.items()
    }


def ratio(overall: Mapping[str, Cells], name: str, other: str) -> dict[str, float | None]:
    """prompt -> a model's figure over all segments / another's; None unless both are above 0."""
    if not {name, other} <= overall.keys():
        return dict.fromkeys(PROMPTS)
    pairs = {p: (overall[name][ALL][p], overall[other][ALL][p]) for p in PROMPTS}
    return {p: a / b if a and b and min(a, b) > 0 else None for p, (a, b) in pairs.items()}


def table(figures: Mapping[str, Any], samples: Sequence[Sample]) -> str:
    """A block for each source and class, with a line for each model; one for all segments.

    A line has the mean IoU for each kind of prompt, in round brackets its gain over the box
    itself, and in square ones what the image embedding contributed. `figures` are those of
    `results.figures_of`.
    """
    models, contributed = figures['models'], figures['contribution']['models']
    title = 'mean IoU (gain over the box itself)'
    lines = [f'{title:36}' + ''.join(f'{f"{p} prompt [contribution]":>28}' for p in PROMPTS)]
    for source, of_source in counts(samples).items():
        for name in CLASSES:
            if of_source[name]:
                lines.append(f'{source}, {of_source[name]} {name}')
                rows = {model: by[source][name] for model, by in models.items()}
                gains = {model: by[source][name] for model, by in contributed.items()}
                lines += _block(rows, gains, _floor(samples, source, name))
    lines.append(f'all, {sum(len(sample.segments) for sample in samples)}')
    rows = {model: by[ALL] for model, by in figures['overall'].items()}
    gains = {model: by[ALL] for model, by in figures['contribution']['overall'].items()}
    lines += _block(rows, gains, _floor(samples))
    lines += _ratios(figures['ped_over_sam'])
    return '\n'.join(line.rstrip() for line in lines)


def _ratios(ratios: Mapping[str, Mapping[str, float | None]]) -> list[str]:
    """Lines that compare both block orders, on the scores and on what embeddings contribute."""
    lines = []
    for what, row in ratios.items():
        if any(row.values()):
            told = ('-' if row[p] is None else f'{row[p]:.3f}' for p in PROMPTS)
            lines.append(f'  {"ped / sam, " + what:34}' + ''.join(f'{t:>10}{"":18}' for t in told))
    return lines


def _floor(samples: Sequence[Sample], source: str = '', name: str = ALL) -> float:
    """Mean IoU of the box itself, which need not be one of the models; '' means any source."""
    chosen = [each for s in samples if source in ('', s.source) for each in s.segments]
    return _mean([each.share_of_box for each in chosen if name in (ALL, each.of_class)]) or 0.0


def _block(
    rows: Mapping[str, Mapping[str, float | None]],
    contributed: Mapping[str, Mapping[str, float | None]],
    floor: float,
) -> list[str]:
    lines = []
    for model, row in rows.items():
        gains = contributed.get(model, {})
        told = (
            f'{_figure(row[p], floor, model):>19}{_bracketed(gains.get(p)):9}' for p in PROMPTS
        )
        lines.append(f'  {model:34}' + ''.join(told))
    return lines


def _figure(value: float | None, floor: float, model: str) -> str:
    """The value and its gain, as 0.612 (+0.063)."""
    if value is None:
        return '-' + ' ' * 9
    gain = '' if model == BASELINE else f' ({value - floor:+.3f})'
    return f'{value:.3f}{gain:9}'


def _bracketed(contribution: float | None) -> str:
    return '' if contribution is None else f' [{contribution:+.3f}]'


def _minus(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else value - other


def _in(score: Score, name: str) -> bool:
    return name in (ALL, score.of_class)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
