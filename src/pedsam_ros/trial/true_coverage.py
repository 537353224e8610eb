"""What each worker has truly seen of what a moving camera showed: by the diaries of the workers
and by geometry, not by the edge's word."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.cells import Lattice
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.planes import Size
from pedsam_ros.core.scene import MARGIN
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.windows import Canvas
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.trial.diary import Sent
from pedsam_ros.trial.shown_windows import BEFORE_S, ShownWindows
from pedsam_ros.trial.walk import WORLD, Walk
from pedsam_ros.trial.witness import Witness

TOLERANCE = 0.05  # of a view, above the cap: how wrong the edge may be about where a frame lies
SLIVER = 0.01  # of a view: what less than this shows is where windows do not quite meet
_MOST_LISTED = 20
_LOOK_S = 1.0  # of the diaries, after which frames are looked for that have ended


@dataclass(slots=True)
class TrueCoverage:
    """Shares are of a view, 0..1. A worker may have seen more of a view than its cap, because
    windows of several earlier views lie close together in it; but then no frame may show it any
    more."""

    frames: int = 0  # of which any window came to a worker
    windows: int = 0  # that came
    unknown: int = 0  # those that no frame has at their place
    unknown_list: list[str] = field(default_factory=list)  # the first of them
    largest: dict[str, float] = field(default_factory=dict)  # worker -> of any frame that left
    above: float = -1.0  # the most above its cap to which a frame brought a worker
    slivers: dict[str, float] = field(default_factory=dict)  # worker -> shown above it, in all
    violations: int = 0  # how often a frame brought a worker more than TOLERANCE above its cap
    violations_list: list[str] = field(default_factory=list)  # the first of them
    caps: dict[str, float] = field(default_factory=dict)  # by the size of the frames


def caps_of(
    arch: Architecture, workers: Sequence[WorkerEntry], sizes: Iterable[Size]
) -> dict[Size, float]:
    """The share of a view that a worker may have seen, by the size of the frame, by default."""
    lattice = Lattice(workers, PlacementConfig())
    contents = {size: Canvas.fit(arch, *size, shift=Shift()).content for size in sizes}
    return {
        size: lattice.largest_share(content, arch.window_px) + MARGIN
        for size, content in contents.items()
    }


class CoverageJudge:
    """Follows what workers were sent, in the order in which frames left. It keeps the windows of
    the last seconds and a picture of each room for each worker, and so no more in a long run."""

    def __init__(
        self,
        walk: Walk,
        shown_s: Sequence[float],
        windows: ShownWindows,
        caps: Mapping[Size, float],
    ) -> None:
        self._walk, self._shown_s, self._windows, self._caps = walk, shown_s, windows, caps
        self._rooms: dict[int, Witness] = defaultdict(lambda: Witness(WORLD))
        self._left: dict[int, tuple[Canvas, dict[str, set[int]]]] = {}  # frame -> what left of it
        self.found = TrueCoverage(caps={f'{h}x{w}': cap for (h, w), cap in caps.items()})

    def judge(self, diaries: Mapping[str, Iterable[Sent]]) -> TrueCoverage:
        """Judges the diaries of all workers, by name."""
        looked_s = 0.0
        for sent, worker in heapq.merge(*(_named(*each) for each in diaries.items())):
            if sent.at_s > looked_s + _LOOK_S:
                looked_s = sent.at_s
                self._end(looked_s - BEFORE_S)
            self._note(sent, worker)
        self._end(float('inf'))
        return self.found

    def _note(self, sent: Sent, worker: str) -> None:
        found, origin = self.found, self._windows.origin(sent)
        found.windows += 1
        if origin is None:
            found.unknown += 1
            return _list(found.unknown_list, f'{worker}: {sent}')
        _, sends = self._left.setdefault(origin.frame, (origin.canvas, defaultdict(set)))
        return sends[worker].add(sent.window)

    def _end(self, before_s: float) -> None:
        """Judges the frames of which nothing more can come."""
        for number in sorted(each for each in self._left if self._shown_s[each] < before_s):
            self._judge(number, *self._left.pop(number))

    def _judge(self, number: int, canvas: Canvas, sends: Mapping[str, set[int]]) -> None:
        view, room = self._walk.view(number), self._rooms[self._walk.room(number)]
        before = room.coverage(view)
        for worker, windows in sends.items():
            room.note(view, canvas, worker, windows)
        cap, after = self._caps[view.size], room.coverage(view)
        self.found.frames += 1
        for worker, share in after.items():
            self.found.largest[worker] = max(share, self.found.largest.get(worker, 0.0))
            new = share - before.get(worker, 0.0)
            if new > SLIVER:
                self._shown(number, worker, share, cap)
            elif share > cap:
                slivers = self.found.slivers
                slivers[worker] = slivers.get(worker, 0.0) + min(new, share - cap)

    def _shown(self, number: int, worker: str, share: float, cap: float) -> None:
        found = self.found
        found.above = max(found.above, share - cap)
        if share > cap + TOLERANCE:
            found.violations += 1
            said = f'{worker}: {share:.3f} of frame {number}, which shows it more; cap {cap:.3f}'
            _list(found.violations_list, said)


def _named(worker: str, diary: Iterable[Sent]) -> Iterator[tuple[Sent, str]]:
    return ((sent, worker) for sent in diary)


def _list(found: list[str], one: str) -> None:
    if len(found) < _MOST_LISTED:
        found.append(one)
