"""What the edge says of itself in /diagnostics."""

from __future__ import annotations

from typing import Any, TypeAlias

from pedsam_ros.core.edge import ENDINGS
from pedsam_ros.core.health import WorkerState
from pedsam_ros.nodes.edge_loop import EdgeLoop
from pedsam_ros.ros import diagnostics

_STATES = {
    '': WorkerState.USABLE,
    'not heard of': WorkerState.NOT_HEARD_OF,
    'not connected yet': WorkerState.NOT_CONNECTED,
    'silent': WorkerState.SILENT,
    'model_id': WorkerState.WRONG_MODEL,
    'quarantined': WorkerState.QUARANTINED,
}
Part: TypeAlias = 'tuple[str, bytes, str, dict[str, Any]]'


def report(loop: EdgeLoop, fault: str = '') -> list[Part]:
    """Component, level, what is wrong with it (empty: nothing since the last report), its figures:
    frames, then each worker."""
    troubles = {worker: loop.trouble(worker) for worker in loop.links}
    workers = [
        (worker, _level(loop, worker, trouble), trouble, _worker_figures(loop, worker))
        for worker, trouble in troubles.items()
    ]
    lost = ', '.join(f'{worker} {trouble}' for worker, trouble in troubles.items() if trouble)
    news, loop.news = loop.news, ''
    wrong = fault or lost or news
    level = max([_level(loop, '', wrong), *(level for _, level, _, _ in workers)])
    return [('frames', level, wrong, _frame_figures(loop)), *workers]


def _level(loop: EdgeLoop, worker: str, trouble: str) -> bytes:
    if worker in loop.health.distrusted:
        return diagnostics.ERROR
    return diagnostics.WARN if trouble else diagnostics.OK


def _frame_figures(loop: EdgeLoop) -> dict[str, Any]:
    edge = loop.edge
    return {
        'model_id': edge.model.model_id,
        'frames_in': edge.frames_in,
        **{ending: edge.endings[ending] for ending in ENDINGS},
        'in_flight': edge.in_flight,
        'waiting': loop.waiting,
        'rejected_prompts': loop.rejected['prompts'],
        'last_loss': loop.reason,
        **loop.metrics.summary(),
    }


def _worker_figures(loop: EdgeLoop, worker: str) -> dict[str, Any]:
    status, ledger = loop.health.status(worker), loop.edge.ledger
    seen = ledger.workers.get(worker)
    return {
        'windows_seen': len(seen.windows) if seen else 0,
        'share_seen': ledger.share(worker),
        'largest_region_seen': ledger.largest_region(worker),
        'share_cap': ledger.cap(),
        'stands_in_for': ledger.stands_in.get(worker, ''),
        'state': _STATES[loop.trouble(worker).split(':')[0].split('=')[0]].value,
        'rejected': loop.rejected[worker] + loop.inbox.replies[worker].dropped,
        **({'queued': status.queued, 'encode_s': status.encode_s} if status else {}),
    }
