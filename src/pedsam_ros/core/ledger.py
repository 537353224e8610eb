"""What each worker has ever been sent, and what it may still be sent. No I/O, no clock.

Whoever sends asks `admit`, writes `to_json` to the disk if `changes` rose, and sends. In that
order, neither a crash nor a full disk can let a worker see more than its cap.

Callers know workers by their names, the ledger by their identities, because names can be swapped:
whoever has the key has seen the windows. An identity that no worker has any more stays in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pedsam_ros.core import exposure_record
from pedsam_ros.core.errors import ConfigError, ExposureError
from pedsam_ros.core.exposure_record import BY_NAME, Exposure, ExposureRecord
from pedsam_ros.core.extents import Extent, area, contents, grown, largest_piece
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.windows import Canvas, Grid

SEVERAL = '*'  # in place of a worker's name: a spare has replaced more than one under its keys


@dataclass(slots=True)
class Ledger:
    """The exposure of every worker of one edge, and the cap that holds for each of them.

    What is called scene is in the picture, not in the world: all content that any frame ever had.
    The cap is `max_share` of it; else it is the largest share that `homes` gives.

    `identities` maps a worker to what it is known by; a worker that it lacks is known by its name.
    What is called `worker` is the name of a worker, or an identity that no worker has. Raises
    ConfigError if two workers have the same identity.
    """

    grid: Grid  # in px
    homes: Mapping[int, str]  # window -> worker
    max_share: float = 0.0
    identities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the present first
    scene: dict[int, Extent] = field(default_factory=dict)
    seen: dict[str, Exposure] = field(default_factory=dict)  # by identity
    bound: dict[str, str] = field(default_factory=dict)  # identity of a spare -> of its worker
    changes: int = 0  # rises with each change that must be on the disk before anything is sent
    _owners: dict[str, str] = field(init=False, repr=False)  # identity -> worker

    def __post_init__(self) -> None:
        self._owners = {}
        for worker, identities in self.identities.items():
            for identity in identities:
                if self._owners.setdefault(identity, worker) != worker:
                    raise ConfigError(f'{worker}: {identity} is {self._owners[identity]} as well')

    @classmethod
    def from_json(
        cls,
        text: str,
        homes: Mapping[int, str],
        max_share: float = 0.0,
        grid: Grid | None = None,
        identities: Mapping[str, tuple[str, ...]] | None = None,
    ) -> Ledger:
        """Reads what `to_json` wrote; `homes`, `max_share` and `identities` are not in it.

        With `grid`, a ledger of any other grid is refused. Without, the file says which grid it
        is; pass `homes={}` where only the exposure is of interest. Raises ConfigError.
        """
        read = exposure_record.read(text)
        wanted, found = grid or read.grid, read.grid
        if found != wanted:
            raise ConfigError(
                f'windows of {found.window} in {found.extent} px; expected: {wanted.window} in '
                f'{wanted.extent} px'
            )
        rest = read.scene, read.seen, read.bound
        return cls(wanted, homes, max_share, identities or {}, *rest)

    def admit(
        self, sends: Mapping[str, Iterable[int]], canvas: Canvas, frames: int, now_s: float
    ) -> None:
        """Notes which windows of a frame go to which worker. `frames` is 1 for a new frame and 0
        for one that is under way; `now_s` is Unix time.

        Raises ExposureError, and notes nothing, if a worker would see more than its cap or a
        window that another worker has seen, or if the ledger is full. Homes hold for as long as
        the ledger does.
        """
        shown = contents(canvas)
        scene = grown(self.scene, shown, shown)
        total, cap = area(scene), self._cap(scene)
        for worker, windows in sends.items():
            seen = area(grown(self.exposure(worker).windows, shown, windows))
            if seen > cap:
                raise ExposureError(
                    f'{worker}: would have seen {seen / total:.1%} of all window positions; its '
                    f'cap is {cap / total:.1%}'
                )
        for worker, windows in sends.items():
            self._check_owners(worker, windows)
        self.check_room(sends)
        self.changes += scene != self.scene
        self.scene = scene
        for worker, windows in sends.items():
            self._note(worker, windows, shown, frames, now_s)

    def count(self, workers: Iterable[str], frames: int, now_s: float) -> None:
        """Notes that workers are sent windows of which the scene knows what they show."""
        for worker in workers:
            self.changes += self._identity(worker) not in self.seen
            self._note(worker, (), {}, frames, now_s)

    def conflict(self) -> str:
        """Says which home may not be sent its windows, because the ledger shows them with another
        worker; empty if there is no such home."""
        try:
            for index, home in self.homes.items():
                if home:
                    self._check_owners(home, [index])
        except ExposureError as error:
            return str(error)
        return ''

    def bind(self, spare: str, home: str) -> None:
        """Has a spare stand in for a worker from now on. It keeps that role until `reset`.

        Raises ExposureError if it stands in for another worker already.
        """
        if (role := self.stands_in.get(spare, home)) != home:
            raise ExposureError(f'{spare}: stands in for {role}, not for {home}')
        self.changes += self._identity(spare) not in self.bound
        self.bound.setdefault(self._identity(spare), self._identity(home))

    def reset(self) -> None:
        """Forgets everything. Only for a person who knows that the workers have forgotten too."""
        self.seen, self.scene, self.bound = {}, {}, {}
        self.changes += 1

    @property
    def workers(self) -> dict[str, Exposure]:
        """What each worker has been sent that was ever sent anything."""
        return {worker: self.exposure(worker) for worker in map(self._worker, self.seen)}

    @property
    def stands_in(self) -> dict[str, str]:
        """Spare -> the worker it replaces, or SEVERAL."""
        roles: dict[str, str] = {}
        for spare, home in self.bound.items():
            name, role = self._worker(spare), self._worker(home)
            roles[name] = role if roles.get(name, role) == role else SEVERAL
        return roles

    def exposure(self, worker: str) -> Exposure:
        """What a worker has been sent under all its identities."""
        parts = [self.seen[each] for each in self._all(worker) if each in self.seen]
        return replace(parts[0]) if len(parts) == 1 else exposure_record.together(worker, parts)

    def share(self, worker: str) -> float:
        """The part of the scene that a worker has seen, 0..1."""
        seen = area(self.exposure(worker).windows)
        return seen / area(self.scene) if seen else 0.0

    def cap(self) -> float:
        """The part of the scene that a worker may see, 0..1; without homes, 0 or `max_share`."""
        total = area(self.scene)
        return self._cap(self.scene) / total if total else self.max_share

    def largest_region(self, worker: str) -> float:
        """The part of the scene in the largest piece that a worker has seen, 0..1. Windows that
        share a side belong to one piece."""
        largest = largest_piece(self.exposure(worker).windows, self.grid)
        return largest / area(self.scene) if largest else 0.0

    def to_json(self) -> str:
        """Writes down the exposure, and nothing of the configuration."""
        return exposure_record.written(
            ExposureRecord(self.grid, self.scene, self.seen, self.bound)
        )

    def check_room(self, workers: Iterable[str]) -> None:
        """Raises ExposureError if these workers would be too many to remember."""
        known = self.seen.keys() | set(map(self._identity, workers))
        if len(known) > exposure_record.MOST_WORKERS:
            raise ExposureError(f'ledger: full, with {len(self.seen)} workers; reset it')

    def _check_owners(self, worker: str, windows: Iterable[int]) -> None:
        """Raises ExposureError unless `worker` is the home of these windows or a spare of it, and
        nobody else has seen them."""
        regular, stands_in = set(self.homes.values()), self.stands_in
        for index in windows:
            home = self.homes.get(index, LOCAL)
            role = stands_in.get(worker, home)
            spare = worker not in regular and role == home
            if worker != home and not spare:
                raise ExposureError(f'{worker}: window={index} is for {home or "the edge"} alone')
            owners = {*self._all(worker), *self._all(home), *self._all(role)}
            for other, seen in self.seen.items():
                own = other in owners or self.bound.get(other) in owners
                if index in seen.windows and not own:
                    raise ExposureError(self._shown_to(worker, index, other))

    def _shown_to(self, worker: str, index: int, other: str) -> str:
        """Says that somebody else has seen a window, and what can be done about it."""
        told, way_out = self._worker(other), 'give it that home again'
        if self.identities and other not in self._owners:
            told = f'{self.seen[other].name}, who was {other} and is no worker any more'
            way_out = f'add {other} to the former_keys of the worker that this is'
        return (
            f'{worker}: window={index} was shown to {told}; {way_out}, or reset the ledger once '
            'its workers have forgotten'
        )

    def _note(
        self,
        worker: str,
        windows: Iterable[int],
        shown: Mapping[int, Extent],
        frames: int,
        now_s: float,
    ) -> None:
        now_s = min(max(now_s, 0.0), exposure_record.MOST_S)  # clocks may be wrong
        seen = self.seen.setdefault(self._identity(worker), Exposure(worker, first_s=now_s))
        view = grown(seen.windows, shown, windows)
        self.changes += view != seen.windows
        seen.name, seen.windows, seen.last_s = worker, view, now_s
        seen.frames = min(seen.frames + frames, exposure_record.MOST_FRAMES)

    def _identity(self, worker: str) -> str:
        """What a worker is known by at present."""
        return self._all(worker)[0]

    def _all(self, worker: str) -> tuple[str, ...]:
        """All identities of a worker."""
        if worker in self.identities:
            return self.identities[worker]
        return (worker if exposure_record.is_identity(worker) else BY_NAME + worker,)

    def _worker(self, identity: str) -> str:
        """Who has an identity: the name of a worker, or the identity itself."""
        name = identity.removeprefix(BY_NAME)
        return self._owners.get(identity, identity if name in self.identities else name)

    def _cap(self, scene: Mapping[int, Extent]) -> float:
        """The most content that a worker may see, in canvas px."""
        if self.max_share:
            return self.max_share * area(scene) + 0.5
        shares: dict[str, int] = {}
        for index, (height, width) in scene.items():
            home = self.homes.get(index, LOCAL)
            shares[home] = shares.get(home, 0) + height * width if home else 0
        return max(shares.values(), default=0)
