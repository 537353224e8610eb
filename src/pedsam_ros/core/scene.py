"""What each worker has ever seen of what the camera shows now, while the camera moves.

Theory of operation. `look` finds each frame in the scene, lays the partition so that its cells
stay still there, and gives each window the home of its cell. `allowed` takes back what would show
a worker more of the present view than the cap. `note` writes down what leaves. In that order, and
with what `note` returns on the disk before anything is sent, no crash lets a worker see more.

A frame that cannot be found in the scene is lost, and nothing of it leaves, unless a new scene
begins: if the rules say so, if the view is clear, if no remembered view shows the same, and not
more often than the rules allow. What was seen of an earlier scene is remembered and counts again
as soon as its place is recognised.

Reach: a place is recognised from 48 keyframes. One more, and the one not used for longest is
forgotten with what was seen of it. What moves by itself is not followed: the place counts.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core import scene_record
from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.cells import Lattice, Origin, cells_of, held, shift_of
from pedsam_ros.core.config import PlacementConfig
from pedsam_ros.core.coverage import (
    MOST_WORKERS,
    Bits,
    Wish,
    grown,
    kept_here,
    share,
    shown,
    window_map,
)
from pedsam_ros.core.errors import ConfigError, ExposureError
from pedsam_ros.core.exposure_record import BY_NAME, is_identity
from pedsam_ros.core.keyframes import Keyframe
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.registration import small_grey
from pedsam_ros.core.router import STALE
from pedsam_ros.core.scene_record import SceneRecord
from pedsam_ros.core.tracker import Located, Tracker, View
from pedsam_ros.core.types import Pixels
from pedsam_ros.core.windows import Canvas
from pedsam_ros.core.workers_file import WorkerEntry

ON_LOST_SCENE = ('new', 'local')
MARGIN = 0.06  # over the lattice's largest share: see test/scene_bench.py
_LOST_FRAMES = 3  # before a new scene begins
_MINUTE_S = 60.0


class State(Enum):
    """How a frame was found."""

    FOUND = 'found'
    NEW = 'new'  # a new scene begins with it
    LOST = 'lost'  # nothing of it may leave


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneRules:
    """Raises ConfigError if a value breaks its rule."""

    max_coverage: float = 0.0  # 0..1; 0: the lattice's largest share, and a margin
    on_lost_scene: str = 'new'
    scenes_per_minute: int = 2  # new ones, besides the very first

    def __post_init__(self) -> None:
        if not 0 <= self.max_coverage <= 1:
            raise ConfigError(f'max_coverage={self.max_coverage}: from 0 to 1')
        if self.on_lost_scene not in ON_LOST_SCENE:
            raise ConfigError(f'on_lost_scene={self.on_lost_scene!r}: new or local')
        if not 0 <= self.scenes_per_minute <= 60:
            raise ConfigError(f'scenes_per_minute={self.scenes_per_minute}: from 0 to 60')


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """A frame, and where it lies in the scene."""

    state: State
    canvas: Canvas  # shifted
    homes: Mapping[int, str]  # of every window with content; LOCAL while the camera is lost
    coverage: Mapping[str, float]  # of every worker, before anything of this frame is sent
    windows: NDArray[np.intp]  # (h, w): the window of each pixel of the small picture
    located: Located | None  # None while the camera is lost


@dataclass(slots=True)
class Totals:
    """What happened so far."""

    frames: int = 0
    lost: int = 0
    scenes: int = 0
    kept_here: Counter[str] = field(default_factory=Counter)  # windows, by their home
    largest: dict[str, float] = field(default_factory=dict)  # coverage of each worker


class Scene:
    """The scene of one edge. One frame, from the camera to the workers:

    >>> sight = scene.look(rgb, now_s)
    >>> plan = scene.allowed(sight, sight.homes)
    >>> append_to_file(scene.note(sight, plan))  # on the disk before anything is sent
    >>> send(plan)

    `identities` maps a worker to what it is known by, the present one first; a worker that it
    lacks is known by its name. `now_s` is monotonic. Raises ConfigError if the rules cannot be
    kept, or if more than 16 workers are known.
    """

    def __init__(
        self,
        arch: Architecture,
        workers: Sequence[WorkerEntry],
        placement: PlacementConfig | None = None,
        rules: SceneRules | None = None,
        identities: Mapping[str, tuple[str, ...]] | None = None,
        record: SceneRecord | None = None,
    ) -> None:
        self.arch, self.rules = arch, rules or SceneRules()
        self.lattice = Lattice(workers, placement or PlacementConfig())
        self.totals = Totals()
        self.coverage: Mapping[str, float] = {worker.name: 0.0 for worker in workers}
        self._record = record or SceneRecord()
        self._restarted = bool(len(self._record.keyframes))
        self._tracker = Tracker(self._record.keyframes)
        self._bits = {each.name: self._bits_of(each.name, identities or {}) for each in workers}
        self._began: deque[float] = deque()
        self._origin: Origin | None = None
        self._caps: dict[tuple[int, int], float] = {}
        self._unsaved = True  # the names of the workers

    @classmethod
    def from_bytes(
        cls,
        data: bytes,
        arch: Architecture,
        workers: Sequence[WorkerEntry],
        placement: PlacementConfig | None = None,
        rules: SceneRules | None = None,
        identities: Mapping[str, tuple[str, ...]] | None = None,
    ) -> Scene:
        """Reads what `to_bytes` wrote, and whatever `note` returned after that. The camera is lost
        until a remembered view is recognised. Raises ConfigError."""
        return cls(arch, workers, placement, rules, identities, scene_record.read(data))

    def to_bytes(self) -> bytes:
        """Everything that was seen, without any picture, for a file that begins anew."""
        self._tracker.changed.clear()
        self._unsaved = False
        return scene_record.written(self._record)

    def look(self, rgb: Pixels, now_s: float) -> Sight:
        """Finds a frame, (H, W, 3) uint8, in the scene. Raises BadImage if it is empty."""
        height, width = rgb.shape[:2]
        flat = Canvas.fit(self.arch, height, width, shift=shift_of((0, 0), self.arch))
        view = View(small_grey(rgb))
        self.totals.frames += 1
        located, state = self._tracker.locate(view), State.FOUND
        if located is None:
            located, state = self._begin(view, now_s), State.NEW
        if located is None:
            return self._lost(flat, view)
        scale = flat.content[0] / view.size[0], flat.content[1] / view.size[1]
        row, column = located.origin
        self._origin = held((row * scale[0], column * scale[1]), self._origin)
        shift = shift_of(self._origin, self.arch)
        canvas = Canvas.fit(self.arch, height, width, shift=shift)
        cells = cells_of(canvas, self._origin)
        homes = {index: self.lattice.home(cell) for index, cell in cells.items()}
        windows = window_map(canvas, view.size)
        self.coverage = self._coverage(grown(self._seen(located)))
        return Sight(state, canvas, homes, self.coverage, windows, located)

    def cap(self, canvas: Canvas) -> float:
        """The share of a view that a worker may have seen, 0..1."""
        if self.rules.max_coverage:
            return self.rules.max_coverage
        if canvas.content not in self._caps:
            largest = self.lattice.largest_share(canvas.content, self.arch.window_px)
            self._caps = {canvas.content: min(1.0, largest + MARGIN)}
        return self._caps[canvas.content]

    def allowed(self, sight: Sight, plan: Mapping[int, str]) -> dict[int, str]:
        """The same plan, window -> worker, LOCAL or STALE, with LOCAL for the windows that must
        not go, because their worker would have seen more of this view than the cap. Of each worker
        those that add most stay. Nothing of a frame that is lost may go."""
        wanted = {index: who for index, who in plan.items() if who not in (LOCAL, STALE)}
        here = self._kept_here(sight, wanted)
        for index in here:
            self.totals.kept_here[wanted[index]] += 1
        return {index: LOCAL if index in here else who for index, who in plan.items()}

    def note(self, sight: Sight, plan: Mapping[int, str]) -> bytes:
        """Notes what leaves. What it returns must be on the disk, after what is there already,
        before anything is sent; it is empty if no worker sees anything new.

        Raises ExposureError, and notes nothing, if the plan would break the cap.
        """
        sends = {index: who for index, who in plan.items() if who not in (LOCAL, STALE)}
        if not sends:
            return b''
        if broken := self._kept_here(sight, sends):
            worst = sends[min(broken)]
            raise ExposureError(
                f'{worst}: windows={sorted(broken)}: would have seen more than '
                f'{self.cap(sight.canvas):.1%} of what the camera shows'
            )
        located = sight.located
        assert located is not None  # or all windows would stay here
        keyframe, how = located.keyframe, located.registration
        bits = {index: self._present_bit(who) for index, who in sends.items()}
        picture = shown(sight.windows, bits)
        new = self._new_windows(sight, bits, picture)
        saved = self._saved(keyframe, how.matrix, how.slack_px, new) if new else b''
        if keyframe.add(picture, how.places):
            self._share(keyframe)
        self._update(self._coverage(grown(self._seen(located))))
        return saved

    def _begin(self, view: View, now_s: float) -> Located | None:
        """A new scene, if the rules allow one now."""
        tracker = self._tracker
        while self._began and now_s - self._began[0] >= _MINUTE_S:
            self._began.popleft()
        first = not len(self._record.keyframes)
        if not first:
            if self._restarted and not self._began:
                self._began.extend([now_s] * self.rules.scenes_per_minute)
            self._restarted = False
            waits = tracker.lost < _LOST_FRAMES or not tracker.searched
            full = len(self._began) >= self.rules.scenes_per_minute
            if waits or full or self.rules.on_lost_scene == 'local':
                return None
        if not view.clear:
            return None
        if not first:
            self._began.append(now_s)
        self.totals.scenes += 1
        self._record.scenes += 1
        self._origin = None
        return tracker.begin(view, self._record.scenes - 1, (0.0, 0.0))

    def _lost(self, canvas: Canvas, view: View) -> Sight:
        self.totals.lost += 1
        homes = dict.fromkeys(canvas.windows(), LOCAL)
        windows = window_map(canvas, view.size)
        return Sight(State.LOST, canvas, homes, dict(self.coverage), windows, None)

    def _kept_here(self, sight: Sight, wanted: Mapping[int, str]) -> set[int]:
        if sight.located is None:
            return set(wanted)
        seen = grown(self._seen(sight.located))
        wishes = [Wish(index, self._bits[who][1]) for index, who in sorted(wanted.items())]
        most_px = self.cap(sight.canvas) * sight.windows.size
        return kept_here(seen, sight.windows, wishes, most_px)

    def _seen(self, located: Located) -> Bits:
        """What was seen of a view, until now. A sight may be older than the last one."""
        keyframe, active = located.keyframe, self._tracker.active
        if active is not None and keyframe is not active and keyframe.scene == active.scene:
            keyframe.learn(active, np.linalg.inv(active.pose) @ keyframe.pose)
        return keyframe.look_up(located.registration.places) * located.registration.known

    def _share(self, keyframe: Keyframe) -> None:
        """Tells the active keyframe what was noted in an older one."""
        active = self._tracker.active
        if active is not None and keyframe is not active and keyframe.scene == active.scene:
            active.learn(keyframe, np.linalg.inv(keyframe.pose) @ active.pose)
            self._tracker.changed.add(active.number)

    def _new_windows(
        self, sight: Sight, bits: Mapping[int, int], picture: Bits
    ) -> dict[int, tuple[int, scene_record.Box]]:
        """Those of the windows that show anything new: window -> bit, and box in the view."""
        assert sight.located is not None
        fresh = (picture & ~self._seen(sight.located)) > 0
        found = {}
        for index in np.unique(sight.windows[fresh]).tolist():
            rows, columns = np.nonzero(sight.windows == index)
            box = int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
            found[index] = bits[index], box
        return found

    def _saved(
        self,
        keyframe: Keyframe,
        matrix: NDArray[np.float64],
        slack_px: float,
        new: Mapping[int, tuple[int, scene_record.Box]],
    ) -> bytes:
        """What must be on the disk before these windows are sent."""
        parts = []
        if self._unsaved:
            parts.append(scene_record.names_entry(self._record))
            self._unsaved = False
        changed = [self._record.keyframes.get(each) for each in sorted(self._tracker.changed)]
        parts += [scene_record.keyframe_entry(each) for each in changed if each]
        self._tracker.changed.clear()
        parts.append(scene_record.sends_entry(keyframe.number, matrix, slack_px, new.values()))
        return b''.join(parts)

    def _coverage(self, seen: Bits) -> dict[str, float]:
        return {
            worker: share(seen, mask)
            for worker, (_, mask) in self._bits.items()
        }

    def _update(self, coverage: dict[str, float]) -> None:
        self.coverage, largest = coverage, self.totals.largest
        for worker, now in coverage.items():
            largest[worker] = max(now, largest.get(worker, 0.0))

    def _present_bit(self, worker: str) -> int:
        return self._bits[worker][0]

    def _bits_of(self, worker: str, identities: Mapping[str, Iterable[str]]) -> tuple[int, int]:
        """The bit under which a worker is known now, and all under which it ever was."""
        known = tuple(identities.get(worker, ())) or (
            worker if is_identity(worker) else BY_NAME + worker,
        )
        names = self._record.identities
        names += [each for each in known[:1] if each not in names]
        if len(names) > MOST_WORKERS:
            raise ConfigError(
                f'{worker}: the scene knows {len(names)} workers; at most {MOST_WORKERS}; reset it'
            )
        masks = [1 << names.index(each) for each in known if each in names]
        return masks[0], sum(set(masks))
