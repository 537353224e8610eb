"""A frame's life on the edge: a camera image in, windows out; embeddings in, masks out.

Theory of operation. `Edge` decides and computes: no I/O, no clock, no thread, no lock. Its owner
moves the bytes and tells it the time: nodes/edge_loop.py, or LocalPipeline in one process. A frame
is in one state at a time and ends exactly once:

    arrived     counted by `arrive`; it waits with the owner
    in flight   cut into windows by `start`; some are still pending
    complete    every window is there; it stays in `completed` until it has its masks
    ended       done, superseded, late or failed; counted in `endings`

    from        to          by
    arrived     in flight   `start`
    arrived     ended       `end`: superseded by a newer frame, or failed before its start
    in flight   complete    `accept` of the last window; stale windows that fill the last gap
    in flight   ended       `expire`: late; `finish`, `distrust`, `abandon`: failed
    complete    ended       `finish`: done or failed; `distrust`, `abandon`: failed

A window of a frame in flight is in one of three states:

    pending     asked for by `start`, at its home, at a stand-in or on this edge; `reroute` asks
                another stand-in, `again` asks the same worker once more
    answered    `accept` took the first embedding that passed all checks
    stale       its embedding of an earlier frame is used instead, because its home is lost

core/health.py and core/readiness.py decide which workers are usable, ledger and scene what each
may see: core/outbound.py asks them before anything leaves, and the owner writes to the disk first.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Container, Mapping, Sequence

from pedsam_ros.core.anchors import anchor_of
from pedsam_ros.core.audits import Chance, unforeseeable, window_to_audit
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.dispatch import Dispatch
from pedsam_ros.core.edge_compute import EdgeCompute, Late, Making, finished, never
from pedsam_ros.core.in_flight import Assignment, Encoded, InFlight
from pedsam_ros.core.laid import Laid
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.outbound import Outbound
from pedsam_ros.core.pace import Pace
from pedsam_ros.core.planes import Matrix
from pedsam_ros.core.recent import Recent, RecentEmbeddings
from pedsam_ros.core.router import Router
from pedsam_ros.core.scene import Scene
from pedsam_ros.core.types import Answer, Embedding, Frame, FrameKey, Prompt, Window
from pedsam_ros.core.windows import partition, pixel_grid
from pedsam_ros.core.workers_file import WorkerEntry

ENDINGS = ('done', 'superseded', 'late', 'failed')


class Edge:
    """One frame, from image to masks:

    >>> edge = Edge(model, homes, config)
    >>> started, assignments = edge.start(frame, now_s=0.0, usable={'alice', 'bob', 'carol'})
    >>> for assignment in assignments:  # in another process: assignment.worker computes it
    ...     edge.accept(assignment.worker, compute(assignment.window), now_s=0.1)
    >>> masks = edge.decode(edge.encode(edge.completed[0]), config.prompts).masks
    >>> edge.finish(started, 'done')

    `homes` maps each window to its worker, and is empty with a `scene`. `spares` are workers that
    may stand in for one. `ledger` knows what each was ever sent, and grows. Arguments named
    `usable` hold the names of the workers that can be used now; `now_s` is monotonic, `unix_s` is
    Unix time.
    """

    def __init__(
        self,
        model: EdgeCompute,
        homes: Mapping[int, str],
        config: EdgeConfig,
        ledger: Ledger | None = None,
        spares: Sequence[WorkerEntry] = (),
        chance: Chance = unforeseeable,
        scene: Scene | None = None,
    ) -> None:
        if ledger is None:
            ledger = Ledger(pixel_grid(model.arch), homes, config.placement.max_share)
        self.model, self.config, self.ledger = model, config, ledger
        self.scene = scene
        self._anchor = anchor_of(model.arch, ledger, scene)
        self.router = Router(self._anchor.homes, spares, config.loss, ledger)
        self.endings: Counter[str] = Counter()
        self.frames_in = 0
        self.completed: deque[InFlight] = deque()
        self.last: Encoded | None = None  # the frame that was encoded last
        self.on_end: Callable[[InFlight, str], None] = lambda frame, ending: None  # for a log
        self._chance = chance
        self._in_flight: dict[int, InFlight] = {}
        self._dispatch = Dispatch(config.deadline_s)
        self._recent = RecentEmbeddings(config.loss, config.placement.on_cap)
        self.pace = Pace()
        parts = self._anchor, self.router, self._dispatch, self._recent
        self.reply_dtype = model.reply_dtype(config.transport, config.codec_ratio)
        self._outbound = Outbound(model.model_id, self.reply_dtype, config, *parts)
        self.kept_here = self._outbound.kept_here

    def arrive(self, frames: int = 1) -> None:
        """Counts camera images that came. Each must end from now on."""
        self.frames_in += frames

    def end(self, ending: str, frames: int = 1) -> None:
        """Ends frames that were never started."""
        if frames:
            self.endings[ending] += frames

    def lay(self, frame: Frame, now_s: float, turn: Matrix | None = None) -> Laid:
        """Lays the windows of a frame; `turn`: see `Scene.look`. Raises BadImage."""
        return self._anchor.lay(frame.rgb, now_s, turn)

    def start(
        self,
        frame: Frame,
        now_s: float,
        usable: Container[str],
        unix_s: float = 0.0,
        laid: Laid | None = None,
    ) -> tuple[InFlight, list[Assignment]]:
        """Cuts a frame into windows, each for its home, as `lay` has laid them. None of canvas
        padding is sent.

        Raises Unavailable or ExposureError, and starts nothing, if nobody can or may take one."""
        laid = laid or self.lay(frame, now_s)
        arrived_s = min(frame.arrived_s, now_s)
        plan = self._outbound.plan(laid, usable, arrived_s, now_s)
        content = self.model.resize(frame.rgb, laid.canvas.content)
        contents = partition(content, laid.canvas.grid, laid.canvas.corner)
        self._outbound.admit(plan, laid, 1, unix_s)
        serial = self._dispatch.open(now_s)
        started = InFlight(serial, frame.key, laid, frame.rgb, contents, arrived_s=arrived_s)
        self._in_flight[serial] = started
        self.router.forget(min(frame.arrived_s for frame in self._in_flight.values()))
        assignments = self._outbound.ask(started, plan, now_s)
        assignments += self._outbound.decoys(started, usable)
        self._note_complete()
        # In the usual order: that of the messages must not tell which of them are decoys.
        return started, sorted(assignments, key=lambda each: each.window.index)

    def reroute(
        self, usable: Container[str], now_s: float, unix_s: float = 0.0
    ) -> list[Assignment]:
        """Asks stand-ins for windows pending at lost workers; if none may, they stay pending."""
        moved = self._outbound.reroute(self._in_flight, usable, now_s, unix_s)
        self._note_complete()
        return moved

    def again(
        self, worker: str, before_s: float, now_s: float, unix_s: float = 0.0
    ) -> list[Assignment]:
        """Asks a worker once more for what it was asked before `before_s` and did not answer."""
        return self._outbound.again(self._in_flight, worker, before_s, now_s, unix_s)

    def accept(self, worker: str, reply: Embedding, now_s: float = 0.0) -> None:
        """Takes one embedding. An answer to a decoy changes nothing. Raises BadBatch, and changes
        nothing, if the reply is not what was asked for; BadReply if no honest worker sends it."""
        if self._dispatch.answers_decoy(reply.request_id, worker):
            return
        asked = self._dispatch.check(reply.request_id, reply.index, worker)
        frame = self._in_flight[asked.serial]
        offset = frame.canvas.offset
        tokens = self.model.checked(worker, reply, self.reply_dtype, offset)
        self._dispatch.settle(reply.request_id)
        frame.answered(reply.index, tokens, worker)
        took_s = now_s - asked.asked_s  # by this clock; a worker may claim any time
        frame.worker_s, frame.back_s = max(frame.worker_s, min(reply.encode_s, took_s)), now_s
        self.pace.note(worker, took_s)
        frame.bytes_down += len(reply.values)
        self._recent.note(reply.index, Recent(tokens, frame.laid, now_s, worker))
        self._note_complete()

    def expire(self, now_s: float) -> list[FrameKey]:
        """Ends as late, and returns, the frames whose deadline has passed."""
        return [self._close(serial, 'late').key for serial in self._dispatch.expired(now_s)]

    def distrust(self, worker: str) -> None:
        """Ends as failed the frames that hold answers of a worker, and forgets its others."""
        self._recent.forget(worker)
        if self.last is not None and worker in self.last.sources:
            self.last = None
        for frame in list(self._in_flight.values()):
            if worker in frame.sources.values():
                self._close(frame.serial, 'failed')

    def audit(self, frame: InFlight) -> None:
        """Computes, with the probability `audit_rate`, one window of a complete frame again.
        Raises BadReply if its worker computed something else."""
        rules = self.config.loss
        index = window_to_audit(frame.asked(), rules.audit_rate, self._chance)
        if index is not None:
            self.model.audit(frame, index, self.reply_dtype, rules.audit_tolerance)

    def encode(self, frame: InFlight) -> Encoded:
        """Runs the global blocks on a complete frame. Raises BadReply if they make it infinite."""
        self.last = self.model.encode(frame)
        return self.last

    def decode(self, encoded: Encoded, prompts: Sequence[Prompt]) -> Answer:
        """Makes the masks of the prompts that fit; without prompts, of everything in view."""
        return finished(self.decoding(encoded, prompts))

    def decoding(
        self, encoded: Encoded, prompts: Sequence[Prompt], late: Late = never
    ) -> Making[Answer]:
        """The same, with a yield between two batches. A view is searched until it is `late`."""
        return self.model.segment(encoded, prompts, self.config.automatic, late)

    def finish(self, frame: InFlight, ending: str) -> None:
        """Ends a frame as done or failed, unless `distrust` has ended it meanwhile."""
        if frame.serial in self._in_flight:
            self._close(frame.serial, ending)

    def abandon(self) -> None:
        """Ends as failed all frames in flight: the node is being deactivated."""
        for frame in list(self._in_flight.values()):
            self.finish(frame, 'failed')

    def awaits(self, window: Window) -> bool:
        """Whether a reply to this very request would still be taken."""
        return self._dispatch.awaits(window.request_id)

    @property
    def in_flight(self) -> int:
        """The number of frames that were started and have not ended."""
        return len(self._in_flight)

    @property
    def next_deadline_s(self) -> float | None:
        """The earliest time at which `expire` will end a frame; None if no frame waits."""
        return self._dispatch.next_deadline_s

    def _note_complete(self) -> None:
        for frame in self._in_flight.values():
            if not frame.complete and self._dispatch.complete(frame.serial):
                frame.complete = True
                self.completed.append(frame)

    def _close(self, serial: int, ending: str) -> InFlight:
        self._dispatch.close(serial)
        self.endings[ending] += 1
        frame = self._in_flight.pop(serial)
        frame.finishing = None  # it refers to the frame, which would keep both in memory
        if frame in self.completed:
            self.completed.remove(frame)
        self.on_end(frame, ending)
        return frame
