"""How frames leave for the workers. Frames that wait are started; windows that were lost are sent
again, or elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pedsam_ros.core.edge import Edge
from pedsam_ros.core.errors import BadImage, ExposureError, Unavailable
from pedsam_ros.core.health import explain
from pedsam_ros.core.laid import Laid
from pedsam_ros.core.metrics import Metrics
from pedsam_ros.core.planes import Matrix
from pedsam_ros.core.readiness import may_wait
from pedsam_ros.core.types import Frame, FrameKey
from pedsam_ros.nodes.frame_log import FrameLog
from pedsam_ros.nodes.inbox import Inbox
from pedsam_ros.nodes.losses import Losses
from pedsam_ros.nodes.sender import Sender
from pedsam_ros.nodes.workers import Workers


class Departures:
    """Takes camera images from the inbox, reads them and sends their windows. Runs on the
    computing thread.

    Before a frame is planned, the regions that came before it are taken. `fetch` may leave another
    image in the inbox, if there is one. `turn` tells how the camera turned since the frame before,
    if that is known. `clock` returns monotonic seconds, `unix_clock` Unix time,
    which the ledger notes.
    """

    def __init__(
        self,
        edge: Edge,
        inbox: Inbox,
        workers: Workers,
        sender: Sender,
        losses: Losses,
        metrics: Metrics,
        log: FrameLog,
        fetch: Callable[[], object],
        turn: Callable[[Frame], Matrix | None],
        clock: Callable[[], float],
        unix_clock: Callable[[], float],
    ) -> None:
        self._fetch, self._turn = fetch, turn
        self._edge, self._inbox, self._workers = edge, inbox, workers
        self._sender, self._losses, self._metrics, self._log = sender, losses, metrics, log
        self._clock, self._unix_clock = clock, unix_clock
        # With every_frame: a frame that waits for a worker it needs, and how it lies.
        self._held: tuple[Frame, Laid] | None = None

    @property
    def waiting(self) -> int:
        """The number of frames that have not been started."""
        return self._inbox.waiting + (self._held is not None)

    @property
    def hungry(self) -> bool:
        """Whether a frame that comes now would be started at once."""
        return not self.waiting and self._edge.in_flight < self._edge.config.max_in_flight

    @property
    def ready(self) -> bool:
        """Whether there is a frame that can be started at once, as far as is known."""
        enough = self._edge.in_flight >= self._edge.config.max_in_flight
        return bool(self._inbox.waiting) and self._held is None and not enough

    def count_arrivals(self) -> int:
        """Counts the images that came, and ends those that newer ones displaced. Returns how many
        frames had not been started at that moment."""
        arrived, displaced, waiting = self._inbox.arrivals()
        self._edge.arrive(arrived)
        self._edge.end('superseded', displaced)
        return waiting + (self._held is not None)

    def take_regions(self) -> None:
        """Tells Edge which regions must stay here."""
        for region, until_s in self._inbox.regions():
            self._edge.router.protect(region, until_s)

    def send_again(self) -> None:
        """Sends the windows of lost workers elsewhere, where the rules allow it, and those that
        idle workers have lost to them once more."""
        if not self._edge.in_flight:
            return
        self.take_regions()
        now, unix, usable = self._clock(), self._unix_clock(), self._usable()
        moved = self._edge.reroute(usable, now, unix)
        for worker in usable:
            moved += self._edge.again(worker, self._workers.lost_before_s(worker), now, unix)
        try:
            self._sender.send(moved)
        except OSError as error:  # the frames end late
            self._losses.lose(f'exposure ledger not written, nothing sent: {error}')

    def start_frames(self) -> None:
        """Starts frames, oldest first, until enough are in flight, one has to wait, or an image
        could not be read."""
        while self._edge.in_flight < self._edge.config.max_in_flight:
            held, self._held = self._held, None
            frame, laid = held or (self._next(), None)
            if frame is None:
                return
            self.take_regions()
            self._start(frame, laid)
            if self._held is not None:
                return

    def close(self) -> None:
        """Ends as failed the frames that wait, also those that come while it counts."""
        waiting = int(self._held is not None)
        self._held = None
        self.count_arrivals()
        while self._inbox.waiting:
            while self._inbox.frame() is not None:
                waiting += 1
            self.count_arrivals()
        self._edge.end('failed', waiting)

    def _usable(self) -> set[str]:
        return self._workers.usable(self._edge.router.free_spares())

    def _next(self) -> Frame | None:
        """Takes and reads the oldest image. None if there is none, or if it has ended as failed:
        it cannot be read, or no worker could be sent any part of it."""
        if not self._inbox.waiting:
            self._fetch()
        waiting = self._inbox.frame()
        self.count_arrivals()
        if waiting is None:
            return None
        self.take_regions()
        missing = self._edge.router.missing(self._usable(), waiting.arrived_s)
        if missing and not may_wait((), self._edge.config):  # not worth reading
            reason = explain(self._workers.conditions(missing))
            self._lose(waiting.image.key, waiting.arrived_s, reason)
            return None
        try:
            with self._metrics.timed('read_s'):
                return replace(waiting.image.read(), arrived_s=waiting.arrived_s)
        except BadImage as error:
            self._lose(waiting.image.key, waiting.arrived_s, str(error))
            return None
        except Exception:
            self._edge.end('failed')
            raise

    def _lay(self, frame: Frame) -> Laid:
        with self._metrics.timed('register_s'):
            return self._edge.lay(frame, self._clock(), self._turn(frame))

    def _start(self, frame: Frame, laid: Laid | None) -> None:
        try:
            laid = laid or self._lay(frame)
            now, unix, usable = self._clock(), self._unix_clock(), self._usable()
            with self._metrics.timed('partition_s'):
                started, assignments = self._edge.start(frame, now, usable, unix, laid)
        except Unavailable as error:
            assert laid is not None  # or nothing was missing
            return self._hold_or_lose(frame, laid, error.workers)
        except ExposureError as error:
            return self._lose(frame.key, frame.arrived_s, str(error))
        except Exception:
            self._edge.end('failed')
            raise
        try:
            with self._metrics.timed('send_s'):
                self._sender.send(assignments)
        except OSError as error:
            self._edge.finish(started, 'failed')
            return self._losses.lose(f'exposure ledger not written, nothing sent: {error}')
        started.sent_s = self._clock()
        waited_s = now - started.arrived_s
        self._log('started', frame.key, windows=len(assignments), waited_s=waited_s)
        return None

    def _hold_or_lose(self, frame: Frame, laid: Laid, missing: list[str]) -> None:
        conditions = self._workers.conditions(missing)
        if may_wait(conditions.values(), self._edge.config):
            self._held = frame, laid
            self._losses.wait(explain(conditions))
        else:
            self._lose(frame.key, frame.arrived_s, explain(conditions))

    def _lose(self, key: FrameKey, arrived_s: float, reason: str) -> None:
        self._edge.end('failed')
        self._losses.lose(f'stamp_ns={key.stamp_ns} failed: {reason}')
        self._log('ended', key, ending='failed', total_s=self._clock() - arrived_s)
