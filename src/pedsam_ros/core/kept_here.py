"""How much of the frames is computed on the edge, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Mapping
from enum import Enum

from pedsam_ros.core.laid import Laid
from pedsam_ros.core.placement import LOCAL, share


class Why(Enum):
    """Why a window does not leave."""

    REGION = 'region'  # it holds a part of a region that must not leave
    CAP = 'cap'  # its worker would have seen too much of the view
    SCENE_LOST = 'scene_lost'  # it is not known what the frame shows
    WORKER_LOST = 'worker_lost'
    RULE = 'rule'  # it never leaves


class KeptHere:
    """Adds up frames as they are planned."""

    def __init__(self) -> None:
        self._frames = 0
        self._shares = dict.fromkeys(Why, 0.0)
        self.held: Counter[str] = Counter()  # windows kept from a worker because of the cap

    def add(
        self,
        laid: Laid,
        plan: Mapping[int, str],
        private: Container[int],
        held: Collection[int],
        frames: int = 1,
    ) -> None:
        """Counts what of a plan stays here; `private` are the windows of regions, `held` those
        beyond the cap. `frames` is 0 if a part of the frame was counted before."""
        self._frames += frames
        if not laid.lost:
            self.held.update(laid.homes[index] for index in held)
        for index, where in plan.items():
            if where == LOCAL:
                why = _why(laid, index, index in private, index in held)
                self._shares[why] += share([index], laid.canvas)

    def shares(self) -> dict[Why, float]:
        """Reason -> share of the area of all frames that was computed here, 0..1."""
        frames = max(1, self._frames)
        return {why: self._shares[why] / frames for why in Why}


def _why(laid: Laid, index: int, private: bool, held: bool) -> Why:
    if private:
        return Why.REGION
    if held:
        return Why.SCENE_LOST if laid.lost else Why.CAP
    return Why.WORKER_LOST if laid.homes[index] != LOCAL else Why.RULE
