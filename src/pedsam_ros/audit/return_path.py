"""The way back: what an embedding shows of its window to whoever can open it.

An adversary learns from pictures of its own, encoded with the worker's half, which is public. Here
these are the other images of the audit: half of them are learned from and the others attacked,
then the other way round. Frames of cameras are parted into a first and a second half, because
neighbours show the same. What was learned stays in memory and is thrown away.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from pedsam_ros.audit.attack import History, Needs, Own, Picture
from pedsam_ros.audit.attacks import attacks
from pedsam_ros.audit.inversion import embedded, encoded, joined, own_windows, repacked
from pedsam_ros.audit.inversion_exhibit import Row, exhibit
from pedsam_ros.audit.recording import Moment
from pedsam_ros.audit.scenes import Scene
from pedsam_ros.audit.scores import Estimate, psnr, ssim
from pedsam_ros.audit.section import Section
from pedsam_ros.audit.subject import Subject
from pedsam_ros.core import codec
from pedsam_ros.core.model import fitted_codec, loading
from pedsam_ros.core.model.fitted_codec import FittedCodec
from pedsam_ros.core.model.worker_half import WorkerHalf
from pedsam_ros.core.outbound import GREY
from pedsam_ros.core.types import Embedding, Pixels, Values

NAME = 'return_path'
FOLDS = 2
_WINDOWS = 2400  # to learn from, of all images together
_OF_A_VIEW = 20  # windows
_THUMBNAIL_PX = 16


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A frame whose way back is attacked: its windows, and their tokens before the codec."""

    moment: Moment
    parts: Mapping[int, Pixels]
    tokens: Mapping[int, Values]


@dataclass(slots=True, eq=False)
class Found:
    """Scores of images, by dtype ('' for a reference) and attack, and what attacks cost."""

    db: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    like: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    rows: list[Row] = field(default_factory=list)

    def note(self, dtype: str, attack: str, guess: Picture, target: Target) -> None:
        """Scores every window of an image; their mean is one sample."""
        cuts = [(guess[where], target.moment.truth[where]) for where in _places(target)]
        scores = [_score(made, true) for made, true in cuts]
        self.db[dtype, attack].append(float(np.mean([db for db, _ in scores])))
        self.like[dtype, attack].append(float(np.mean([like for _, like in scores])))

    def figures(self, dtype: str) -> dict[str, Any]:
        """Attack -> its means over images."""
        return {
            attack: {
                'psnr_db': Estimate.of(self.db[of, attack]).figures(),
                'ssim': Estimate.of(self.like[of, attack]).figures(),
            }
            for of, attack in list(self.db)
            if of == dtype
        }


def run(subject: Subject, bar: tqdm[Any]) -> Section:
    """Attacks the way back of every still. Figures are null with fewer than two stills."""
    stills = subject.stills
    if len(stills) < FOLDS:
        return Section({'images': len(stills), 'dtypes': None, 'references': None})
    worker, found = loading.load_worker(subject.weights), Found()
    started_s = time.process_time()
    own = []
    for number in range(len(stills)):
        own.append(_own(subject, number, worker))
        bar.update()
    found.cpu_s['encoding_own_windows'] = time.process_time() - started_s
    targets = [_target(subject.record(scene).moments[0], worker) for scene in stills]
    of = folds(stills)
    for fold in range(FOLDS):
        learned = joined(own_of_others(own, of, fold))
        mine = (each for each, its in zip(targets, of, strict=True) if its == fold)
        attacked = [each for each in mine if each.parts]
        for target in attacked:
            _attack(subject, target, learned, found)
            bar.update()
        if worker.fitted:
            _attack_coded(subject, attacked, learned, found, worker.fitted)
    return _section(subject, own, targets, found)


def _score(guess: Picture, truth: Pixels) -> tuple[float, float]:
    whole = np.ones(truth.shape[:2], bool)
    return psnr(guess, truth, whole), ssim(guess, truth, whole)


def folds(stills: Sequence[Scene]) -> list[int]:
    """The fold of each still: photographs in turns, frames of cameras one half after the other.

    At most one camera is in two folds, and of it only the two frames where they meet are
    neighbours across them.
    """
    found = [number % FOLDS for number in range(len(stills))]
    filmed = [number for number, each in enumerate(stills) if each.camera]
    filmed.sort(key=lambda number: stills[number].camera)  # each camera's stay in order
    for place, number in enumerate(filmed):
        found[number] = place * FOLDS // len(filmed)
    return found


def own_of_others(own: Sequence[Own], of: Sequence[int], fold: int) -> list[Own]:
    """What may be learned from while the images of one fold are attacked."""
    return [each for each, its in zip(own, of, strict=True) if its != fold]


def _own(subject: Subject, number: int, worker: WorkerHalf) -> Own:
    """Windows of a still, and of the frames of a scene of the same name."""
    still = subject.stills[number]
    others = [
        each for scene in subject.motion if scene.name == still.name for each in scene.frames
    ]
    views = max(2, round(_WINDOWS / _OF_A_VIEW / len(subject.stills)))
    random = np.random.default_rng((subject.seed, number))
    return own_windows([still.frames[0], *others], worker, views, random)


