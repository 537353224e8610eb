"""What a frame takes alone and offloaded, for some links.

Times of both halves are measured in this run. The worker's time and the link are arithmetic:
`--service-ms`, and bytes over rate. Latency of the link, and all that DDS does, are not in it.
"""

from __future__ import annotations

from typing import Any

from tqdm import tqdm

from pedsam_ros.bench.contest import OURS, SAM
from pedsam_ros.bench.plan import CAMERA, Plan, shape_of
from pedsam_ros.core import wire
from pedsam_ros.core.windows import Canvas

NEEDS: tuple[str, ...] = ('edge_half', 'worker_half')
_MBIT_PER_S = (10, 100, 1000)
_DTYPE = 'float16'


def steps(plan: Plan) -> int:
    """How often `run` updates its bar."""
    return len(plan.models)


def run(plan: Plan, bar: tqdm[Any]) -> dict[str, Any]:
    """Figures by model."""
    found = {}
    for model in plan.models:
        found[model] = _of(plan, model)
        bar.update()
    return found


def _of(plan: Plan, model: str) -> dict[str, Any]:
    arch = shape_of(model)
    windows = len([*Canvas.fit(arch, *CAMERA).windows()])
    up, down = (
        windows * size for size in (wire.window_size(arch), wire.embedding_size(arch, _DTYPE))
    )
    edge, worker = (
        {name: 1000 * plan.found[half][model]['sides'][name]['wall_s'] for name in (SAM, OURS)}
        for half in NEEDS
    )
    local = {name: edge[name] + worker[name] for name in (SAM, OURS)}
    rows = []
    for rate in _MBIT_PER_S:
        link_ms = (up + down) * 8 / (1000 * rate)
        whole_ms = edge[OURS] + plan.service_ms + link_ms
        ratios = {f'ratio_to_{name}': whole_ms / local[name] for name in local}
        rows.append({'mbit_per_s': rate, 'link_ms': link_ms, 'offloaded_ms': whole_ms, **ratios})
    return {
        'model': model,
        'kind': 'edge measured; worker and link arithmetic',
        'service_ms': plan.service_ms,
        'up_bytes': up,
        'down_bytes': down,
        'edge_ms': edge[OURS],
        'local_sam_ms': local[SAM],
        'local_ours_ms': local[OURS],
        'links': rows,
    }
