"""What can go wrong with workers and cameras, done to real processes: each takes the soak and the
worker it happens to."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from pedsam_ros.trial.hostile import LIES
from pedsam_ros.trial.processes import NodeProcess

if TYPE_CHECKING:
    from pedsam_ros.trial.soak import Soak

WEIGHTS, _OTHERS = 'random:vit_tiny:0', 'random:vit_tiny:1'


def kill(soak: Soak, name: str) -> None:
    """kill -9, some frames without it, and back."""
    soak.end(name)
    soak.some_frames(soak.rng.randrange(30))
    soak.start(name)
    soak.recover(name)


def stop(soak: Soak, name: str) -> None:
    """SIGSTOP for a while."""
    soak.processes[name].signal(signal.SIGSTOP)
    soak.some_frames(soak.rng.randrange(2, 15))
    soak.processes[name].signal(signal.SIGCONT)


def slow(soak: Soak, name: str) -> None:
    """A tenth of its speed for some frames."""
    for _ in range(15):
        soak.processes[name].signal(signal.SIGSTOP)
        soak.client.spin(0.18)
        soak.processes[name].signal(signal.SIGCONT)
        soak.client.spin(0.02)
        soak.show()


def wrong_weights(soak: Soak, name: str) -> None:
    """Restarted with another model, then with its own again."""
    soak.end(name)
    soak.start(name, checkpoint=_OTHERS)
    soak.expect(name, 'model_id=')
    soak.some_frames(soak.rng.randrange(5, 20))
    soak.end(name)
    soak.start(name)
    soak.recover(name)


def lies(soak: Soak, name: str) -> None:
    """A hostile worker in its place; then an honest one, released from quarantine."""
    soak.end(name)
    settings = {'name': name, 'checkpoint': WEIGHTS, 'lie': soak.rng.choice(LIES)}
    domain_id = soak.workers[name].domain_id
    soak.processes[name] = NodeProcess('trial.hostile', name, domain_id, soak.folder, settings)
    soak.expect(name, 'quarantined: ')
    soak.end(name)
    soak.start(name)
    soak.recover(name, release=True)


def camera_pause(soak: Soak, _: str) -> None:
    """No image for a second."""
    soak.client.spin(1.0)


def camera_burst(soak: Soak, _: str) -> None:
    """Sixty images a second for a second."""
    for _frame in range(60):
        soak.show()
        soak.client.spin(1 / 60)


def clock_jump(soak: Soak, _: str) -> None:
    """The camera's clock, back or ahead: a bag that starts again."""
    soak.stamp_ns += soak.rng.choice([-1, 1]) * soak.rng.randrange(10**14) * 10 + 1


FAULTS = (kill, stop, slow, wrong_weights, lies, camera_pause, camera_burst, clock_jump)
