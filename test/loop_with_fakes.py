"""The edge's loop with links that are function calls."""

import fakes
from pedsam_ros.core.types import WorkerStatus
from pedsam_ros.nodes.edge_loop import EdgeLoop
from pedsam_ros.trial.processes import NAMES


class Link:
    """Keeps what is sent."""

    def __init__(self):
        self.sent, self.ever = [], []

    def read_by(self, reader):
        return True

    def send(self, window):
        self.sent.append(window)
        self.ever.append(window)


def make_loop(spares=(), **config):
    """A loop whose workers are all ready, spares too; `masks` and `alarms` are what it gave."""
    names, masks, alarms = (*NAMES, *spares), [], []
    links = {name: Link() for name in names}
    edge = fakes.edge(spares, **config)
    made = EdgeLoop(edge, names, links, masks.append, print, alarms.append, lambda: None)
    made.masks, made.alarms = masks, alarms
    status = WorkerStatus(edge.model.model_id, 'tiny', 1, 0, 0, 0, 0.0, 'r', '')
    for name in names:
        made.inbox.on_status(name, status)
    made.step()
    return made


def arrive(loop, **frame):
    """A camera image comes."""
    loop.arrive(loop.inbox.frames.offer(fakes.frame(**frame)))


def answer(loop, spoil=lambda reply: reply, who=None):
    """Workers, or one of them, answer all they were sent; `spoil` may change each answer."""
    for name, link in loop.links.items():
        if who not in (None, name):
            continue
        windows, link.sent = link.sent, []
        for reply in fakes.worker().encode(windows) if windows else ():
            loop.inbox.on_embedding(name, spoil(reply))


def lose(loop, name):
    """A worker is silent from now on."""
    loop.health.heard(name, loop.health.status(name), -1e9)


def regain(loop, name):
    """A worker is heard again."""
    loop.inbox.on_status(name, loop.health.status(name))
