"""How masks are made: of complete frames, and of the frame encoded last for new prompts.

Automatic masks, many prompts or a large image take long. So masks are made in batches, and the
computing thread takes replies, ends late frames and does its jobs between two of them. It asks for
one batch of each of these at a time:

    a frame       `finish`. It is answered by the prompts that held when it was begun. It stays in
                  flight until its masks are published; if it ends before, they are dropped.
    new prompts   `renew`. Those of topics and parameters hold for every frame that is begun later.
                  The frame encoded last is answered as well, unless a complete frame waits: that
                  one comes first, and answers them. Newer prompts take the place of those that
                  have no answer yet.
    a request     `answer`. Requests of the service are answered in their order, each on the frame
                  that was encoded last when its turn came. Those for automatic masks, which are
                  the most expensive, wait apart: the two kinds take turns, batch by batch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from pedsam_ros.core.edge import Edge
from pedsam_ros.core.edge_compute import Late, Making
from pedsam_ros.core.errors import BadPrompt
from pedsam_ros.core.in_flight import InFlight
from pedsam_ros.core.metrics import Metrics
from pedsam_ros.core.prompts import MOST_PROMPTS, sift
from pedsam_ros.core.types import Answer, Masks, Prompt, Refusal
from pedsam_ros.nodes.losses import Losses

Tell: TypeAlias = Callable[[Answer | BadPrompt], None]

_MOST_WAITING = 2 * MOST_PROMPTS  # prompts of requests that wait; each request counts as one more
_MOST_AUTOMATIC = 2  # requests for automatic masks that wait or are being answered
_OLDEST_S = 10.0  # a request that was not begun by then is refused: who asked may be gone


@dataclass(slots=True, eq=False)
class _Request:
    prompts: tuple[Prompt, ...]
    tell: Tell
    asked_s: float
    making: Making[Answer] | None = None  # set when its turn has come
    sources: frozenset[str] = frozenset()  # workers whose answers are in its frame


class Answers:
    """Runs the edge's own half of the model and publishes. Runs on the computing thread. `clock`
    returns monotonic seconds."""

    def __init__(
        self,
        edge: Edge,
        publish: Callable[[Masks], None],
        metrics: Metrics,
        losses: Losses,
        clock: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._edge, self._publish, self._metrics, self._losses = edge, publish, metrics, losses
        self._prompts: tuple[Prompt, ...] = edge.config.prompts
        self._refused: tuple[Refusal, ...] = ()  # those of the last frame; they have been told
        self._renewal: Iterator[None] | None = None
        self._prompted: deque[_Request] = deque()
        self._automatic: deque[_Request] = deque()
        self._turns = [self._automatic, self._prompted]  # the kind that had its turn comes first

    @property
    def waiting(self) -> bool:
        """Whether `renew` or `answer` has something to do."""
        return self._renewal is not None or any(self._turns)

    def finish(self, frame: InFlight) -> bool:
        """Goes on by one batch with a complete frame. Returns whether its masks are published.

        Raises BadReply if an audit, or the result, shows that a worker lied.
        """
        if frame.finishing is None:
            frame.finishing = self._finishing(frame)
            self._renewal = None
        return _ended(frame.finishing)

    def set_prompts(self, prompts: tuple[Prompt, ...], fixed: bool = False) -> None:
        """Uses prompts from now on. Those that fit no frame, or not the one encoded last, are
        counted. If all are such, the prompts before them stay, unless these are `fixed`: the
        parameters show them."""
        last = self._edge.last
        good, refused = sift(prompts, None if last is None else last.canvas.frame)
        self._note_refused(refused)
        if fixed or good or not prompts:
            self._prompts, self._renewal = prompts, self._renewing()

    def renew(self) -> None:
        """Goes on by one batch with new prompts on the frame encoded last."""
        if self._renewal is not None and _ended(self._renewal):
            self._renewal = None

    def ask(self, prompts: tuple[Prompt, ...], tell: Tell) -> None:
        """Takes a request. `tell` gets the answer, or why there is none."""
        queue = self._prompted if prompts else self._automatic
        if refusal := self._full(prompts):
            tell(BadPrompt(f'{len(queue)} requests wait already{refusal}'))
        else:
            queue.append(_Request(prompts, tell, self._clock()))

    def answer(self) -> None:
        """Goes on by one batch with the oldest request of the kind whose turn it is."""
        self._turns.reverse()
        queue = self._turns[0] or self._turns[1]
        if not queue:
            return
        request = queue[0]
        outcome: Answer | BadPrompt | None = BadPrompt('no answer: the log says why')
        try:
            outcome = self._batch_of(request)
        finally:
            if outcome is not None:
                queue.popleft()
                request.tell(outcome)

    def distrust(self, worker: str) -> None:
        """Drops masks of frames that hold answers of a worker, as Edge drops the frames. A request
        is begun anew on the frame that is the last one then."""
        if self._edge.last is None:
            self._renewal = None
        for request in (*self._prompted, *self._automatic):
            if worker in request.sources:
                request.making, request.sources = None, frozenset()

    def close(self) -> None:
        """Refuses the requests that wait."""
        self._renewal = None
        for queue in self._turns:
            while queue:
                queue.popleft().tell(BadPrompt('the node is not active any more'))

    def _full(self, prompts: tuple[Prompt, ...]) -> str:
        """Why there is no room for a request; empty if there is."""
        if not prompts:
            return ' for automatic masks' if len(self._automatic) >= _MOST_AUTOMATIC else ''
        waiting = sum(1 + len(request.prompts) for request in self._prompted)
        return ', with too many prompts' if waiting + 1 + len(prompts) > _MOST_WAITING else ''

    def _finishing(self, frame: InFlight) -> Iterator[None]:
        """Makes and publishes the masks of a frame; records how long each stage took."""
        timed, record = self._metrics.timed, self._metrics.record
        record('worker_s', frame.worker_s)
        if frame.back_s:  # something came back
            record('return_s', frame.back_s - frame.sent_s - frame.worker_s)
        record('bytes_down', frame.bytes_down)
        with timed('audit_s'):
            self._edge.audit(frame)
        with timed('merge_global_s'):
            encoded = self._edge.encode(frame)
        making = self._edge.decoding(encoded, self._prompts, self._late())
        answer = yield from self._metrics.timed_in('decode_s', making)
        self._note(answer)
        with timed('publish_s'):
            self._publish(answer.masks)

    def _renewing(self) -> Iterator[None]:
        """Answers the prompts on the frame encoded last, if there is one."""
        if self._edge.last is not None:
            answer = yield from self._edge.decoding(self._edge.last, self._prompts, self._late())
            self._note(answer)
            self._publish(answer.masks)

    def _batch_of(self, request: _Request) -> Answer | BadPrompt | None:
        """The answer to a request; None if it is not complete yet."""
        last = self._edge.last
        if request.making is None:
            if self._clock() - request.asked_s > _OLDEST_S:
                return BadPrompt(f'others took the {_OLDEST_S:.0f} s that it may wait')
            if last is None:
                return BadPrompt('no frame has been encoded yet')
            request.making = self._edge.decoding(last, request.prompts, self._late())
            request.sources = last.sources
        try:
            next(request.making)
        except StopIteration as end:
            answer: Answer = end.value
            self._losses.cut(answer.masks.search)
            return answer
        return None

    def _late(self) -> Late:
        """Whether the time for automatic masks has passed; it begins now."""
        until_s = self._clock() + self._edge.config.automatic.within_s
        return lambda: self._clock() >= until_s

    def _note(self, answer: Answer) -> None:
        """Counts what an answer lacks."""
        self._note_refused(answer.refused)
        self._losses.cut(answer.masks.search)

    def _note_refused(self, refused: tuple[Refusal, ...]) -> None:
        """Counts refused prompts, once until others are refused."""
        if refused != self._refused:
            for each in refused:
                self._losses.reject('prompts', f'prompt={each.prompt}: {each.reason}')
        self._refused = refused


def _ended(making: Iterator[None]) -> bool:
    """Goes on by one batch. Returns whether that was the last."""
    try:
        next(making)
    except StopIteration:
        return True
    return False
