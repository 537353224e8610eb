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
from pedsam_ros.core.coverage import boxes, shown
from pedsam_ros.core.errors import BadImage, ExposureError
from pedsam_ros.core.keyframes import Keyframes
from pedsam_ros.core.new_scenes import NewScenes
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.planes import Matrix, resized
from pedsam_ros.core.present import Present
from pedsam_ros.core.router import STALE
from pedsam_ros.core.scene_journal import SceneJournal
from pedsam_ros.core.scene_record import SceneRecord
from pedsam_ros.core.seen import show, ways
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
        homes = [self._journal.identity(name) for name in self.lattice.names]
        self.homes_changed = self._record.lattice not in ([], homes)
        self._record.lattice = homes
        self._tracker = Tracker(self._record.keyframes)
        restarted = bool(len(self._record.keyframes))
        self._new_scenes = NewScenes(self.rules.scenes_per_minute, restarted)
        self.unsaved = bytearray()  # what `note` returned and is not on the disk yet
        self.limit = 0.0  # the cap of the last frame
        self.state: State | None = None  # of the last frame
        self._origin: Origin | None = None
        self._present: Located | None = None  # the last frame that was found
        self._looked_up: Present | None = None

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
        self.unsaved.clear()
        return self._journal.written()

    def look(self, rgb: Pixels, now_s: float, turn: Matrix | None = None) -> Sight:
        """Finds a frame, (H, W, 3) uint8, in the scene. `turn` is a hint: how the camera turned
        since the frame before, see turns.py. Raises BadImage if the frame is empty."""
        if rgb.ndim != 3 or not rgb.size:
            raise BadImage(f'image of shape {rgb.shape}: empty')
        view = View(rgb)
        self.totals.frames += 1
        hint = None if turn is None else resized(turn, (rgb.shape[0], rgb.shape[1]), view.size)
        located, state = self._tracker.locate(view, now_s, hint), State.FOUND
        if located is None:
            located, state = self._begin(view, now_s), State.NEW
        if located is None:
            return self._lost(rgb, view)
        self._new_scenes.found()
        self._origin = self._place(located, rgb)
        canvas = self._canvas(rgb, self._origin)
        cells = cells_of(canvas, self._origin)
        homes = {index: self.lattice.home(cell) for index, cell in cells.items()}
        self._present, self._looked_up = located, None
        self._update()
        self.limit, self.state = self.cap(canvas), state
        places = boxes(canvas, view.size)
        return Sight(state, canvas, homes, self.coverage, view.size, places, located, self._origin)

    def cap(self, canvas: Canvas) -> float:
        """The share of a view that a worker may have seen, 0..1."""
        largest = self.lattice.largest_share(canvas.content, self.arch.window_px)
        return self.rules.max_coverage or min(1.0, largest + MARGIN)

    def allowed(self, sight: Sight, plan: Mapping[int, str]) -> dict[int, str]:
        """The same plan, window -> worker, LOCAL or STALE, with LOCAL for the windows that must
        not go, because their worker would have seen more of this view than the cap. Of each worker
        those that add most stay. Nothing of a frame that is lost may go."""
        here = self.held(sight, plan)
        return {index: LOCAL if index in here else who for index, who in plan.items()}

    def held(self, sight: Sight, plan: Mapping[int, str]) -> set[int]:
        """The windows of a plan for which `allowed` has LOCAL; all of them in a lost frame."""
        if sight.located is None:
            return set(plan)
        wanted = {index: who for index, who in plan.items() if who not in (LOCAL, STALE)}
        return self._held(sight, wanted)

    def note(self, sight: Sight, plan: Mapping[int, str]) -> bytes:
        """Notes what leaves. What it returns must be on the disk, after what is there already,
        before anything is sent; it is empty if no worker sees anything new.

        Raises ExposureError, and notes nothing, if the plan would break the cap.
        """
        sends = {index: who for index, who in plan.items() if who not in (LOCAL, STALE)}
        if not sends:
            return b''
        if broken := self._held(sight, sends):
            worst = sends[min(broken)]
            raise ExposureError(
                f'{worst}: windows={sorted(broken)}: would have seen more than '
                f'{self.cap(sight.canvas):.1%} of what the camera shows'
            )
        located = sight.located
        assert located is not None  # or all windows would stay here
        if not self._tracker.remembers(located):
            raise ExposureError('the frame is too old: its keyframe is forgotten')
        new = self._seen(located).new(sight, sends)
        if not new:
            return b''
        boxed = [(bits, sight.boxes[index]) for index, bits in new.items()]
        keyframes = ways(located, self._tracker.active)
        saved = self._journal.entries(keyframes, located, boxed, self._tracker.changed)
        show(located, self._tracker.active, shown(sight.size, sight.boxes, new))
        self._looked_up = None
        self._update()
        return saved

    def reset(self) -> None:
        """Forgets everything that was seen. Only for a person who knows that the workers have
        forgotten too."""
        self._record.keyframes = Keyframes()
        self._journal.reset()
        self._tracker = Tracker(self._record.keyframes)
        self._new_scenes = NewScenes(self.rules.scenes_per_minute, restarted=False)
        self._origin = self._present = self._looked_up = None
        self.coverage = dict.fromkeys(self.coverage, 0.0)
        self.totals.largest.clear()
        self.unsaved.clear()

    @property
    def hints_proved(self) -> bool:
        """Whether hints how the camera turned are used."""
        return self._tracker.hints.proved

    def covered(self, sight: Sight) -> dict[str, float]:
        """The share of a sight that each worker has seen by now, 0..1; all of it if it is lost."""
        if sight.located is None:
            return dict.fromkeys(self.coverage, 1.0)
        return self._seen(sight.located).shares()

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
        self.state = State.LOST
        canvas = self._canvas(rgb, (0, 0))
        homes = dict.fromkeys(canvas.windows(), LOCAL)
        return Sight(State.LOST, canvas, homes, dict(self.coverage), view.size, {}, None, None)

    def _held(self, sight: Sight, wanted: Mapping[int, str]) -> set[int]:
        if sight.located is None:
            return set(wanted)
        return self._seen(sight.located).held(sight, wanted, self.cap(sight.canvas))

    def _seen(self, located: Located) -> Present:
        if self._looked_up is None or self._looked_up.located is not located:
            self._looked_up = Present(located, self._tracker.active, self._journal)
        return self._looked_up

    def _update(self) -> None:
        if self._present is None:
            return
        self.coverage = self._seen(self._present).shares()
        self.totals.add(self.coverage)
