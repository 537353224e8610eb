"""What the edge shows in /diagnostics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pedsam_ros.core.edge import ENDINGS, Edge
from pedsam_ros.core.health import Condition, WorkerState, explain, sentence
from pedsam_ros.core.metrics import Metrics, Rates
from pedsam_ros.core.scene import Scene
from pedsam_ros.core.sight import State
from pedsam_ros.core.types import Search
from pedsam_ros.nodes.inbox import Inbox
from pedsam_ros.nodes.losses import Losses
from pedsam_ros.nodes.workers import Workers
from pedsam_ros.ros import diagnostics

_RATE_S = 5.0  # rates are means of so many seconds


class Part(NamedTuple):
    """One component of the edge."""

    component: str  # 'frames', 'camera' or a worker's name
    level: bytes  # OK, WARN or ERROR of ros/diagnostics.py
    message: str  # what is wrong, for people; empty if nothing is
    values: dict[str, Any]


class Report:
    """Collects the figures of frames and workers. Runs on the computing thread."""

    def __init__(
        self,
        edge: Edge,
        workers: Workers,
        inbox: Inbox,
        losses: Losses,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._edge, self._workers, self._inbox = edge, workers, inbox
        self._losses, self._metrics = losses, metrics
        self._clock, self._rates = clock, Rates(_RATE_S)

    def parts(self, waiting: int, fault: str = '') -> list[Part]:
        """The component `frames`, then one for each worker. `waiting` is the number of frames that
        have not been started, `fault` what is wrong with the node itself.

        The message of `frames` is the first that applies: the fault; which workers cannot be
        used; what was lost since the last report.
        """
        conditions = self._workers.conditions()
        workers = [self._worker(name, condition) for name, condition in conditions.items()]
        lost = {name: condition for name, condition in conditions.items() if not condition.usable}
        news = self._losses.take_news()
        wrong = fault or explain(lost) or self._lost_scene() or news
        levels = [part.level for part in workers]
        level = max([diagnostics.WARN if wrong else diagnostics.OK, *levels])
        return [Part('frames', level, wrong, self._frame_figures(waiting)), *workers]

    def _frame_figures(self, waiting: int) -> dict[str, Any]:
        edge, here = self._edge, self._edge.kept_here.shares()
        totals = {'in_hz': edge.frames_in, 'out_hz': edge.endings['done']}
        return {
            'model_id': edge.model.model_id,
            'frames_in': edge.frames_in,
            **{ending: edge.endings[ending] for ending in ENDINGS},
            'in_flight': edge.in_flight,
            'waiting': waiting,
            'anchor': 'scene' if edge.scene else 'image',
            **{f'here_{why.value}': part for why, part in here.items()},
            **(_scene_figures(edge.scene) if edge.scene else {}),
            **self._rates.of(totals, self._clock()),
            'rejected_prompts': self._losses.rejected['prompts'],
            'searches_full': self._losses.searches[Search.FULL],
            'searches_late': self._losses.searches[Search.LATE],
            'last_loss': self._losses.reason,
            **self._metrics.summary(),
        }

    def _worker(self, name: str, condition: Condition) -> Part:
        figures = self._figures(name, condition)
        others_s = self._edge.pace.others_s(name)
        if condition.usable and others_s is not None:
            told = f'slow: {figures["answer_s"]:.2g} s for an answer, others {others_s:.2g} s'
            return Part(name, diagnostics.WARN, told, figures)
        return Part(name, _level(condition), sentence(condition), figures)

    def _lost_scene(self) -> str:
        """Says that nothing leaves because the place is not known; empty if it is."""
        scene = self._edge.scene
        if scene is None or scene.state is not State.LOST:
            return ''
        rule = self._edge.config.placement.on_lost_scene
        return f'what the camera shows is not known, so nothing leaves; on_lost_scene={rule}'

    def _figures(self, name: str, condition: Condition) -> dict[str, Any]:
        status = self._workers.status(name)
        rejected = self._losses.rejected[name] + self._inbox.dropped_replies(name)
        return {
            'state': condition.state.value,
            **self._seen(name),
            'stands_in_for': self._edge.ledger.stands_in.get(name, ''),
            'rejected': rejected,
            'foreign': self._workers.foreign(name),
            'answer_s': self._edge.pace.usual_s(name) or 0.0,
            **({'queued': status.queued, 'encode_s': status.encode_s} if status else {}),
        }

    def _seen(self, name: str) -> dict[str, Any]:
        """What a worker has seen: of the scene, or of the image if windows are fixed to it."""
        scene, ledger = self._edge.scene, self._edge.ledger
        if scene is not None:
            return {
                'coverage': scene.coverage[name],
                'largest_coverage': scene.totals.largest.get(name, 0.0),
                'coverage_cap': scene.limit,
                'windows_held': self._edge.kept_here.held[name],
            }
        seen = ledger.workers.get(name)
        return {
            'windows_seen': len(seen.windows) if seen else 0,
            'share_seen': ledger.share(name),
            'largest_region_seen': ledger.largest_region(name),
            'share_cap': ledger.cap(),
        }


def _scene_figures(scene: Scene) -> dict[str, Any]:
    return {
        'scene_state': scene.state.value if scene.state else '',
        'scenes': scene.totals.scenes,
        'scene_frames': scene.totals.frames,
        'scene_frames_lost': scene.totals.lost,
        'hints_proved': scene.hints_proved,
    }


def _level(condition: Condition) -> bytes:
    if condition.state is WorkerState.QUARANTINED:
        return diagnostics.ERROR
    return diagnostics.OK if condition.usable else diagnostics.WARN
