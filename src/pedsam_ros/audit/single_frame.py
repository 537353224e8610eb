"""What one frame's view tells of the rest: every attack, every worker, two to eight workers."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from tqdm import tqdm

from pedsam_ros.audit import single_frame_exhibits as exhibits
from pedsam_ros.audit.attack import History, Needs, View
from pedsam_ros.audit.attacks import attacks
from pedsam_ros.audit.attacks.mean import filled
from pedsam_ros.audit.guessing import Guessed, averaged, cases, image_gains
from pedsam_ros.audit.record import workers
from pedsam_ros.audit.recording import share
from pedsam_ros.audit.scores import Estimate
from pedsam_ros.audit.section import Section
from pedsam_ros.audit.subject import Subject
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.types import Pixels
from pedsam_ros.evaluation.baselines import blurred

NAME = 'single_frame'
COUNTS = range(2, 9)  # workers
ELSEWHERE = ('nearest', 'harmonic', 'learned')  # attacks on other numbers than the subject's
MOST_ELSEWHERE = 4  # workers of a still, with other numbers than the subject's
_LOSS_DB = 0.3  # against the bar; a few images cannot excuse more
BAR = 'harmonic'  # an audit whose other attacks are all weaker proves nothing
BLURS = {'blur_2': 2.0, 'blur_10': 10.0}  # sigma in px of a long side of 1024


@dataclass(slots=True)
class Tally:
    """What some workers see of each still, and what they guess. One list an image."""

    shares: list[float] = field(default_factory=list)
    guesses: dict[str, list[list[Guessed]]] = field(default_factory=lambda: defaultdict(list))
    references: dict[str, list[list[Guessed]]] = field(default_factory=lambda: defaultdict(list))
    shown: list[exhibits.Still] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """Means over images."""
        return {
            'share_seen': Estimate.of(self.shares).figures(),
            'attacks': {name: averaged(images) for name, images in self.guesses.items()},
            'references': {name: averaged(images) for name, images in self.references.items()},
        }


def run(subject: Subject, bar: tqdm[Any]) -> Section:
    """Attacks every still as every worker sees it. Raises ConfigError for unusable weights."""
    own = sum(not entry.spare for entry in subject.entries)
    by_count, told, pictures = dict[str, Any](), verdict({}), list[exhibits.Still]()
    for count in sorted({*COUNTS, own}):
        tally = attacked(subject, count, count == own, bar)
        by_count[str(count)] = tally and tally.figures()
        if tally and count == own:
            told, pictures = verdict(tally.guesses), tally.shown
    figures = {'subject_workers': own, **told, 'workers': by_count}
    return Section(figures, exhibits.of(pictures, told['strongest']))


def attacked(subject: Subject, count: int, own: bool, bar: tqdm[Any]) -> Tally | None:
    """Attacks the stills as `count` workers see them; None if they cannot be placed so.

    With the subject's `own` workers every attack runs, and its rules must hold.
    """
    chosen = subject.entries if own else workers(count)
    modules, tally = _attacks(subject, own), Tally()
    for number, scene in enumerate(subject.stills):
        try:
            recording = subject.record(scene, chosen)
        except ConfigError:
            if own:
                raise
            return None
        moment = recording.moments[0]
        names = recording.workers if own else some(recording.workers, number)
        views = [moment.view([worker]) for worker in names]
        _add(tally, modules, views, moment.truth, own and number < exhibits.MOST)
        _add_references(tally, views, moment.truth, own)
        bar.update()
    return tally


def some(names: Sequence[str], number: int) -> list[str]:
    """At most MOST_ELSEWHERE of the workers: others for the next still, so that all are tried."""
    count = min(len(names), MOST_ELSEWHERE)
    return [names[(number * count + each) % len(names)] for each in range(count)]


def _attacks(subject: Subject, own: bool) -> dict[str, tuple[ModuleType, History]]:
    """The attacks to run, and what each adversary has besides the view."""
    mine = {name.replace('-', '_'): path for name, path in subject.attackers.items()}
    named = {
        name: module
        for name, module in attacks(Needs.FRAME, Needs.WEIGHTS).items()
        if name != 'mean' and (own or name in ELSEWHERE)
    }
    return {
        name: (module, History(subject.model.arch, weights=mine.get(name)))
        for name, module in named.items()
        if module.NEEDS is Needs.FRAME or name in mine
    }


def _add(
    tally: Tally,
    modules: Mapping[str, tuple[ModuleType, History]],
    views: Sequence[View],
    truth: Pixels,
    shown: bool,
) -> None:
    """Adds one still as these workers see it; one who sees nothing, or all of it, has no guess."""
    tally.shares.append(math.fsum(share(view.seen) for view in views) / max(1, len(views)))
    guessable = cases(views, truth)
    guesses = {
        name: [case.guessed(module, history) for case in guessable]
        for name, (module, history) in modules.items()
    }
    for name, each in guesses.items():
        tally.guesses[name].append(each)
    if shown and guessable:
        first = {name: each[0] for name, each in guesses.items()}
        tally.shown.append(exhibits.Still(truth, guessable[0].view, first))


def _add_references(tally: Tally, views: Sequence[View], truth: Pixels, own: bool) -> None:
    """Adds what the same figures are of pictures that are no guesses."""
    guessable = cases(views, truth)
    plain = [case.scored(filled(case.view.pixels, case.view.seen)) for case in guessable]
    tally.references['mean'].append(plain)
    if own:
        others = {'everything': truth} | {n: blurred(truth, sigma) for n, sigma in BLURS.items()}
        for name, picture in others.items():
            tally.references[name].append([case.scored(picture) for case in guessable])


def verdict(guesses: Mapping[str, Sequence[Sequence[Guessed]]]) -> dict[str, Any]:
    """The strongest attack, and what the best of the others gains over harmonic, image by image.

    The audit is weak if that is a loss of more than two standard errors, or of more than 0.3 dB.
    The strongest of all is no weaker than harmonic by definition, so it could not tell. None is
    what is unknown.
    """
    gains = {name: image_gains(images) for name, images in guesses.items()}
    means = {name: Estimate.of(each).mean for name, each in gains.items()}
    known = {name: mean for name, mean in means.items() if math.isfinite(mean)}
    others = [name for name in known if name != BAR]
    if BAR not in known or not others:
        return {'strongest': None, 'others_over_harmonic_db': None, 'weak': None}
    other = max(others, key=lambda name: known[name])
    over = Estimate.of(a - b for a, b in zip(gains[other], gains[BAR], strict=True))
    limit_db = min(2 * over.error, _LOSS_DB) if math.isfinite(over.error) else _LOSS_DB
    return {
        'strongest': max(known, key=lambda name: known[name]),
        'others_over_harmonic_db': over.figures(),
        'weak': over.mean < -limit_db,
    }
