"""What a user asks an audit to attack, checked; and the subject that is made of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pedsam_ros.audit.attack import Needs
from pedsam_ros.audit.attacks import attacks
from pedsam_ros.audit.material import gather
from pedsam_ros.audit.record import NAMES, workers
from pedsam_ros.audit.subject import Subject
from pedsam_ros.core.cells import Lattice
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.parameter_file import read_parameters
from pedsam_ros.core.router import Region
from pedsam_ros.core.shown import shown, written
from pedsam_ros.core.workers_file import WorkerEntry, read_workers

MOST_WORKERS = len(NAMES)
_MOST_SEED = 2**32 - 1
_NO_DOMAIN = -1  # the edge of an audit is in none
_DEFAULT = 'vit_tiny'
_MOST_TOLD = 5  # files that could not be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Options of `pedsam audit`, by their names. Raises ConfigError if one breaks a rule."""

    images: Path | None = None
    bag: Path | None = None
    topic: str | None = None
    limit: int | None = None
    workers: int | None = None
    workers_file: Path | None = None
    params: Path | None = None
    anchor: str | None = None
    max_share: float | None = None
    max_coverage: float | None = None
    region: Sequence[Sequence[float]] | None = None
    checkpoint: str | None = None
    attacker: Sequence[str] | None = None
    seed: int = 0
    real: Sequence[int] | None = None

    def __post_init__(self) -> None:
        if self.topic is not None and self.bag is None:
            raise ConfigError(f'--topic={shown(self.topic)}: only with --bag')
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f'--limit={self.limit}: at least 1 image')
        if self.workers is not None and not 2 <= self.workers <= MOST_WORKERS:
            raise ConfigError(f'--workers={self.workers}: from 2 to {MOST_WORKERS}')
        if not 0 <= self.seed <= _MOST_SEED:
            raise ConfigError(f'--seed={self.seed}: from 0 to {_MOST_SEED}')
        for region in self.region or ():
            _check_region(region)
        if self.real and self.region:
            raise ConfigError('--real: with --region only one process is recorded')
        self.attackers()

    def config(self) -> EdgeConfig:
        """The edge's settings. Raises ConfigError."""
        config = read_parameters(self.params, EdgeConfig) if self.params else EdgeConfig()
        names = 'anchor', 'max_share', 'max_coverage'
        asked = {name: value for name in names if (value := getattr(self, name)) is not None}
        return replace(config, placement=replace(config.placement, **asked))

    def entries(self, config: EdgeConfig) -> list[WorkerEntry]:
        """The workers: of a file if one is named, here or in the edge's settings.

        Raises ConfigError.
        """
        file = self.workers_file
        if file is None and self.workers is None and config.workers_file:
            file = Path(config.workers_file)
        if file is None:
            return workers(3 if self.workers is None else self.workers)
        entries = list(read_workers(file, _NO_DOMAIN))
        if (count := sum(not each.spare for each in entries)) > MOST_WORKERS:
            raise ConfigError(f'{shown(file, 300)}: {count} workers; at most {MOST_WORKERS}')
        return entries

    def attackers(self) -> dict[str, Path]:
        """The folders of a user's weights, by the name of the attack. Raises ConfigError."""
        known = {name.replace('_', '-'): name for name in attacks(Needs.WEIGHTS)}
        known['learned'] = 'learned'  # in place of the weights that come along
        found: dict[str, Path] = {}
        for text in self.attacker or ():
            name, _, folder = text.partition('=')
            if name not in known:
                names = ' or '.join(known)
                raise ConfigError(f'--attacker={written(text)}: NAME=FOLDER, NAME is {names}')
            if not folder or not Path(folder).exists():
                told = f'{shown(folder)} is not there' if folder else 'NAME=FOLDER'
                raise ConfigError(f'--attacker={written(text)}: {told}')
            if known[name] in found:
                raise ConfigError(f'--attacker={written(text)}: {name} stands twice')
            found[known[name]] = Path(folder)
        return found


def _check_region(region: Sequence[float]) -> None:
    x0, y0, x1, y1 = region
    if not all(map(math.isfinite, region)) or not (x0 < x1 and y0 < y1):
        raise ConfigError(f'--region {" ".join(map(str, region))}: X0 < X1 and Y0 < Y1, in px')


def _check_rules(
    config: EdgeConfig, entries: Sequence[WorkerEntry], real: Sequence[int] | None
) -> None:
    """Raises ConfigError for what windows that are fixed to the scene cannot have."""
    if config.placement.anchor == 'scene':
        Lattice(entries, config.placement)
        if real:
            raise ConfigError('--real: only with --anchor image')


def subject_of(order: Order, tell: Callable[[str], None] = print) -> Subject:
    """What is audited. `tell` gets a sentence on what was left out. Raises PedsamError."""
    config = order.config()
    entries = order.entries(config)
    _check_rules(config, entries, order.real)
    weights = checkpoint.read(order.checkpoint or config.checkpoint or _DEFAULT)
    found = gather(weights.arch, order.images, order.bag, order.topic, order.limit, tell)
    for each in found.unreadable[:_MOST_TOLD]:
        tell(f'audit: left out: {shown(each, 300)}')
    return Subject(
        weights=weights,
        model=loading.load_edge(weights),
        stills=found.stills,
        motion=found.motion,
        ideal=found.ideal,
        samples=found.samples,
        entries=entries,
        config=config,
        regions=[_region(each) for each in order.region or ()],
        attackers=order.attackers(),
        seed=order.seed,
    )


def _region(region: Sequence[float]) -> Region:
    x0, y0, x1, y1 = region
    return x0, y0, x1, y1
