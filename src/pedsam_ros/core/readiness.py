"""Which workers get windows now, and which frames may wait for theirs. Pure: the conditions of
the workers and the time are arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.health import Condition, WorkerState

START_S = 20.0  # how long workers may take to start before a free spare is used up
_STARTING = frozenset({WorkerState.NOT_HEARD_OF, WorkerState.NOT_CONNECTED})


def usable(
    conditions: Mapping[str, Condition], free_spares: Set[str], active_s: float
) -> set[str]:
    """Names the workers that may be sent windows, `active_s` seconds after activation.

    A spare that stands in for a worker keeps that role, so using one up cannot be undone.
    Therefore `free_spares`, those without a role yet, are left out while workers may still be
    starting.
    """
    found = {name for name, condition in conditions.items() if condition.usable}
    return found if free_spares_allowed(conditions.values(), active_s) else found - free_spares


def free_spares_allowed(conditions: Iterable[Condition], active_s: float) -> bool:
    """Whether a spare may take the place of a worker for the first time: once every worker has
    started, or has had `START_S` seconds to do so."""
    starting = any(condition.state in _STARTING for condition in conditions)
    return active_s >= START_S or not starting


def may_wait(missing: Iterable[Condition], config: EdgeConfig) -> bool:
    """Whether a frame waits for the workers it misses instead of failing.

    It does with `every_frame`, unless `fail` is one of the rules, or a missing worker is in
    quarantine, which only a person can end.
    """
    human_needed = any(one.state is WorkerState.QUARANTINED for one in missing)
    return config.every_frame and 'fail' not in config.loss.on_server_loss and not human_needed
