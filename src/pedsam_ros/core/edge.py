"""A frame's story on the edge: frame in -> windows out; replies in -> masks out. No I/O, no clock.

Every frame that `arrive` saw ends exactly once: done, superseded, late or failed.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Container, Mapping, Sequence

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.dispatch import Dispatch
from pedsam_ros.core.edge_model import EdgeModel
from pedsam_ros.core.errors import ExposureError
from pedsam_ros.core.in_flight import Assignment, Encoded, InFlight, Recent
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.router import STALE, Router
from pedsam_ros.core.types import Embedding, Frame, FrameKey, Masks, Prompt, Window
from pedsam_ros.core.windows import Canvas, partition, pixel_grid
from pedsam_ros.core.workers_file import WorkerEntry

_random = random.SystemRandom().random  # what is audited cannot be foreseen
ENDINGS = ('done', 'superseded', 'late', 'failed')


class Edge:
    """Everything the edge decides and computes.

    `homes` maps each window of the grid to its worker; `spares` are workers that may stand in for
    one; `ledger`, which grows, knows what each was ever sent; `usable` names, in whatever takes
    it, the workers that can be used now. Frames that have all windows wait in `completed`.
    """

    def __init__(
        self,
        model: EdgeModel,
        homes: Mapping[int, str],
        config: EdgeConfig,
        ledger: Ledger | None = None,
        spares: Sequence[WorkerEntry] = (),
        chance: Callable[[], float] = _random,
    ) -> None:
        self.model, self.config = model, config
        if ledger is None:
            ledger = Ledger(pixel_grid(model.arch), homes, config.placement.max_share)
        self.ledger = ledger
        self.router = Router(homes, spares, config.loss, ledger)
        self.endings: Counter[str] = Counter()
        self.frames_in = 0
        self.completed: deque[InFlight] = deque()
        self.last: Encoded | None = None
        self._chance = chance
        self._dispatch = Dispatch(config.deadline_s)
        self._in_flight: dict[int, InFlight] = {}
        self._recent: dict[int, Recent] = {}  # each window's last embedding

    def arrive(self) -> None:
        """A camera image came: from now on it is owed an ending."""
        self.frames_in += 1

    def end(self, ending: str) -> None:
        """A frame that was never started ends here."""
        self.endings[ending] += 1

    def start(
        self, frame: Frame, now_s: float, usable: Container[str], unix_s: float = 0.0
    ) -> tuple[InFlight, list[Assignment]]:
        """Cuts a frame into windows, each for its home. Windows of canvas padding are not sent.

        Raises Unavailable or ExposureError, and starts nothing, if a window can or may go nowhere.
        """
        canvas = Canvas.fit(self.model.arch, *frame.rgb.shape[:2])
        arrived_s = min(frame.arrived_s, now_s)
        plan = self.router.plan(canvas, usable, self._fresh(canvas, now_s), arrived_s)
        contents = partition(self.model.resize(frame.rgb, canvas.content), canvas.grid)
        self._admit(plan, canvas, 1, unix_s)
        serial = self._dispatch.open(now_s)
        started = InFlight(serial, frame.key, canvas, frame.rgb, contents, arrived_s=arrived_s)
        self._in_flight[serial] = started
        self.router.forget(min(frame.arrived_s for frame in self._in_flight.values()))
        return started, self._ask(started, plan, now_s)

    def reroute(
        self, usable: Container[str], now_s: float, unix_s: float = 0.0
    ) -> list[Assignment]:
        """What is owed by workers that cannot be used any more goes to what may stand in for
        them; what nothing may stand in for stays owed."""
        lost: dict[int, list[int]] = defaultdict(list)
        for owed in self._dispatch.owed():
            if owed.worker != LOCAL and owed.worker not in usable:
                lost[owed.serial].append(owed.window)
        moved: list[Assignment] = []
        for serial, windows in lost.items():
            frame = self._in_flight[serial]
            plan = self.router.instead(windows, usable, self._fresh(frame.canvas, now_s))
            private = self.router.private(frame.canvas, frame.arrived_s)
            plan |= dict.fromkeys(private & set(windows), LOCAL)
            moved += self._move(serial, plan, now_s, unix_s)
        return moved

    def again(
        self, worker: str, before_s: float, now_s: float, unix_s: float = 0.0
    ) -> list[Assignment]:
        """Asks a worker again for what it was asked for before some time and still owes."""
        plans: dict[int, dict[int, str]] = defaultdict(dict)
        for owed in self._dispatch.owed():
            frame = self._in_flight[owed.serial]
            if owed.worker == worker and owed.asked_s < before_s:
                private = self.router.private(frame.canvas, frame.arrived_s)
                plans[owed.serial][owed.window] = LOCAL if owed.window in private else worker
        return [a for s, plan in plans.items() for a in self._move(s, plan, now_s, unix_s)]

    def accept(self, worker: str, reply: Embedding, now_s: float = 0.0) -> None:
        """Takes one embedding.

        Raises BadBatch, and changes nothing, if the reply is not what was asked for; BadReply if
        no honest worker would send it.
        """
        self._dispatch.check(reply.request_id, reply.index, worker)
        tokens = self.model.checked(worker, reply, self.config.transport)
        frame = self._in_flight[self._dispatch.settle(reply.request_id)]
        frame.answered(reply.index, tokens, worker)
        frame.worker_s, frame.back_s = max(frame.worker_s, reply.encode_s), now_s
        frame.bytes_down += len(reply.values)
        if 'stale' in self.config.loss.on_server_loss:
            self._recent[reply.index] = Recent(tokens, frame.canvas, now_s, worker)
        self._note_complete(frame)

    def expire(self, now_s: float) -> list[FrameKey]:
        """Ends as late, and returns, the frames whose deadline has passed."""
        late = self._dispatch.expired(now_s)
        return [self._close(serial, 'late').key for serial in late]

    def distrust(self, worker: str) -> None:
        """Ends as failed the frames that hold answers of a worker, but for the one being
        finished; forgets its embeddings, and the frame encoded last if it holds any."""
        self._recent = {i: one for i, one in self._recent.items() if one.worker != worker}
        if self.last is not None and worker in self.last.sources:
            self.last = None
        held = [f for f in self._in_flight.values() if worker in f.sources.values()]
        for frame in held:
            if frame in self.completed or not self._dispatch.complete(frame.serial):
                self._close(frame.serial, 'failed')

    def audit(self, frame: InFlight) -> None:
        """Computes, with the chance `audit_rate`, a random window of a complete frame again.

        Raises BadReply if its worker computed something else.
        """
        rules = self.config.loss
        asked = frame.asked()
        if self._chance() >= rules.audit_rate or not asked:
            return
        index = asked[int(self._chance() * len(asked))]
        self.model.audit(frame, index, rules.audit_tolerance)

    def encode(self, frame: InFlight) -> Encoded:
        """Runs the global blocks of a complete frame; it becomes `last`.

        Raises BadReply if finite but absurd embeddings made the result infinite.
        """
        self.last = self.model.encode(frame)
        return self.last

    def decode(self, encoded: Encoded, prompts: Sequence[Prompt]) -> Masks:
        """Masks for prompts, or of everything in view if there is none. Raises BadPrompt."""
        return self.model.segment(encoded, prompts, self.config.automatic)

    def finish(self, frame: InFlight, ending: str) -> None:
        """Ends a frame: done, or failed if windows could not be sent or masks not be made."""
        self._close(frame.serial, ending)

    def abandon(self) -> None:
        """Ends as failed whatever is still in flight (the node is being deactivated)."""
        for serial in list(self._in_flight):
            self._close(serial, 'failed')

    def awaits(self, window: Window) -> bool:
        """Whether a reply to this very request would still be taken."""
        return self._dispatch.awaits(window.request_id)

    @property
    def in_flight(self) -> int:
        """Frames started and not ended."""
        return len(self._in_flight)

    @property
    def next_deadline_s(self) -> float | None:
        """When `expire` will next have something to do."""
        return self._dispatch.next_deadline_s

    def _move(
        self, serial: int, plan: Mapping[int, str], now_s: float, unix_s: float
    ) -> list[Assignment]:
        """Asks others, or again, for windows of a frame; nobody, if that would break a cap."""
        frame = self._in_flight[serial]
        try:
            self._admit(plan, frame.canvas, 0, unix_s)
        except ExposureError:
            return []
        return self._ask(frame, plan, now_s)

    def _admit(self, plan: Mapping[int, str], canvas: Canvas, frames: int, unix_s: float) -> None:
        """Notes what is about to leave the edge. Raises ExposureError if it may not."""
        sends: dict[str, list[int]] = defaultdict(list)
        for index, worker in plan.items():
            if worker not in (LOCAL, STALE):
                sends[worker].append(index)
        self.ledger.admit(sends, canvas, frames, unix_s)
        for spare in sends.keys() & self.router.spares.keys():
            self.ledger.bind(spare, self.router.homes[sends[spare][0]])

    def _ask(self, frame: InFlight, plan: Mapping[int, str], now_s: float) -> list[Assignment]:
        """Windows as messages, with fresh request ids; stale ones are filled in here."""
        assignments = []
        for index, worker in plan.items():
            if worker == STALE:
                self._dispatch.forgive(frame.serial, index)
                frame.fill(index, self._recent[index])
            else:
                request_id = self._dispatch.ask(frame.serial, index, worker, now_s)
                assignments.append(Assignment(worker, self._window(frame, index, request_id)))
        self._note_complete(frame)
        return assignments

    def _window(self, frame: InFlight, index: int, request_id: int) -> Window:
        pixels, config = frame.contents[index], self.config
        model_id, within_s = self.model.model_id, config.deadline_s
        return Window(request_id, model_id, index, pixels, config.transport, within_s)

    def _fresh(self, canvas: Canvas, now_s: float) -> set[int]:
        """Windows whose last embedding is young enough, and of a frame of this shape."""
        oldest = now_s - self.config.loss.stale_s
        recent = self._recent.items()
        return {i for i, one in recent if one.canvas == canvas and one.at_s >= oldest}

    def _note_complete(self, frame: InFlight) -> None:
        if self._dispatch.complete(frame.serial):
            self.completed.append(frame)

    def _close(self, serial: int, ending: str) -> InFlight:
        self._dispatch.close(serial)
        self.endings[ending] += 1
        frame = self._in_flight.pop(serial)
        if frame in self.completed:
            self.completed.remove(frame)
        return frame
