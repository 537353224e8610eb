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

from collections.abc import Mapping, Sequence

from pedsam_ros.core import scene_record
from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.cells import Lattice, Origin, cells_of, held, shift_of
from pedsam_ros.core.config import PlacementConfig
from pedsam_ros.core.coverage import Bits, adding, boxes, kept_here, share, shown
from pedsam_ros.core.errors import BadImage, ExposureError
from pedsam_ros.core.new_scenes import NewScenes
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.registration import small_grey
from pedsam_ros.core.router import STALE
from pedsam_ros.core.scene_journal import SceneJournal
from pedsam_ros.core.scene_record import SceneRecord
from pedsam_ros.core.seen import seen, seen_after, show, ways
from pedsam_ros.core.sight import Sight, State, Totals
from pedsam_ros.core.tracker import Tracker
from pedsam_ros.core.types import Pixels
from pedsam_ros.core.view import Located, View
from pedsam_ros.core.windows import Canvas
from pedsam_ros.core.workers_file import WorkerEntry

MARGIN = 0.06  # over the lattice's largest share: see test/scene_bench.py


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
        identities: Mapping[str, tuple[str, ...]] | None = None,
        record: SceneRecord | None = None,
    ) -> None:
        self.arch, self.rules = arch, placement or PlacementConfig()
        self.lattice = Lattice(workers, self.rules)
        self.totals = Totals()
        self.coverage: Mapping[str, float] = {worker.name: 0.0 for worker in workers}
        self._record = record or SceneRecord()
        names = [worker.name for worker in workers]
        self._journal = SceneJournal(self._record, names, identities or {})
        self._tracker = Tracker(self._record.keyframes)
        restarted = bool(len(self._record.keyframes))
        self._new_scenes = NewScenes(self.rules.scenes_per_minute, restarted)
        self._origin: Origin | None = None
        self._present: Located | None = None  # the last frame that was found
        self._looked_up: tuple[Located, Bits] | None = None  # what was seen of a view

    @classmethod
    def from_bytes(
        cls,
        data: bytes,
        arch: Architecture,
        workers: Sequence[WorkerEntry],
        placement: PlacementConfig | None = None,
        identities: Mapping[str, tuple[str, ...]] | None = None,
    ) -> Scene:
        """Reads what `to_bytes` wrote, and whatever `note` returned after that. The camera is lost
        until a remembered view is recognised. Raises ConfigError."""
        return cls(arch, workers, placement, identities, scene_record.read(data))

    def to_bytes(self) -> bytes:
        """Everything that was seen, without any picture, for a file that begins anew."""
        self._tracker.changed.clear()
        return self._journal.written()

    def look(self, rgb: Pixels, now_s: float) -> Sight:
        """Finds a frame, (H, W, 3) uint8, in the scene. Raises BadImage if it is empty."""
        if rgb.ndim != 3 or not rgb.size:
            raise BadImage(f'image of shape {rgb.shape}: empty')
        view = View(small_grey(rgb))
        self.totals.frames += 1
        located, state = self._tracker.locate(view), State.FOUND
        if located is None:
            located, state = self._begin(view, now_s), State.NEW
        if located is None:
            return self._lost(rgb, view)
        self._new_scenes.found(now_s)
        self._origin = self._place(located, rgb)
        canvas = self._canvas(rgb, self._origin)
        cells = cells_of(canvas, self._origin)
        homes = {index: self.lattice.home(cell) for index, cell in cells.items()}
        self._present, self._looked_up = located, None
        self._update()
        places = boxes(canvas, view.size)
        return Sight(state, canvas, homes, self.coverage, view.size, places, located)

    def cap(self, canvas: Canvas) -> float:
        """The share of a view that a worker may have seen, 0..1."""
        largest = self.lattice.largest_share(canvas.content, self.arch.window_px)
        return self.rules.max_coverage or min(1.0, largest + MARGIN)

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
        if not self._tracker.remembers(located):
            raise ExposureError('the frame is too old: its keyframe is forgotten')
        new = self._new(sight, sends)
        if not new:
            return b''
        boxed = [(bits, sight.boxes[index]) for index, bits in new.items()]
        keyframes = ways(located, self._tracker.active)
        saved = self._journal.entries(keyframes, located, boxed, self._tracker.changed)
        show(located, self._tracker.active, shown(sight.size, sight.boxes, new))
        self._looked_up = None
        self._update()
        return saved

    def covered(self, sight: Sight) -> dict[str, float]:
        """The share of a sight that each worker has seen by now, 0..1; all of it if it is lost."""
        if sight.located is None:
            return dict.fromkeys(self.coverage, 1.0)
        return self._covered(sight.located)

    def _place(self, located: Located, rgb: Pixels) -> Origin:
        """Where cell (0, 0) begins in the content: row and column, canvas px."""
        content, (height, width) = self._canvas(rgb, (0, 0)).content, located.size
        row, column = located.origin
        return held((row * content[0] / height, column * content[1] / width), self._origin)

    def _canvas(self, rgb: Pixels, origin: Origin) -> Canvas:
        height, width = rgb.shape[:2]
        return Canvas.fit(self.arch, height, width, shift=shift_of(origin, self.arch))

    def _begin(self, view: View, now_s: float) -> Located | None:
        """A new scene, if the rules allow one now."""
        first = not len(self._record.keyframes)
        if not first:
            allowed = self.rules.on_lost_scene == 'new' and self._tracker.searched
            if not (self._new_scenes.may_begin(now_s, self._tracker.lost) and allowed):
                return None
        if not view.clear:
            return None
        if not first:
            self._new_scenes.begin(now_s)
        self.totals.scenes += 1
        self._record.scenes += 1
        self._journal.unsaved = True
        self._origin = None
        return self._tracker.begin(view, self._record.scenes - 1, (0.0, 0.0))

    def _lost(self, rgb: Pixels, view: View) -> Sight:
        self.totals.lost += 1
        canvas = self._canvas(rgb, (0, 0))
        homes = dict.fromkeys(canvas.windows(), LOCAL)
        return Sight(State.LOST, canvas, homes, dict(self.coverage), view.size, {}, None)

    def _kept_here(self, sight: Sight, wanted: Mapping[int, str]) -> set[int]:
        """The windows that must not go. What is shown may reach a little further than a window, so
        the last word has what would be seen after it."""
        if sight.located is None:
            return set(wanted)
        before, cap = self._seen(sight.located), self.cap(sight.canvas)
        wishes = {index: self._journal.bits(who) for index, who in wanted.items()}
        here = kept_here(before, sight.boxes, wishes, cap * before.size)
        shares = self._shares(before)
        while new := self._new(sight, {i: who for i, who in wanted.items() if i not in here}):
            picture = shown(sight.size, sight.boxes, new)
            after = self._shares(seen_after(sight.located, self._tracker.active, picture))
            above = {who for who, now in after.items() if now > max(cap, shares[who])}
            if not above:
                break
            for who in above:
                mine = [index for index in new if wanted[index] == who] or list(new)
                here.add(max(mine, key=lambda i: adding(before, sight.boxes[i], wishes[i])))
        return here

    def _new(self, sight: Sight, sends: Mapping[int, str]) -> dict[int, int]:
        """Those of the windows that show their worker anything new -> its bit."""
        if sight.located is None:
            return {}
        before = self._seen(sight.located)
        return {
            index: self._journal.bit(who)
            for index, who in sorted(sends.items())
            if index in sight.boxes and adding(before, sight.boxes[index], self._journal.bits(who))
        }

    def _seen(self, located: Located) -> Bits:
        if self._looked_up is None or self._looked_up[0] is not located:
            self._looked_up = located, seen(located, self._tracker.active)
        return self._looked_up[1]

    def _covered(self, located: Located) -> dict[str, float]:
        return self._shares(self._seen(located))

    def _shares(self, bits: Bits) -> dict[str, float]:
        return {each: share(bits, self._journal.bits(each)) for each in self.coverage}

    def _update(self) -> None:
        if self._present is None:
            return
        self.coverage = self._covered(self._present)
        self.totals.add(self.coverage)
