"""What the processes must give: the same model and settings in one process, without messages."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.edge import Edge
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.model.local_pipeline import LocalPipeline
from pedsam_ros.core.model.onnx_file import Exported
from pedsam_ros.core.placement import place
from pedsam_ros.core.types import Frame, FrameKey, Mask, Masks
from pedsam_ros.core.windows import pixel_grid
from pedsam_ros.core.workers_file import WorkerEntry


def local_pipeline(
    weights: checkpoint.Weights,
    workers: Sequence[WorkerEntry],
    config: EdgeConfig,
    device: str = 'cpu',
    second_look: bool = True,
    exported: Exported | None = None,
) -> LocalPipeline:
    """An edge and an honest worker, joined by function calls; both by torch, or exported."""
    homes = place(pixel_grid(weights.arch), workers)
    half = loading.load_edge(weights, device, exported=exported)
    if not second_look:
        half.decoder.refiner = None
    edge = Edge(half, homes, config)
    return LocalPipeline(edge, loading.load_worker(weights, device, exported=exported))


def difference(number: int, counts: Sequence[int], score: float, expected: Mask) -> str:
    """How the one mask of a frame differs from that of one process; empty if it is equal."""
    if (tuple(counts), score) == (expected.counts, expected.score):
        return ''
    return f'frame {number}: {sum(counts[1::2])} px, score {score}; expected {expected.area}, ' + (
        f'{expected.score}'
    )


def compared(
    frames: Iterable[Frame], masks: Iterable[Masks], local: LocalPipeline, equal: list[bool]
) -> Iterator[tuple[Frame, Masks]]:
    """Yields each frame that has masks with them, whatever their order. Appends to `equal` whether
    one process gives the same."""
    remaining: dict[FrameKey, deque[Masks]] = {}
    for each in masks:
        remaining.setdefault(each.key, deque()).append(each)
    for frame in frames:
        if waiting := remaining.get(frame.key):
            found = waiting.popleft()
            equal.append(asdict(local.segment(frame, found.shift)) == asdict(found))
            yield frame, found
