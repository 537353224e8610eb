"""The edge's loop with links that are function calls and a clock that only the test moves."""

from dataclasses import replace

import fakes
from pedsam_ros.core.edge import ENDINGS
from pedsam_ros.core.outbound import neutral
from pedsam_ros.core.types import WorkerStatus
from pedsam_ros.nodes.edge_loop import EdgeLoop
from pedsam_ros.nodes.frame_log import FrameLog
from pedsam_ros.nodes.losses import Losses
from pedsam_ros.trial.processes import NAMES


class Clock:
    """Seconds; they pass when a test says so."""

    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


class Link:
    """Keeps what is sent: `sent` until it is answered, `ever` for ever; neutral windows apart."""

    def __init__(self):
        self.sent, self.ever, self.neutral = [], [], []
        self.session, self.read = True, False

    foreign = 0

    def connected(self):
        return self.session

    def reached(self):
        return self.read

    def send(self, window):
        if neutral(window.pixels):
            self.neutral.append(window)
        else:
            self.sent.append(window)
            self.ever.append(window)
        return window.pixels.nbytes


class PlayedLoop:
    """A loop whose workers are ready, spares too, except those in `unheard`.

    `masks`, `alarms` and, with `debug`, `lines` of the log are what it gave. `lying` are images in
    DDS that nobody has taken. With `disk_full` its ledger cannot be written.
    """

    def __init__(self, spares=(), ledger=None, unheard=(), **config):
        self.clock, self.disk_full = Clock(), False
        self.edge = fakes.edge(spares, ledger, **config)
        self.links = {name: Link() for name in (*NAMES, *spares)}
        self.debug, self.lines, self.lying = False, [], []
        self.while_publishing = lambda: None
        self.masks, self.alarms = [], []
        self.losses = Losses(print, self.alarms.append)
        self.loop = EdgeLoop(
            self.edge,
            list(self.links),
            self.links,
            self.publish,
            self.keep,
            self.losses,
            self.clock,
            self.clock,
            FrameLog(self.lines.append, lambda: self.debug),
            self.fetch,
        )
        self.unheard = set(unheard)
        self.wait(0.0)

    def fetch(self):
        """Leaves an image in the inbox, if one lies in DDS."""
        if self.lying:
            self.loop.offer(self.lying.pop())

    def publish(self, masks):
        """Takes the masks of a frame."""
        self.masks.append(masks)
        self.while_publishing()

    def keep(self):
        """Writes the ledger."""
        if self.disk_full:
            raise OSError(28, 'No space left on device')

    def step(self, times=1):
        """Lets the loop do what there is to do."""
        for _ in range(times):
            self.loop.step()

    def step_until_masks(self, count=1):
        """Steps until so many frames have their masks; all workers answer."""
        while len(self.masks) < count:
            self.step()
            self.answer()

    def arrive(self, **shown):
        """A camera image comes."""
        self.loop.offer(fakes.Shown(**shown))

    def answer(self, spoil=lambda reply: reply, who=None):
        """Workers, or one of them, answer all they were sent; `spoil` may change each answer."""
        for name, link in self.links.items():
            if who not in (None, name):
                continue
            windows, link.sent = link.sent, []
            for reply in fakes.worker().encode(windows) if windows else ():
                self.loop.on_embedding(name, spoil(reply))

    def play(self, spoil=lambda reply: reply, **frame):
        """A camera image comes, all workers answer, and the loop does all there is to do."""
        self.arrive(**frame)
        self.step()
        self.answer(spoil)
        self.step(5)

    def unanswered(self):
        """Worker -> number of windows sent to it and not answered."""
        return {name: len(link.sent) for name, link in self.links.items()}

    def all_are_in_the_report_once(self):
        """Whether the report counts every frame that came as ended, in flight or waiting."""
        figures = self.figures()
        places = (*ENDINGS, 'in_flight', 'waiting')
        return figures['frames_in'] == sum(figures[place] for place in places)

    def beat(self, name, **changes):
        """A worker sends a heartbeat; `changes` are fields of its status."""
        status = WorkerStatus(self.edge.model.model_id, 'tiny', 0, 0, 0, 0, 0.0, '', 'p')
        self.loop.on_status(name, replace(status, **changes))

    def wait(self, seconds):
        """Time passes, in which all workers that are heard send heartbeats."""
        self.pass_time(seconds)
        self.step()

    def pass_time(self, seconds):
        """Time passes while the loop is busy; workers send heartbeats."""
        self.clock.now_s += seconds
        for name in self.links.keys() - self.unheard:
            self.beat(name)

    def lose(self, *names):
        """Workers fall silent; returns when the edge has noticed."""
        self.unheard |= set(names)
        self.wait(self.edge.config.loss.worker_timeout_s + 0.1)

    def regain(self, name):
        """A worker is heard again, or for the first time."""
        self.unheard.discard(name)
        self.beat(name)

    def figures(self, component='frames'):
        """What /diagnostics shows of a component."""
        return self._part(component).values

    def message(self, component='frames'):
        """What /diagnostics says about a component, in words."""
        return self._part(component).message

    def state(self, worker):
        """The state of a worker, as /diagnostics shows it."""
        return self.figures(worker)['state']

    def _part(self, component):
        parts = {part.component: part for part in self.loop.report()}
        return parts[component]
