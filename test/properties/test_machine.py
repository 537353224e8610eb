"""The promises of the edge hold whatever faults happen, and in whatever order."""

from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import fakes
from fakes import ALL, TINY
from pedsam_ros.core import codec
from pedsam_ros.core.config import LossConfig
from pedsam_ros.core.errors import BadBatch, BadReply, ExposureError, Unavailable
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.outbound import neutral
from pedsam_ros.core.placement import LOCAL, share
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.types import Embedding
from pedsam_ros.core.windows import Canvas, token_grid

SPARES = ('dave', 'erin')
EVERYBODY = sorted(ALL | set(SPARES))
SIZES = [(96, 128), (128, 96), (90, 160)]
RULES = st.permutations(['spare', 'stale', 'local', 'fail']).flatmap(
    lambda order: st.integers(0, 4).map(lambda count: tuple(order[:count]))
)


class Faults(RuleBasedStateMachine):
    """Mixes frames, replies, losses and restarts at random.

    The first two values of every token name the stamp of its frame and the index of its window.
    """

    @initialize(rules=RULES)
    def begin(self, rules):
        self.rules = LossConfig(on_server_loss=rules, stale_s=5.0)
        self.now, self.arrived, self.ended_before = 0.0, 0, 0
        self.usable, self.under_way, self.answered = set(EVERYBODY), [], []
        self.seen = {name: set() for name in EVERYBODY}
        self.stand_ins = {spare: set() for spare in SPARES}
        self.frame_of, self.liars = {}, set()
        self.regions, self.key = [], ''
        self.edge = self.new_edge(None)

    def new_edge(self, ledger):
        placement = PlacementConfig(session_key=self.key)
        settings = {'loss': self.rules, 'regions': True, 'placement': placement}
        return fakes.edge(SPARES, ledger, deadline_s=3.0, **settings)

    def note(self, assignments):
        """Notes which windows left the edge for which worker, as an eavesdropper would."""
        for assignment in assignments:
            index, worker = assignment.window.index, assignment.worker
            if worker != LOCAL:
                assert index not in self.protected(assignment)
                self.seen[worker].add(index)
            if worker in SPARES:
                self.stand_ins[worker].add(self.edge.ledger.homes[index])
            self.under_way.append(assignment)

    def protected(self, assignment):
        """Returns the windows of the frame of `assignment` that regions keep on the edge."""
        asked = self.edge._dispatch._requests[assignment.window.request_id]
        frame = self.edge._in_flight[asked.serial]
        held = [r for r, until_s in self.regions if until_s > frame.arrived_s]
        return {index for region in held for index in frame.canvas.windows_of(region)}

    @rule(size=st.sampled_from(SIZES), disk_full=st.sampled_from([False] * 5 + [True]))
    def frame(self, size, disk_full):
        self.arrived += 1
        self.edge.arrive()
        if self.edge.in_flight >= 3:
            return self.edge.end('superseded')
        try:
            started, sent = self.edge.start(
                fakes.frame(*size, stamp_ns=self.arrived), self.now, self.usable
            )
        except (Unavailable, ExposureError):
            return self.edge.end('failed')
        if disk_full:  # the ledger could not be written, so nothing was sent
            return self.edge.finish(started, 'failed')
        sent = [assignment for assignment in sent if not neutral(assignment.window.pixels)]
        for assignment in sent:
            self.frame_of[assignment.window.request_id] = started.key.stamp_ns
        return self.note(sent)

    @rule(x=st.integers(0, 120), y=st.integers(0, 90))
    def region(self, x, y):
        """A region at x, y, 10 px high and wide, stays on the edge for the next two seconds."""
        region = x, y, x + 10.0, y + 10.0
        self.regions.append((region, self.now + 2.0))
        self.edge.router.protect(*self.regions[-1])

    @rule(worker=st.sampled_from(EVERYBODY))
    def lose_or_regain(self, worker):
        self.usable ^= {worker} - self.liars

    @rule()
    def reroute(self):
        before = {id(f): f for f in self.edge._in_flight.values()}
        moved = self.edge.reroute(self.usable, self.now)
        self.trace(moved, before)

    @rule(worker=st.sampled_from(EVERYBODY))
    def ask_again(self, worker):
        before = {id(f): f for f in self.edge._in_flight.values()}
        self.trace(self.edge.again(worker, self.now, self.now), before)

    def trace(self, assignments, frames):
        for assignment in assignments:
            asked = self.edge._dispatch._requests[assignment.window.request_id]
            stamp = self.edge._in_flight[asked.serial].key.stamp_ns
            self.frame_of[assignment.window.request_id] = stamp
        self.note(assignments)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), keep=st.booleans())
    def answer(self, data, keep):
        """A worker answers any earlier request, perhaps twice and perhaps too late."""
        place = data.draw(st.integers(0, len(self.under_way) - 1))
        assignment = self.under_way[place] if keep else self.under_way.pop(place)
        self.honest(assignment)

    @rule()
    def answer_everything(self):
        waiting, self.under_way = self.under_way, []
        for assignment in waiting:
            self.honest(assignment)

    def honest(self, assignment):
        """The edge takes an honest answer, unless nobody waits for it any more."""
        if assignment.worker in self.liars:
            return
        try:
            self.edge.accept(assignment.worker, self.reply(assignment), self.now)
        except BadBatch as error:
            if 'not open' not in str(error):
                raise

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), how=st.sampled_from(['worker', 'nan', 'window']))
    def lie(self, data, how):
        """A wrong answer is refused, and changes only the trust in its sender."""
        assignment = data.draw(st.sampled_from(self.under_way))
        worker, reply = assignment.worker, self.reply(assignment)
        if how == 'worker':
            worker = next(name for name in EVERYBODY if name != worker)
        elif how == 'nan':
            reply = replace(reply, values=b'\xff' * len(reply.values))
        else:
            reply = replace(reply, index=(reply.index + 1) % 25)
        try:
            self.edge.accept(worker, reply, self.now)
        except BadReply as error:
            if error.worker != LOCAL and data.draw(st.booleans()):
                self.liars.add(error.worker)
                self.usable -= self.liars
                self.edge.distrust(error.worker)
        except BadBatch:
            pass
        else:
            raise AssertionError('a lie was taken')

    @rule(seconds=st.sampled_from([0.1, 1.0, 4.0]))
    def wait(self, seconds):
        self.now += seconds
        self.edge.expire(self.now)

    @precondition(lambda self: self.edge.completed)
    @rule()
    def finish(self):
        """Every window of a complete frame has tokens of that frame, or is listed as stale."""
        frame = self.edge.completed.popleft()
        assert not self.liars & set(frame.sources.values())
        assert set(frame.tokens) == set(frame.canvas.windows())
        for index, tokens in frame.tokens.items():
            own = tokens[0, 0, 0] == frame.key.stamp_ns and tokens[0, 0, 1] == index
            assert own or (index in frame.stale and tokens[0, 0, 1] == index)
        self.edge.finish(frame, 'done')

    @rule(kept=st.booleans(), key=st.sampled_from(['', '', 'other']))
    def restart(self, kept, key):
        """The edge is deactivated and keeps its ledger (`kept`), or it is killed.

        After a kill it knows only what it had written down, and its placement may differ.
        """
        self.ended_before += self.edge.frames_in
        written = self.edge.ledger.to_json()
        self.edge.abandon()
        assert sum(self.edge.endings.values()) == self.edge.frames_in
        self.regions.clear()
        if kept:
            self.edge = self.new_edge(self.edge.ledger)
        else:
            self.key = key
            fresh = self.new_edge(None)
            homes, grid = fresh.ledger.homes, fresh.ledger.grid
            self.edge = self.new_edge(Ledger.from_json(written, homes, grid=grid))

    def reply(self, assignment):
        window = assignment.window
        shape = (*token_grid(TINY).shape(window.index), TINY.dim)
        tokens = np.zeros(shape, np.float32)
        tokens[..., 0], tokens[..., 1] = self.frame_of[window.request_id], window.index
        values = codec.encode(tokens, window.reply_dtype)
        args = (window.request_id, window.model_id, window.index, shape, window.reply_dtype)
        return Embedding(*args, values)

    @invariant()
    def every_frame_ends_once(self):
        if hasattr(self, 'edge'):
            ended = sum(self.edge.endings.values())
            assert ended + self.edge.in_flight == self.edge.frames_in
            assert self.ended_before + self.edge.frames_in == self.arrived

    @invariant()
    def no_worker_ever_sees_more_than_its_share(self):
        if hasattr(self, 'edge'):
            regular = [windows for name, windows in self.seen.items() if name not in SPARES]
            assert sum(map(len, regular)) == len(set().union(*regular))
            assert all(len(homes) <= 1 for homes in self.stand_ins.values())
            square = Canvas.fit(TINY, 100, 100)
            assert max(share(windows, square) for windows in self.seen.values()) < 0.36

    @invariant()
    def memory_is_bounded(self):
        if hasattr(self, 'edge'):
            dispatch = self.edge._dispatch
            assert len(dispatch) == self.edge.in_flight <= 3
            assert {asked.serial for asked in dispatch._requests.values()} <= set(dispatch._frames)


TestFaults = Faults.TestCase
TestFaults.settings = settings(
    max_examples=100,
    stateful_step_count=50,
    derandomize=True,
    deadline=None,  # how fast the machine is does not matter
    suppress_health_check=[HealthCheck.too_slow],
)