def _target(moment: Moment, worker: WorkerHalf) -> Target:
    shown = [each for each in moment.sent if each.index not in moment.neutral]
    parts = {each.index: each.pixels for each in shown}
    return Target(moment, parts, encoded(worker, parts, moment.canvas))


def _attack(subject: Subject, target: Target, own: Own, found: Found) -> None:
    guesses = dict[str, Picture]()
    for dtype in codec.DTYPES:
        made = _guesses(subject, target, embedded(target.tokens, dtype), own, found, dtype)
        guesses |= made if dtype == subject.config.transport else {}
    for name, guess in references(target).items():
        found.note('', name, guess, target)
    _guesses(subject, target, embedded(_turned(target), dtype), own, found, 'wrong')
    found.rows.append(Row(target.moment.truth, guesses, _places(target)))


def _attack_coded(
    subject: Subject, attacked: Sequence[Target], own: Own, found: Found, fitted: FittedCodec
) -> None:
    """The same for the codec of the model, at the edge's ratio, from windows that went through it:
    whoever opens embeddings knows the codec, which is in the worker's file."""
    dtype = fitted.dtype(subject.config.codec_ratio)
    learned = repacked(own, dtype, fitted)
    rows = found.rows[len(found.rows) - len(attacked) :]
    for target, row in zip(attacked, rows, strict=True):
        tokens = {i: fitted_codec.repacked(t, dtype, fitted) for i, t in target.tokens.items()}
        made = _guesses(subject, target, embedded(tokens, 'float32'), learned, found, codec.FITTED)
        row.guesses.update(made if subject.config.transport == codec.FITTED else {})


def _guesses(
    subject: Subject,
    target: Target,
    embeddings: Mapping[int, Embedding],
    own: Own,
    found: Found,
    dtype: str,
) -> dict[str, Picture]:
    """What each attack makes of embeddings; notes its scores and what it took."""
    view = np.full_like(target.moment.truth, GREY)
    seen = np.zeros(view.shape[:2], bool)  # an eavesdropper was sent nothing
    shift, made = target.moment.canvas.shift, dict[str, Picture]()
    history = History(subject.model.arch, embeddings=embeddings, shift=shift, own=own)
    for name, module in attacks(Needs.EMBEDDINGS).items():
        started_s = time.process_time()
        made[name] = module.attack(view, seen, history)
        found.cpu_s[name] += time.process_time() - started_s
        found.note(dtype, name, made[name], target)
    return made


def references(target: Target) -> dict[str, Picture]:
    """Each window in its mean colour, and as a thumbnail of 16x16 px (smaller ones in part)."""
    mean = target.moment.truth.astype(np.float32)
    small = mean.copy()
    scale = _THUMBNAIL_PX / target.moment.canvas.grid.window
    for where in _places(target):
        part = target.moment.truth[where]
        height, width = part.shape[:2]
        size = max(1, round(width * scale)), max(1, round(height * scale))
        thumbnail = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        small[where] = cv2.resize(thumbnail, (width, height), interpolation=cv2.INTER_CUBIC)
        mean[where] = part.mean((0, 1))
    return {'mean_colour': mean, f'thumbnail_{_THUMBNAIL_PX}px': small}


def _turned(target: Target) -> dict[int, Values]:
    """Every window with the embedding of another one of the same size, if there is one."""
    by_shape = defaultdict(list)
    for index, tokens in target.tokens.items():
        by_shape[tokens.shape].append(index)
    return {
        index: target.tokens[other]
        for same in by_shape.values()
        for index, other in zip(same, same[1:] + same[:1], strict=True)
    }


def _places(target: Target) -> list[tuple[slice, slice]]:
    """Where the content of each window lies in the picture."""
    return [target.moment.canvas.content_span(index) for index in target.parts]


def _section(
    subject: Subject, own: Sequence[Own], targets: Sequence[Target], found: Found
) -> Section:
    of = folds(subject.stills)
    figures = {
        'images': len(targets),
        'windows': {
            'learned_from': [
                sum(len(each.pixels) for each in own_of_others(own, of, fold))
                for fold in range(FOLDS)
            ],
            'attacked': sum(len(target.parts) for target in targets),
        },
        'learned_from': 'other_images_of_the_audit',
        'transport': subject.config.transport,
        'codec_ratio': subject.config.codec_ratio,
        'dtypes': {
            dtype: figures for dtype in codec.TRANSPORTS if (figures := found.figures(dtype))
        },
        'references': found.figures(''),
        'embedding_of_another_window': found.figures('wrong'),
        'attacker_cpu_s': {name: round(took, 3) for name, took in found.cpu_s.items()},
    }
    return Section(figures, exhibit(found.rows, subject.config.transport))
