"""The soak itself: frames, and now and then a fault drawn from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

from tqdm import tqdm

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.model import checkpoint
from pedsam_ros.core.model.local_pipeline import LocalPipeline
from pedsam_ros.trial import walk
from pedsam_ros.trial.diary import sent
from pedsam_ros.trial.faults import FAULTS
from pedsam_ros.trial.fleet import POINT, WEIGHTS, Fleet
from pedsam_ros.trial.noise_frames import NoiseFrames
from pedsam_ros.trial.noted_masks import NotedMasks
from pedsam_ros.trial.one_process import local_pipeline
from pedsam_ros.trial.processes import workers_in
from pedsam_ros.trial.shown_windows import ShownWindows
from pedsam_ros.trial.soak_record import SoakRecord
from pedsam_ros.trial.true_coverage import CoverageJudge, caps_of

STILL, MOVING = CAMERAS = ('still', 'moving')
_STILL_SIZES = ((96, 128), (128, 96), (90, 160))  # height and width of the frames, px


def play(
    domains: Sequence[int], folder: Path, seed: int, frames: int, every: int, camera: str = MOVING
) -> SoakRecord:
    """Shows `frames` frames to a fleet, with a fault after every `every`; returns what happened.

    `camera` is one of CAMERAS. Logs and the ledger go to `folder`. Raises PedsamError if the fleet
    does not start.
    """
    local = _one_process(domains)
    if camera == STILL:
        footage = NoiseFrames(local, _STILL_SIZES, seed)
        fleet = Fleet(domains, folder, footage, _STILL_SIZES, anchor='image')
        return _played(fleet, Random(seed), frames, every).record
    shown = walk.Walk(seed)
    noted = NotedMasks(shown)
    fleet = Fleet(domains, folder, noted, walk.SIZES, anchor='scene')
    fleet = _played(fleet, Random(seed), frames, every)
    _compare(fleet.record, noted, local)
    _judge(fleet, shown, noted)
    return fleet.record


def _one_process(domains: Sequence[int]) -> LocalPipeline:
    weights = checkpoint.read(WEIGHTS)
    return local_pipeline(weights, workers_in(domains), EdgeConfig(points=POINT))


def _played(fleet: Fleet, rng: Random, frames: int, every: int) -> Fleet:
    """The same fleet, after its end."""
    try:
        fleet.connect()
        _play(fleet, rng, frames, every)
        fleet.finish()
    finally:
        fleet.close()
    return fleet


def _play(fleet: Fleet, rng: Random, frames: int, every: int) -> None:
    record, begun = fleet.record, fleet.record.shown
    with tqdm(total=frames, unit='frame') as bar:
        while (shown := record.shown - begun) < frames:
            fleet.some_frames(min(every, frames - shown))
            fault = rng.choice(FAULTS)
            record.faults[fault.__name__] += 1
            fault(fleet, rng.choice(fleet.homes), rng)
            bar.update(record.shown - begun - bar.n)
            bar.set_postfix(done=record.done, wrong=len(record.wrong))


def _compare(record: SoakRecord, noted: NotedMasks, local: LocalPipeline) -> None:
    """Computes the masks that were noted again, in this process."""
    record.compared = noted.to_compare
    found = tqdm(noted.differences(local), total=noted.to_compare, unit='mask')
    record.wrong.extend(wrong for wrong in found if wrong)


def _judge(fleet: Fleet, shown: walk.Walk, noted: NotedMasks) -> None:
    """Finds out what each worker has truly seen."""
    record = fleet.record
    caps = caps_of(record.arch, fleet.workers, record.sizes)
    windows = ShownWindows(record.arch, shown, record.shown_s, noted.shifts)
    judge = CoverageJudge(shown, record.shown_s, windows, caps)
    files = fleet.diary_files()
    record.coverage = judge.judge({name: sent(path) for name, path in files.items()})
