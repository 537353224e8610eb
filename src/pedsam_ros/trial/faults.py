"""What can go wrong with workers and cameras. Each fault is done to real processes of a fleet."""

from __future__ import annotations

from random import Random

from pedsam_ros.core.health import WorkerState
from pedsam_ros.trial.fleet import Fleet
from pedsam_ros.trial.lies import FOUND_AT_ONCE


def kill(fleet: Fleet, name: str, rng: Random) -> None:
    """The worker is killed, and started again some frames later."""
    fleet.kill(name)
    fleet.some_frames(rng.randrange(30))
    fleet.start(name)
    fleet.recover(name)


def stop(fleet: Fleet, name: str, rng: Random) -> None:
    """The worker is stopped with SIGSTOP for some frames."""
    fleet.stop(name)
    fleet.some_frames(rng.randrange(2, 15))
    fleet.go_on(name)


def slow(fleet: Fleet, name: str, _: Random) -> None:
    """The worker has a tenth of its speed for fifteen frames."""
    for _frame in range(15):
        fleet.stop(name)
        fleet.client.spin_for(0.18)
        fleet.go_on(name)
        fleet.client.spin_for(0.02)
        fleet.camera.show()


def wrong_weights(fleet: Fleet, name: str, rng: Random) -> None:
    """The worker is started again with another model, then with its own."""
    fleet.kill(name)
    fleet.start(name, other_weights=True)
    fleet.expect(name, WorkerState.WRONG_MODEL)
    fleet.some_frames(rng.randrange(5, 20))
    fleet.kill(name)
    fleet.start(name)
    fleet.recover(name)


def lies(fleet: Fleet, name: str, rng: Random) -> None:
    """A hostile worker takes its place; then an honest one, which is released from quarantine."""
    fleet.kill(name)
    fleet.start_hostile(name, rng.choice(FOUND_AT_ONCE))
    fleet.expect(name, WorkerState.QUARANTINED)
    fleet.kill(name)
    fleet.start(name)
    fleet.recover(name, release=True)


def camera_pause(fleet: Fleet, _: str, __: Random) -> None:
    """The camera gives no image for a second."""
    fleet.client.spin_for(1.0)


def camera_burst(fleet: Fleet, _: str, __: Random) -> None:
    """The camera gives sixty images within a second."""
    for _frame in range(60):
        fleet.camera.show()
        fleet.client.spin_for(1 / 60)


def clock_jump(fleet: Fleet, _: str, rng: Random) -> None:
    """The camera's clock jumps back or ahead, as that of a bag which starts again.

    Each jump adds one nanosecond, so that no stamp comes twice.
    """
    fleet.camera.stamp_ns += rng.choice([-1, 1]) * rng.randrange(10**14) * 10 + 1


FAULTS = (kill, stop, slow, wrong_weights, lies, camera_pause, camera_burst, clock_jump)
