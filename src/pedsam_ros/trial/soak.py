"""The soak itself: frames, and now and then a fault drawn from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

from tqdm import tqdm

from pedsam_ros.trial.faults import FAULTS
from pedsam_ros.trial.fleet import Fleet
from pedsam_ros.trial.soak_record import SoakRecord


def play(domains: Sequence[int], folder: Path, seed: int, frames: int, every: int) -> SoakRecord:
    """Shows `frames` frames to a fleet, with a fault after every `every`; returns what happened.

    Logs and the ledger go to `folder`. Raises PedsamError if the fleet does not start.
    """
    fleet = Fleet(domains, folder, seed)
    try:
        fleet.connect()
        _play(fleet, Random(seed), frames, every)
        fleet.finish()
    finally:
        fleet.close()
    return fleet.record


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
