"""What the edge's computing thread, which alone calls Edge, does step by step."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from pedsam_ros.core.edge import Edge
from pedsam_ros.core.errors import BadBatch, BadPrompt, BadReply, ExposureError, Unavailable
from pedsam_ros.core.health import Health
from pedsam_ros.core.in_flight import InFlight
from pedsam_ros.core.metrics import Metrics
from pedsam_ros.core.types import Embedding, Frame, Masks, Prompt
from pedsam_ros.nodes.inbox import Inbox
from pedsam_ros.nodes.sender import Sender
from pedsam_ros.ros.domain import DomainLink

_START_S = 20.0  # that workers have to be there for the first time, before a spare is used up
_STARTING = ('not heard of', 'not connected yet')
_WAITING_S = 0.1  # how often to look again for workers that are not there yet


class EdgeLoop:
    """One frame after another: accept, expire, send again or elsewhere, start, finish.

    All methods run on the computing thread; others leave what they have in `inbox`. `warn` may
    cut a flood, `alarm` not. `keep` writes the ledger down before sending, or raises OSError.
    """

    def __init__(
        self,
        edge: Edge,
        workers: Sequence[str],
        links: Mapping[str, DomainLink],
        publish: Callable[[Masks], None],
        warn: Callable[[str], None],
        alarm: Callable[[str], None],
        keep: Callable[[], None],
    ) -> None:
        self.edge, self.links = edge, links
        self.health = Health(edge.model.model_id, edge.config.loss.worker_timeout_s)
        self.inbox = Inbox(workers, edge)
        self.prompts: tuple[Prompt, ...] = edge.config.prompts
        self.metrics = Metrics(time.monotonic)
        self.rejected: Counter[str] = Counter()
        self.reason = self.news = ''  # why the last frame or reply was lost; since last asked
        self.sender = Sender(edge, links, keep, self.metrics)
        self._publish, self._warn, self._alarm = publish, warn, alarm
        self._patient_until_s = time.monotonic() + _START_S
        self._held: Frame | None = None  # with every_frame: it waits for a worker it needs

    def step(self) -> float | None:
        """Does what there is; returns when to look again, s (None: when something comes)."""
        self._note_regions()
        for worker, status, at_s in self.inbox.statuses():
            self.health.heard(worker, status, at_s)
        for worker, reply in self.inbox.some_replies():
            self._accept(worker, reply)
        for key in self.edge.expire(time.monotonic()):
            self.lose(f'stamp_ns={key.stamp_ns} late: not all embeddings within the deadline')
        self._send_again()
        self._start_frames()
        if self.edge.completed:
            self._finish(self.edge.completed.popleft())
        elif self.sender.local:
            self.sender.compute()
        elif not any(map(len, self.inbox.replies.values())):
            return self._patience()
        return 0.0

    def arrive(self, displaced: Frame | None) -> None:
        """A frame came into the inbox; another may have had to go for it."""
        self.edge.arrive()
        if displaced is not None:
            self.edge.end('superseded')

    def refuse(self, reason: str) -> None:
        """A camera image came that cannot be read: it ends as failed."""
        self.edge.arrive()
        self.edge.end('failed')
        self.lose(reason)

    def refuse_prompts(self, reason: str) -> None:
        """Prompts that break a rule: counted and named."""
        self.rejected['prompts'] += 1
        self.lose(reason)

    def set_prompts(self, prompts: tuple[Prompt, ...]) -> None:
        """For every later frame; and the frame encoded last is answered at once."""
        if self.edge.last is not None:
            try:
                self._publish(self.edge.decode(self.edge.last, prompts))
            except BadPrompt as error:
                return self.refuse_prompts(str(error))
        self.prompts = prompts
        return None

    def answer(self, prompts: tuple[Prompt, ...]) -> Masks:
        """Masks on the frame encoded last, without encoding again. Raises BadPrompt."""
        if self.edge.last is None:
            raise BadPrompt('no frame has been encoded yet')
        return self.edge.decode(self.edge.last, prompts)

    def quarantine(self, worker: str, reason: str) -> None:
        """A worker is not to be trusted: frames that hold its answers fail, it gets no others."""
        self.health.quarantine(worker, reason)
        self.reason = f'quarantined: {reason}'
        self._alarm(self.reason)
        self.edge.distrust(worker)

    def trouble(self, worker: str) -> str:
        """Why a worker cannot be used now; empty if it can."""
        told = self.health.trouble(worker, time.monotonic())
        if not told and not self.links[worker].read_by(self.health.reader(worker)):
            told = 'not connected yet'
        return told

    def close(self) -> None:
        """Every frame still here ends as failed."""
        for _ in range(self.waiting):
            self.edge.end('failed')
        self.inbox.frames.take(self.waiting)
        self._held = None
        self.edge.abandon()

    def lose(self, reason: str) -> None:
        """Notes why something was lost."""
        self.reason = self.news = reason
        self._warn(reason)

    @property
    def waiting(self) -> int:
        """Frames not started yet."""
        return len(self.inbox.frames) + (self._held is not None)

    def _patience(self) -> float | None:
        deadline = self.edge.next_deadline_s
        if deadline is None:
            return _WAITING_S if self.waiting else None
        return min(_WAITING_S, max(0.0, deadline - time.monotonic()))

    def _usable(self) -> set[str]:
        """Spares that are still free only once every worker has had time to start: one that is
        used stands in for good."""
        usable = {worker for worker in self.links if not self.trouble(worker)}
        starting = any(self.trouble(worker) in _STARTING for worker in self.links)
        if starting and time.monotonic() < self._patient_until_s:
            usable -= self.edge.router.spares.keys() - self.edge.ledger.stands_in.keys()
        return usable

    def _accept(self, worker: str, reply: Embedding) -> None:
        """A reply that is not what was asked for is counted, and nothing else changes."""
        try:
            if worker in self.health.distrusted:
                raise BadBatch(f'{worker}: in quarantine')
            self.edge.accept(worker, reply, time.monotonic())
        except BadReply as error:
            self.rejected[worker] += 1
            self.quarantine(worker, str(error))
        except BadBatch as error:
            self.rejected[worker] += 1
            self.lose(str(error))

    def _send_again(self) -> None:
        """What lost workers owe goes elsewhere, if it may; what idle ones owe, to them again."""
        if not self.edge.in_flight:
            return
        self._note_regions()
        now, unix, usable = time.monotonic(), time.time(), self._usable()
        moved = self.edge.reroute(usable, now, unix)
        for worker in usable:
            before_s = self.health.lost_before_s(worker, self.edge.config.loss.retry_s)
            moved += self.edge.again(worker, before_s, now, unix)
        try:
            self.sender.send(moved)
        except OSError as error:  # the frames end late
            self.lose(f'exposure ledger not written, nothing sent: {error}')

    def _start_frames(self) -> None:
        while self.edge.in_flight < self.edge.config.max_in_flight:
            frame, self._held = self._held or next(iter(self.inbox.frames.take()), None), None
            if frame is None:
                return
            self._note_regions()
            self._start(frame)
            if self._held is not None:
                return

    def _note_regions(self) -> None:
        for region, until_s in self.inbox.regions():
            self.edge.router.protect(region, until_s)

    def _start(self, frame: Frame) -> None:
        try:
            now, unix, usable = time.monotonic(), time.time(), self._usable()
            with self.metrics.timed('partition_s'):
                started, assignments = self.edge.start(frame, now, usable, unix)
        except Unavailable as error:
            reasons = ', '.join(f'{name} {self.trouble(name)}' for name in error.workers)
            if self._may_wait(error.workers):
                self._held, self.reason = frame, f'waiting: {reasons}'
                return None
            return self._lose_frame(frame, reasons)
        except ExposureError as error:
            return self._lose_frame(frame, str(error))
        except Exception:
            self.edge.end('failed')
            raise
        try:
            with self.metrics.timed('send_s'):
                self.sender.send(assignments)
        except OSError as error:
            self.edge.finish(started, 'failed')
            return self.lose(f'exposure ledger not written, nothing sent: {error}')
        started.sent_s = time.monotonic()
        return None

    def _may_wait(self, workers: Sequence[str]) -> bool:
        """With every_frame: unless `fail` is asked for, or a human is needed."""
        config = self.edge.config
        hopeless = 'fail' in config.loss.on_server_loss or self.health.distrusted.keys() & workers
        return config.every_frame and not hopeless

    def _lose_frame(self, frame: Frame, reason: str) -> None:
        self.edge.end('failed')
        self.lose(f'stamp_ns={frame.key.stamp_ns} failed: {reason}')

    def _finish(self, frame: InFlight) -> None:
        ending = 'failed'
        self.metrics.record('worker_s', frame.worker_s)
        if frame.back_s:  # something came back
            self.metrics.record('return_s', frame.back_s - frame.sent_s - frame.worker_s)
        self.metrics.record('bytes_down', frame.bytes_down)
        try:
            with self.metrics.timed('audit_s'):
                self.edge.audit(frame)
            with self.metrics.timed('merge_global_s'):
                encoded = self.edge.encode(frame)
            with self.metrics.timed('decode_s'):
                masks = self.edge.decode(encoded, self.prompts)
            with self.metrics.timed('publish_s'):
                self._publish(masks)
            ending = 'done'
        except BadReply as error:
            self.quarantine(error.worker, str(error))
        except BadPrompt as error:
            self.lose(f'stamp_ns={frame.key.stamp_ns} failed: {error}')
        finally:
            self.edge.finish(frame, ending)
