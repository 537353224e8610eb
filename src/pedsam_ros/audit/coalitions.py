"""What workers learn of one frame if some of them join: every k of K."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from tqdm import tqdm

from pedsam_ros.audit.attack import History
from pedsam_ros.audit.attacks import learned
from pedsam_ros.audit.guessing import Guessed, averaged, cases
from pedsam_ros.audit.record import workers
from pedsam_ros.audit.recording import Moment, share
from pedsam_ros.audit.scores import Estimate
from pedsam_ros.audit.section import Section
from pedsam_ros.audit.subject import Subject
from pedsam_ros.core.errors import ConfigError

NAME = 'coalitions'
COUNTS = range(2, 6)  # workers, beside the subject's
_MOST = 4  # coalitions of one size that are tried for each still; more are drawn at random
_ATTACK = 'learned'


def run(subject: Subject, bar: tqdm[Any]) -> Section:
    """Attacks every still as coalitions see it, with the learned attack."""
    own = sum(not entry.spare for entry in subject.entries)
    by_count: dict[str, Any] = {}
    for count in sorted({*COUNTS, own}):
        chosen = subject.entries if count == own else workers(count)
        try:
            recordings = [subject.record(scene, chosen) for scene in subject.stills]
        except ConfigError:
            if count == own:
                raise
            by_count[str(count)] = None
            continue
        names = recordings[0].workers if recordings else ()
        moments = [recording.moments[0] for recording in recordings]
        by_count[str(count)] = _sizes(subject, names, moments, bar)
    return Section({'subject_workers': own, 'attack': _ATTACK, 'workers': by_count})


def _sizes(
    subject: Subject, names: Sequence[str], moments: Sequence[Moment], bar: tqdm[Any]
) -> dict[str, Any]:
    """Figures by the number of workers that join."""
    history = History(subject.model.arch, weights=subject.attackers.get(_ATTACK))
    told = {}
    for size in range(1, len(names) + 1):
        shares, guesses = [], []
        for number, moment in enumerate(moments):
            joined = coalitions(names, size, subject.seed + number)
            shares.append(_mean_share(moment, joined))
            guesses.append(_guesses(moment, joined, history))
            bar.update()
        figures = averaged(guesses)
        told[str(size)] = {
            'coalitions': math.comb(len(names), size),
            'tried_per_still': min(_MOST, math.comb(len(names), size)),
            'share_seen': Estimate.of(shares).figures(),
            **{key: figures[key] for key in ('gain_db', 'ssim', 'cpu_s')},
        }
    return told


def coalitions(names: Sequence[str], size: int, seed: int) -> list[tuple[str, ...]]:
    """All coalitions of a size, or as many as are tried, drawn at random from `seed`."""
    if math.comb(len(names), size) <= _MOST:
        return list(combinations(names, size))
    rng = np.random.default_rng((seed, len(names), size))
    drawn: dict[tuple[str, ...], None] = {}
    while len(drawn) < _MOST:
        drawn[tuple(names[each] for each in sorted(rng.permutation(len(names))[:size]))] = None
    return list(drawn)


def _mean_share(moment: Moment, joined: Sequence[Collection[str]]) -> float:
    return math.fsum(share(moment.view(each).seen) for each in joined) / len(joined)


def _guesses(moment: Moment, joined: Sequence[Collection[str]], history: History) -> list[Guessed]:
    """The guesses of coalitions for which there is something to guess."""
    found = cases(map(moment.view, joined), moment.truth)
    return [case.guessed(learned, history) for case in found]
