"""Scores -> mean IoU by source and class, as numbers and as a table to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from pedsam_ros.evaluation.protocol import PROMPTS, Score
from pedsam_ros.evaluation.samples import CLASSES, Sample

Cells: TypeAlias = 'dict[str, dict[str, float | None]]'  # class -> prompt -> mean IoU
BASELINE = 'box'  # the model that answers with the box itself; it has no gain over itself
ALL = 'all'  # both classes; all sources


def by_source(scores: Sequence[Score], sources: Iterable[str]) -> dict[str, Cells]:
    """source -> class -> prompt -> mean IoU over its segments; None where there is none."""
    return {source: cells([s for s in scores if s.source == source]) for source in sources}


def cells(scores: Sequence[Score], classes: Sequence[str] = CLASSES) -> Cells:
    """class -> prompt -> mean IoU; `ALL` is a class of its own."""
    return {
        name: {
            prompt: _mean([s.iou for s in scores if s.prompt == prompt and _in(s, name)])
            for prompt in PROMPTS
        }
        for name in classes
    }


def counts(samples: Sequence[Sample]) -> dict[str, dict[str, int]]:
    """source -> images, things and regions that count, and those skipped, by reason."""
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


def table(models: Mapping[str, Mapping[str, Cells]], samples: Sequence[Sample]) -> str:
    """For each source and class a block with a line for each model: mean IoU, and in brackets the
    gain over the box itself."""
    lines = [f'{"mean IoU (gain over the box itself)":36}{"box prompt":>18}{"point prompt":>18}']
    for source, of_source in counts(samples).items():
        for name in CLASSES:
            if of_source[name]:
                lines.append(f'{source}, {of_source[name]} {name}')
                rows = {model: by[source][name] for model, by in models.items()}
                lines += _block(rows, _floor(samples, source, name))
    return '\n'.join(line.rstrip() for line in lines)


def _floor(samples: Sequence[Sample], source: str, name: str) -> float:
    """Mean IoU of the box itself, whether or not it is one of the models."""
    chosen = [each for sample in samples if sample.source == source for each in sample.segments]
    return _mean([each.share_of_box for each in chosen if each.of_class == name]) or 0.0


def _block(rows: Mapping[str, Mapping[str, float | None]], floor: float) -> list[str]:
    return [
        f'  {model:34}' + ''.join(f'{_figure(row[p], floor, model):>18}' for p in PROMPTS)
        for model, row in rows.items()
    ]


def _figure(value: float | None, floor: float, model: str) -> str:
    """As 0.612 (+0.063)."""
    if value is None:
        return '-' + ' ' * 9
    gain = '' if model == BASELINE else f' ({value - floor:+.3f})'
    return f'{value:.3f}{gain:9}'


def _in(score: Score, name: str) -> bool:
    return name in (ALL, score.of_class)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
