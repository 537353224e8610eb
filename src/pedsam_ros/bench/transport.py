"""What the edge spends on packing, sealing, opening and unpacking the windows of a frame.

Handing bytes to DDS and copying them to the network is not in it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from pedsam_ros.bench import lively
from pedsam_ros.bench.plan import Plan, shape_of
from pedsam_ros.bench.side import Order, side

if TYPE_CHECKING:
    from pedsam_ros.bench.frame_in_transit import FrameInTransit

NEEDS: tuple[str, ...] = ()
_DTYPES = ('float16', 'int8')
_REPEATS = 10  # of each stage: they take milliseconds


def steps(plan: Plan) -> int:
    """How often `run` updates its bar."""
    return len(plan.models) * (1 + plan.rounds + len(_DTYPES) * _REPEATS)


def run(plan: Plan, bar: tqdm[Any]) -> dict[str, Any]:
    """Figures by model. Raises PedsamError."""
    return {model: _of(plan, model, bar) for model in plan.models}


def _of(plan: Plan, model: str, bar: tqdm[Any]) -> dict[str, Any]:
    from pedsam_ros.bench.frame_in_transit import FrameInTransit  # other sections need no ROS

    computing_ms = 1000 * _computing_s(plan, model, bar)
    found: dict[str, Any] = {'model': model, 'edge_half_cpu_ms': computing_ms}
    for dtype in _DTYPES:
        frame = FrameInTransit(shape_of(model), dtype)
        stages_ms = _stages_ms(frame, bar)
        edge_ms = sum(stages_ms[name] for name in frame.EDGE)
        found[dtype] = {
            'windows': len(frame.windows),
            'up_bytes': frame.up_bytes,
            'down_bytes': frame.down_bytes,
            'stages_cpu_ms': stages_ms,
            'edge_cpu_ms': edge_ms,
            'edge_share': edge_ms / (edge_ms + computing_ms),
        }
    return found


def _computing_s(plan: Plan, model: str, bar: tqdm[Any]) -> float:
    """Processor time of the edge's half for a frame, without the window blocks."""
    file = lively.halves(model, plan.folder)['edge']
    with side(Order('edge_by_us', str(file), plan.prompts, plan.threads, tuned=False)) as ours:
        ours.run()
        bar.update()
        took = []
        for _ in range(plan.rounds):
            took.append(ours.run().cpu_s)
            bar.update()
    return statistics.median(took)


def _stages_ms(frame: FrameInTransit, bar: tqdm[Any]) -> dict[str, float]:
    """Medians of all stages of a frame's way, ms."""
    took: dict[str, list[float]] = {name: [] for name in frame.STAGES}
    for _ in range(_REPEATS):
        for name in frame.STAGES:
            took[name].append(_cpu_ms(getattr(frame, name)))
        bar.update()
    return {name: statistics.median(times) for name, times in took.items()}


def _cpu_ms(work: Callable[[], object]) -> float:
    begun = time.thread_time()
    work()
    return 1000 * (time.thread_time() - begun)
