"""Who gets a window now: its home or, while the home is lost, what `on_server_loss` allows in its
place."""

from __future__ import annotations

import math
from collections.abc import Collection, Container, Mapping, Sequence

from pedsam_ros.core.config import LossConfig
from pedsam_ros.core.errors import Unavailable
from pedsam_ros.core.laid import Laid
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.windows import Canvas
from pedsam_ros.core.workers_file import WorkerEntry

STALE = '*'  # in place of a worker's name: use the window's last embedding
Region = tuple[float, float, float, float]  # x0, y0, x1, y1, image px
EVERYWHERE: Region = (-math.inf, -math.inf, math.inf, math.inf)
_MOST_REGIONS = 256  # at once; more become one that covers them all


def add_region(regions: dict[Region, float], region: Region, until_s: float) -> None:
    """Adds a region to those that map to the time until which they hold. If they become more than
    256, one that covers them all takes their place. One that contains NaN, or whose corners are in
    the wrong order, covers the whole image.
    """
    x0, y0, x1, y1 = region
    if not (x0 <= x1 and y0 <= y1):  # also of NaN
        region = EVERYWHERE
    regions[region] = max(until_s, regions.get(region, until_s))
    if len(regions) > _MOST_REGIONS:
        x0s, y0s, x1s, y1s = zip(*regions, strict=True)
        around, last_s = (min(x0s), min(y0s), max(x1s), max(y1s)), max(regions.values())
        regions.clear()
        regions[around] = last_s


def instead(rules: Sequence[str], fresh: bool) -> str | None:
    """What the first of the rules local, stale and fail that applies puts in place of a worker;
    None if the frame must fail. `fresh`: the window's last embedding may be used."""
    for rule in rules:
        found = {'local': LOCAL, 'stale': STALE if fresh else None}.get(rule)
        if found is not None or rule == 'fail':
            return found
    return None


class Router:
    """Homes, spares, and regions of the image that must not leave the edge.

    `homes` are the workers that are the home of any window, and LOCAL if some never leave.
    Arguments named `usable` hold the names of the workers that can be used now; those named
    `fresh` hold the windows whose last embedding may be used as stale.
    """

    def __init__(
        self,
        homes: Collection[str],
        spares: Sequence[WorkerEntry],
        rules: LossConfig,
        ledger: Ledger,
    ) -> None:
        self.homes, self.rules, self.ledger = frozenset(homes), rules, ledger
        self.spares = {worker.name: worker for worker in spares}
        self._regions: dict[Region, float] = {}  # region -> the time until which it holds, s

    def free_spares(self) -> set[str]:
        """Names the spares that have not stood in for any worker yet."""
        return self.spares.keys() - self.ledger.stands_in.keys()

    def protect(self, region: Region, until_s: float) -> None:
        """Keeps a region here: of frames that arrive before `until_s`, no window that holds any
        part of it leaves the edge. See `add_region` for one that makes no sense."""
        add_region(self._regions, region, until_s)

    def forget(self, before_s: float) -> None:
        """Forgets the regions that held until `before_s` at most. The caller knows that no frame
        that arrived earlier will come."""
        self._regions = {r: until for r, until in self._regions.items() if until > before_s}

    def plan(
        self, laid: Laid, usable: Container[str], fresh: Container[int], arrived_s: float
    ) -> dict[int, str]:
        """Maps every window of a frame that arrived at `arrived_s` to a worker, LOCAL or STALE.

        Raises Unavailable if no rule applies to one of them.
        """
        windows, private = list(laid.canvas.windows()), self.private(laid.canvas, arrived_s)
        homes = {index: laid.homes[index] for index in windows if index not in private}
        plan = self.instead(homes, usable, fresh) | dict.fromkeys(private, LOCAL)
        missing = {laid.homes[index] for index in windows if index not in plan}
        if missing:
            raise Unavailable(sorted(missing))
        return plan

    def missing(self, usable: Container[str], arrived_s: float) -> list[str]:
        """Names the workers without which a frame that arrived at `arrived_s` cannot be planned,
        whatever its size; none if it might be."""
        held = any(until_s > arrived_s for until_s in self._regions.values())
        if held or 'stale' in self.rules.on_server_loss:
            return []
        return [] if self.instead(dict(enumerate(self.homes)), usable, ()) else sorted(self.homes)

    def private(self, canvas: Canvas, arrived_s: float) -> set[int]:
        """Names the windows that regions keep here, of a frame that arrived at `arrived_s`."""
        return {
            index
            for region, until_s in self._regions.items()
            if until_s > arrived_s
            for index in canvas.windows_of(region)
        }

    def instead(
        self, homes: Mapping[int, str], usable: Container[str], fresh: Container[int]
    ) -> dict[int, str]:
        """Maps each window to its home if the home is usable, otherwise to the first stand-in
        that the rules allow. Windows without either are left out."""
        stands_in = dict(self.ledger.stands_in)
        found = {
            index: self._one(home, usable, index in fresh, stands_in)
            for index, home in homes.items()
        }
        return {index: where for index, where in found.items() if where is not None}

    def _one(
        self, home: str, usable: Container[str], fresh: bool, stands_in: dict[str, str]
    ) -> str | None:
        if home == LOCAL or home in usable:
            return home
        for rule in self.rules.on_server_loss:
            spare = rule == 'spare'
            found = self._spare(home, usable, stands_in) if spare else instead([rule], fresh)
            if found is not None or rule == 'fail':
                return found
        return None

    def _spare(self, home: str, usable: Container[str], stands_in: dict[str, str]) -> str | None:
        """The spare that stands in for a worker already, or else a free one; adds the choice to
        `stands_in`."""
        able = [
            name
            for name, entry in self.spares.items()
            if name in usable and stands_in.get(name, home) == home and self._fits(entry, home)
        ]
        spare = min(able, key=lambda name: name not in stands_in, default=None)
        if spare is not None:
            stands_in[spare] = home
        return spare

    def _fits(self, spare: WorkerEntry, home: str) -> bool:
        """Whether a spare may see all windows of a worker and has never seen any others."""
        own = {index for index, name in self.ledger.homes.items() if name == home}
        seen, bound = self.ledger.workers.get(spare.name), self.ledger.stands_in
        allowed = spare.windows is None or own <= set(spare.windows)
        if seen is None or spare.name in bound:
            return allowed and (seen is None or seen.windows.keys() <= own)
        # It was sent windows and replaces nobody: it was a worker. What it saw of a scene is no
        # window of any home.
        return allowed and bool(own) and seen.windows.keys() <= own
