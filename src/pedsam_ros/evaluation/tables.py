"""Sums up scores as mean IoU by source and class, as numbers and as a table to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from pedsam_ros.evaluation.protocol import PROMPTS, Score
from pedsam_ros.evaluation.samples import CLASSES, Sample

Cells: TypeAlias = 'dict[str, dict[str, float | None]]'  # class -> prompt -> mean IoU
BASELINE = 'box'  # the model that answers with the box; its gain over itself is not shown
ALL = 'all'  # name for both classes together
MUTE = 'no_embedding'  # the model whose workers say nothing


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


def contributions(overall: Mapping[str, Cells]) -> Cells:
    """model -> prompt -> its mean IoU over all segments, less that of MUTE; empty without MUTE."""
    if MUTE not in overall:
        return {}
    floor = overall[MUTE][ALL]
    return {
        name: {prompt: _difference(of[ALL][prompt], floor[prompt]) for prompt in PROMPTS}
        for name, of in overall.items()
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


def table(models: Mapping[str, Mapping[str, Cells]], samples: Sequence[Sample]) -> str:
    """A block for each source and class, with a line for each model.

    A line has the mean IoU for each kind of prompt, and in brackets its gain over the box itself.
    """
    lines = [f'{"mean IoU (gain over the box itself)":36}{"box prompt":>18}{"point prompt":>18}']
    for source, of_source in counts(samples).items():
        for name in CLASSES:
            if of_source[name]:
                lines.append(f'{source}, {of_source[name]} {name}')
                rows = {model: by[source][name] for model, by in models.items()}
                lines += _block(rows, _floor(samples, source, name))
    return '\n'.join(line.rstrip() for line in lines)


def _floor(samples: Sequence[Sample], source: str, name: str) -> float:
    """Mean IoU of the box itself, which need not be one of the models."""
    chosen = [each for sample in samples if sample.source == source for each in sample.segments]
    return _mean([each.share_of_box for each in chosen if each.of_class == name]) or 0.0


def _block(rows: Mapping[str, Mapping[str, float | None]], floor: float) -> list[str]:
    return [
        f'  {model:34}' + ''.join(f'{_figure(row[p], floor, model):>18}' for p in PROMPTS)
        for model, row in rows.items()
    ]


def _figure(value: float | None, floor: float, model: str) -> str:
    """The value and its gain, as 0.612 (+0.063)."""
    if value is None:
        return '-' + ' ' * 9
    gain = '' if model == BASELINE else f' ({value - floor:+.3f})'
    return f'{value:.3f}{gain:9}'


def _in(score: Score, name: str) -> bool:
    return name in (ALL, score.of_class)


def _difference(value: float | None, floor: float | None) -> float | None:
    return None if value is None or floor is None else value - floor


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
