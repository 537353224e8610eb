"""What sealed messages tell without being opened: their sizes, their number, their times.

Beside the product stand the designs that it avoids: messages without padding, windows sent only
when they change, and JPEG.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from tqdm import tqdm

from pedsam_ros.audit import avoided
from pedsam_ros.audit.attack import History, Needs
from pedsam_ros.audit.attacks import attacks
from pedsam_ros.audit.record import record
from pedsam_ros.audit.recording import Moment, Recording
from pedsam_ros.audit.section import Section
from pedsam_ros.audit.subject import Subject
from pedsam_ros.audit.timing import timing
from pedsam_ros.audit.transcripts import (
    chance_bits,
    detail,
    displaced,
    information_bits,
)
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.outbound import GREY
from pedsam_ros.core.router import Region

NAME = 'side_channels'
SHAPES = ((3, 4), (9, 16), (2, 3), (1, 1), (4, 3), (16, 9))  # of frames, height to width
_MIDDLE = (0.3, 0.3, 0.7, 0.7)  # a region, as shares of the frame's width and height
_MOST = 24  # images


def run(subject: Subject, bar: tqdm[Any]) -> Section:
    """Measures the padding as set and its opposite, a region, and the designs that are avoided."""
    scenes = [*subject.stills[:_MOST]]
    figures: dict[str, Any] = {'pad': subject.config.pad}
    for name, pad in (('padded', True), ('unpadded', False)):
        config = replace(subject.config, pad=pad)
        real = subject.real if pad == subject.config.pad else {}  # what was not recorded so
        made = replace(subject, config=config, real=real)
        figures[name] = sizes(made, [made.record(scene) for scene in scenes])
        bar.update(len(scenes))
    figures['region'] = region(subject)
    figures['avoided'], exhibits = avoided.run(subject, scenes, bar)
    figures['timing'] = timing([*subject.real.values()])
    return Section(figures, exhibits)


def sizes(subject: Subject, recordings: Sequence[Recording]) -> dict[str, Any]:
    """What sizes tell about the detail of windows, and about the shape of frames."""
    pairs = [
        (sent.size, detail(sent.pixels))
        for recording in recordings
        for sent in recording.moments[0].sent
    ]
    bytes_, details = [size for size, _ in pairs], [each for _, each in pairs]
    random = np.random.default_rng(subject.seed)
    return {
        'messages': len(pairs),
        'information_bits': information_bits(bytes_, details) if pairs else None,
        'information_by_chance_bits': chance_bits(bytes_, details, random) if pairs else None,
        'shapes': shapes(subject),
    }


def shapes(subject: Subject) -> dict[str, Any]:
    """What each attack makes of one grey frame of each shape; the number of messages differs."""
    side = subject.model.arch.image_px
    frames = [
        np.full((round(side * h / max(h, w)), round(side * w / max(h, w)), 3), GREY, np.uint8)
        for h, w in SHAPES
    ]
    # Each shape has an edge of its own: a ledger must not stop the later ones.
    single = [subject.recorded('shapes', [frame], subject.entries) for frame in frames]
    together = Recording('shapes', subject.model.arch, (), [each.moments[0] for each in single])
    history = History(subject.model.arch, messages=together.messages())
    none = np.zeros(frames[0].shape[:2], bool)
    found = {
        name: dict(module.attack(frames[0], none, history))
        for name, module in attacks(Needs.MESSAGES).items()
    }
    return {'shown': len(SHAPES), **found}


def region(subject: Subject) -> dict[str, Any] | None:
    """Protects the middle of the first still, and has workers and an eavesdropper find it.

    Null without stills, or if the windows there stay on the edge anyway.
    """
    if not subject.stills:
        return None
    frame = subject.stills[0].frames[0]
    height, width = frame.shape[:2]
    x0, y0, x1, y1 = _MIDDLE
    middle: Region = (x0 * width, y0 * height, x1 * width, y1 * height)
    try:
        without, held = (
            record('region', [frame], subject.model, subject.entries, subject.config, regions)
            for regions in ((), (middle,))
        )
    except ConfigError:
        return None
    before, after = without.moments[0], held.moments[0]
    private = {each.index for each in before.sent} & after.canvas.windows_of(middle)
    if not private:
        return None
    return {
        'windows_sent': len(after.sent),
        'windows_private': len(private),
        'worker': _found_by_worker(after, private),
        'eavesdropper': _found_by_eavesdropper(without, held, private),
    }


def _found_by_worker(moment: Moment, private: set[int]) -> dict[str, float]:
    """A worker opens its windows, and takes those of one colour for private ones."""
    guessed = {each.index for each in moment.sent if not each.pixels.std((0, 1)).any()}
    hits = len(guessed & private)
    return {
        'recall': hits / len(private),
        'precision': hits / len(guessed) if guessed else 0.0,
    }


def _found_by_eavesdropper(
    without: Recording, held: Recording, private: set[int]
) -> dict[str, Any]:
    """An eavesdropper compares messages with those of a frame without a region.

    In one domain it has sizes and numbers. In all domains together it also has the order in which
    workers are served. `recall` and `precision` are those of guessing by that order, `chance` is
    what guessing as many messages at random finds.
    """
    usual, now = without.messages(), held.messages()
    workers = {message.worker for message in usual + now}
    one = all(
        [m for m in usual if m.worker == worker] == [m for m in now if m.worker == worker]
        for worker in workers
    )
    guessed = displaced([m.worker for m in usual], [m.worker for m in now])
    windows = {without.moments[0].sent[place].index for place in guessed}
    return {
        'one_domain_transcripts_equal': one,
        'all_domains_transcripts_equal': usual == now,
        'recall': len(windows & private) / len(private),
        'precision': len(windows & private) / len(windows) if windows else None,
        'chance': len(private) / len(now),
    }
