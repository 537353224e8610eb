"""What the edge's computing thread does, step by step.

Theory of operation. Three kinds of threads meet here:

    thread      whose                    what it calls
    ROS         the node's executor      `offer`, `protect`; all else it posts as a job
    links       one for each worker      `on_embedding`, `on_status`
    computing   one, nodes/compute.py    `step`, the jobs, and all of Edge

`close` and the last report come from the ROS thread, once the computing thread has ended.

The first two only leave things in the inbox, so Edge needs no lock. `step` does what there is to
do, in this order: take regions and heartbeats, accept replies, end late frames, send again what
was lost, start frames, compute. One call computes at most one batch of the masks of a frame and
one of a request, and windows for as long as these took, so nothing waits long for its turn. A
request gets its batch when no frame is complete, or right after one has ended: however many
requests wait, they make a frame later by one batch at most.

core/edge.py and core/health.py list the states of frames, windows and workers. Who changes them:

    a frame     waits in the inbox, not read yet, until Departures reads and starts it, or ends it
                as failed; a newer one in the inbox ends it as superseded. `step` accepts its
                windows, or ends it as late. Answers makes its masks. `close` ends whatever is
                left.
    a window    is asked for by Departures through the Sender. A worker's reply answers it; one
                that stays on the edge is computed by the Sender.
    a worker    is not heard of before its first heartbeat. Heartbeats and the clock move it
                between usable, not connected, silent, wrong model and wrong codec. A reply that
                no honest worker would send puts it in quarantine, and only `release` ends that.

All times come from `clock`, so tests can move them by hand.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from pedsam_ros.core import codec
from pedsam_ros.core.edge import Edge
from pedsam_ros.core.errors import BadBatch, BadReply, ConfigError
from pedsam_ros.core.health import Condition, WorkerState, sentence
from pedsam_ros.core.in_flight import InFlight
from pedsam_ros.core.metrics import Metrics
from pedsam_ros.core.planes import Matrix
from pedsam_ros.core.prompts import Limits
from pedsam_ros.core.router import Region
from pedsam_ros.core.shown import written
from pedsam_ros.core.types import Frame, Masks, Prompt, WorkerStatus
from pedsam_ros.nodes.answers import Answers, Tell
from pedsam_ros.nodes.departures import Departures
from pedsam_ros.nodes.edge_report import Part, Report
from pedsam_ros.nodes.frame_log import FrameLog
from pedsam_ros.nodes.frame_queue import Unread
from pedsam_ros.nodes.inbox import Inbox, Reply
from pedsam_ros.nodes.losses import Losses
from pedsam_ros.nodes.sender import Sender
from pedsam_ros.nodes.workers import Link, Workers

_LOOK_S = 0.1  # how often to look again for workers that are not there yet


class EdgeLoop:
    """Takes frames from arrival to masks, for as long as the node is active.

    `keep` writes the ledger to the disk before windows are sent, or raises OSError. `links` holds
    the link of each of the `workers`; it may be filled until the first step. `fetch` calls `offer`
    if an image can be had at once. `turn` is the hint of core/turns.py. `quarantine` maps workers
    in quarantine to the reason, beyond the life of this object. `clock` is monotonic, s.
    """

    def __init__(
        self,
        edge: Edge,
        workers: Sequence[str],
        links: Mapping[str, Link],
        publish: Callable[[Masks], None],
        keep: Callable[[], None],
        losses: Losses,
        clock: Callable[[], float] = time.monotonic,
        unix_clock: Callable[[], float] = time.time,
        log: FrameLog | None = None,
        fetch: Callable[[], object] = lambda: None,
        turn: Callable[[Frame], Matrix | None] = lambda frame: None,
        quarantine: dict[str, str] | None = None,
    ) -> None:
        self._edge, self._losses, self._clock = edge, losses, clock
        self._log = log = log or FrameLog()
        edge.on_end = self._note_end
        metrics = Metrics(clock)
        self._inbox = Inbox(workers, edge.config, edge.model.arch, clock, log)
        model_id, codec_id = edge.model.model_id, codec.id_of(edge.reply_dtype)
        distrusted = {} if quarantine is None else quarantine
        agreed = edge.config, model_id, clock, distrusted, codec_id
        self._workers = Workers(links, self._inbox.statuses, *agreed)
        self._sender = Sender(edge, links, keep, metrics, clock)
        self._departures = Departures(
            edge,
            self._inbox,
            self._workers,
            self._sender,
            losses,
            metrics,
            log,
            fetch,
            turn,
            clock,
            unix_clock,
        )
        self._answers = Answers(edge, publish, metrics, losses, clock)
        self._report = Report(edge, self._workers, self._inbox, losses, metrics, clock)

    # From any thread.
    def offer(self, image: Unread, age_s: float = 0.0, missed: int = 0) -> None:
        """Hands over a camera image, which may displace one that has not been started: see
        `Inbox.offer`."""
        self._inbox.offer(image, age_s, missed)

    def protect(self, region: Region) -> None:
        """Keeps the windows that hold any part of a region here, for `region_s` seconds."""
        self._inbox.protect(region)

    def on_embedding(self, worker: str, reply: Reply) -> None:
        """Hands over the embedding of one window, or what is wrong with one."""
        self._inbox.on_embedding(worker, reply)

    def on_status(self, worker: str, status: WorkerStatus) -> None:
        """Hands over a worker's heartbeat."""
        self._inbox.on_status(worker, status)

    # On the computing thread.
    def step(self) -> float | None:
        """Does what there is to do. Returns within how many seconds to look again; None means
        when something comes."""
        self._departures.take_regions()
        self._departures.count_arrivals()
        self._workers.listen()
        for worker, reply in self._inbox.some_replies():
            self._accept(worker, reply)
        for key in self._edge.expire(self._clock()):
            self._losses.lose(
                f'stamp_ns={key.stamp_ns} late: not all embeddings within the deadline'
            )
        self._departures.send_again()
        self._departures.start_frames()
        if self._compute() or self._inbox.waiting_replies() or self._departures.ready:
            return 0.0
        return self._patience()

    @property
    def hungry(self) -> bool:
        """Whether a frame that comes now would be started at once."""
        return self._departures.hungry

    @property
    def prompt_limits(self) -> Limits:
        """How many prompts, and points of them, may come together."""
        config = self._edge.config
        return Limits(config.most_prompts, config.most_points)

    def refuse_prompts(self, reason: str, number: int = 1) -> None:
        """Counts prompts that break a rule, or messages with prompts that came too fast."""
        self._losses.reject('prompts', reason, number)

    def set_prompts(self, prompts: tuple[Prompt, ...], fixed: bool = False) -> None:
        """Uses prompts for every later frame, and answers them on the frame encoded last.
        `fixed` ones, those of the parameters, hold even if none of them fits that frame."""
        self._answers.set_prompts(prompts, fixed)

    def ask(self, prompts: tuple[Prompt, ...], tell: Tell) -> None:
        """Has masks made of the frame encoded last, without encoding it again. `tell` gets the
        answer, or why there is none, in one of the next steps or when the loop is closed."""
        self._answers.ask(prompts, tell)

    def release(self, worker: str) -> None:
        """Trusts a worker again. Raises ConfigError if it is not in quarantine."""
        if not self._workers.release(worker):
            raise ConfigError(f'worker={written(worker)}: not in quarantine')

    def report(self, fault: str = '') -> list[Part]:
        """What /diagnostics shows: see nodes/edge_report.py. Every frame is in it once."""
        return self._report.parts(self._departures.count_arrivals(), fault)

    def close(self) -> None:
        """Ends as failed every frame that is still here, and refuses the requests that wait."""
        self._departures.close()
        self._edge.abandon()
        self._answers.close()

    def _note_end(self, frame: InFlight, ending: str) -> None:
        total_s = self._clock() - frame.arrived_s
        sent_s, worker_s = frame.sent_s - frame.arrived_s, frame.worker_s
        self._log(
            'ended', frame.key, ending=ending, total_s=total_s, sent_s=sent_s, worker_s=worker_s
        )

    def _patience(self) -> float | None:
        deadline = self._edge.next_deadline_s
        if deadline is None:
            return _LOOK_S if self._departures.waiting else None
        return min(_LOOK_S, max(0.0, deadline - self._clock()))

    def _accept(self, worker: str, reply: Reply) -> None:
        """Counts a reply that is not what was asked for; nothing else changes then."""
        try:
            if not self._workers.trusted(worker):
                raise BadBatch(f'{worker}: in quarantine')
            if isinstance(reply, BadReply):
                raise reply
            self._edge.accept(worker, reply, self._clock())
        except BadReply as error:
            self._losses.rejected[worker] += 1
            self._quarantine(worker, str(error))
        except BadBatch as error:
            self._losses.reject(worker, str(error))
            if self._workers.flooded_by(worker):
                self._quarantine(worker, f'{worker}: far more answers than anybody asked for')

    def _quarantine(self, worker: str, reason: str) -> None:
        """Stops trusting a worker: frames that hold its answers fail, and it gets no others."""
        self._workers.quarantine(worker, reason)
        self._losses.alarm(sentence(Condition(WorkerState.QUARANTINED, reason)))
        self._edge.distrust(worker)
        self._answers.distrust(worker)

    def _compute(self) -> bool:
        """Goes on with what there is to compute. Returns whether there was something."""
        busy = bool(self._edge.completed or self._answers.waiting or self._sender.local)
        begun_s, ended = self._clock(), False
        if self._edge.completed:
            ended = self._finish(self._edge.completed[0])
        else:
            self._answers.renew()
        if ended or not self._edge.completed:
            self._answers.answer()
        if self._sender.local and not ended:
            self._sender.compute(self._clock() - begun_s)
        return busy

    def _finish(self, frame: InFlight) -> bool:
        """Makes one batch of a frame's masks. Returns whether the frame has ended."""
        ending = 'failed'
        try:
            ending = 'done' if self._answers.finish(frame) else ''
        except BadReply as error:
            self._quarantine(error.worker, str(error))
        finally:
            if ending:
                self._edge.finish(frame, ending)
        return bool(ending)
