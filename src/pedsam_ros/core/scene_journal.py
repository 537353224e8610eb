"""Under which bits a scene knows workers, and what must be on the disk before they see it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from pedsam_ros.core import scene_record
from pedsam_ros.core.coverage import MOST_WORKERS, Box
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.exposure_record import BY_NAME, is_identity
from pedsam_ros.core.keyframes import Keyframe
from pedsam_ros.core.planes import Matrix
from pedsam_ros.core.scene_record import SceneRecord
from pedsam_ros.core.view import Located


class SceneJournal:
    """Writes entries of a record. `identities` maps a worker to what it is known by, the present
    one first; one that it lacks is known by its name. Raises ConfigError if two workers have the
    same identity, or if more than 16 are known."""

    def __init__(
        self,
        record: SceneRecord,
        workers: Sequence[str],
        identities: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._record = record
        self.unsaved = True  # the workers, and how many scenes began
        self.workers = tuple(workers)
        self._known = {
            worker: identities.get(worker)
            or (worker if is_identity(worker) else BY_NAME + worker,)
            for worker in workers
        }
        self._number()

    def reset(self) -> None:
        """Forgets workers that are not present any more."""
        self._record.identities = []
        self.unsaved = True
        self._number()

    def bit(self, worker: str) -> int:
        """The bit under which a worker sees what it is sent now."""
        return self._bits[worker][0]

    def bits(self, worker: str) -> int:
        """All bits under which a worker ever saw anything."""
        return self._bits[worker][1]

    def identity(self, worker: str) -> str:
        """What a worker is known by at present."""
        return self._known[worker][0]

    def written(self) -> bytes:
        """Everything, for a file that begins anew."""
        self.unsaved = False
        return scene_record.written(self._record)

    def entries(
        self,
        ways: Iterable[tuple[Keyframe, Matrix]],
        located: Located,
        new: Collection[tuple[int, Box]],
        changed: set[int],
    ) -> bytes:
        """What must be on the disk before windows of a view are sent, each a bit and a box; `ways`
        are those of seen.py. It empties `changed`, the numbers of keyframes that no entry tells of
        yet."""
        parts = [scene_record.names_entry(self._record)] if self.unsaved else []
        self.unsaved = False
        keyframes = [self._record.keyframes.get(number) for number in sorted(changed)]
        parts += [scene_record.keyframe_entry(each) for each in keyframes if each]
        changed.clear()
        how = located.registration
        parts += [
            scene_record.sends_entry(keyframe.number, way @ how.matrix, how.slack_px, new)
            for keyframe, way in ways
        ]
        return b''.join(parts)

    def _bits_of(self, names: tuple[str, ...]) -> tuple[int, int]:
        known = self._record.identities
        masks = [1 << known.index(each) for each in names if each in known]
        return masks[0], sum(set(masks))

    def _number(self) -> None:
        """Gives every present identity a bit."""
        self._check(self._known)
        self._bits = {worker: self._bits_of(names) for worker, names in self._known.items()}

    def _check(self, workers: Mapping[str, tuple[str, ...]]) -> None:
        owners: dict[str, str] = {}
        for worker, names in workers.items():
            for each in names:
                if owners.setdefault(each, worker) != worker:
                    raise ConfigError(f'{worker}: {each} is {owners[each]} as well')
        known = self._record.identities
        known += [names[0] for names in workers.values() if names[0] not in known]
        if len(known) > MOST_WORKERS:
            raise ConfigError(
                f'{len(known)} workers, present or not, are known in the scene; at most '
                f'{MOST_WORKERS}. Remove its file once they have forgotten; for more at a time '
                'set placement.anchor=image'
            )
