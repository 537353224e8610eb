"""Plays frames through real processes, each worker in a DDS domain of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from pedsam_ros.audit.recording import Moment, Recording, Sent
from pedsam_ros.audit.scenes import Scene
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model import preprocess
from pedsam_ros.core.model.checkpoint import Weights
from pedsam_ros.core.outbound import neutral
from pedsam_ros.core.settings import parameters_of
from pedsam_ros.core.types import Frame, FrameKey, Pixels
from pedsam_ros.core.windows import Canvas
from pedsam_ros.core.workers_file import WorkerEntry, parse_workers
from pedsam_ros.trial.crossing import Crossed, Crossing, crossing

_PASSED_ON = (
    'placement.',
    'pad',
    'transport',
    'codec_ratio',
)  # starts of the parameters that matter here


def record_real(
    scenes: Sequence[Scene],
    weights: Weights,
    entries: Sequence[WorkerEntry],
    domains: Sequence[int],
    folder: Path,
    config: EdgeConfig,
) -> dict[Scene, Recording]:
    """Shows scenes to one edge, one after the other, as `record` does, with real processes.

    `domains`: the robot's, then each worker's. Logs and windows go to `folder`, which is there and
    empty. Raises ConfigError if the domains break a rule, PedsamError if a process ends before its
    time or a frame is lost.
    """
    workers = _in_domains(entries, domains)
    given = parameters_of(config).items()
    parameters = {key: value for key, value in given if key.startswith(_PASSED_ON)}
    frames = [rgb for scene in scenes for rgb in scene.frames]
    height, width = frames[0].shape[:2]
    with crossing(weights, workers, domains[0], folder, parameters, (height, width)) as crossed:
        shown = tqdm(frames, desc='real processes', unit='frame')
        moments = [_moment(crossed, weights, i + 1, rgb) for i, rgb in enumerate(shown)]
        ledger = crossed.ledger()
    names = [worker.name for worker in workers if not worker.spare]
    shares = {each: ledger.share(each) for each in names}
    left = iter(moments)
    return {
        scene: Recording(
            scene.name, weights.arch, names, list(islice(left, len(scene.frames))), shares
        )
        for scene in scenes
    }


def _in_domains(entries: Sequence[WorkerEntry], domains: Sequence[int]) -> list[WorkerEntry]:
    """The same workers in other domains. Raises ConfigError."""
    if len(domains) != len(entries) + 1:
        raise ConfigError(f'{len(domains)} domains: 1 for the robot, {len(entries)} for workers')
    named = zip(entries, domains[1:], strict=True)
    listed = [{'name': entry.name, 'domain_id': domain_id} for entry, domain_id in named]
    checked = parse_workers({'workers': listed}, own_domain=domains[0])
    pairs = zip(entries, checked, strict=True)
    return [replace(entry, domain_id=other.domain_id) for entry, other in pairs]


def _moment(crossed: Crossing, weights: Weights, stamp_ns: int, rgb: Pixels) -> Moment:
    canvas = Canvas.fit(weights.arch, *rgb.shape[:2])
    truth = preprocess.resize(rgb, canvas.content)
    came = crossed.show(Frame(FrameKey(stamp_ns, 'audit'), rgb))
    grey = frozenset(each.window.index for each in came if neutral(each.window.pixels))
    return Moment(canvas, truth, [_sent(each) for each in came], grey)


def _sent(came: Crossed) -> Sent:
    window = came.window
    return Sent(came.worker, window.index, window.pixels, came.size, came.heard_s)
