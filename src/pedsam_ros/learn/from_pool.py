"""Batches of a pool's scenes."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.errors import PedsamError
from pedsam_ros.core.windows import drawn_shift
from pedsam_ros.learn.asset_pack import AssetPack
from pedsam_ros.learn.scene_batch import SceneBatch, batch_of
from pedsam_ros.learn.scene_pool import MOST_OBJECTS, ScenePool
from pedsam_ros.learn.source import Share

_SHIFTED = 0.7  # share of steps whose partition and content are shifted
_SEED = 0  # of the scenes of every pool
_AT_ONCE = 50  # scenes that a process composes before it tells


@dataclass(frozen=True, slots=True, eq=False)
class FromPool:
    """Scenes in a random order, the same for equal seeds; each stage of a training has its own."""

    pool: ScenePool
    arch: Architecture
    seed: int
    stage: int
    shift: bool

    def batches(self, share: Share) -> Iterator[SceneBatch]:
        """See Source. One batch is made while the one before is learnt from."""
        if share.first >= share.steps:
            return
        with ThreadPoolExecutor(1) as ahead:
            coming = ahead.submit(self._batch, share.first, share)
            for step in range(share.first, share.steps):
                batch = coming.result()
                if step + 1 < share.steps:
                    coming = ahead.submit(self._batch, step + 1, share)
                yield batch

    def _batch(self, step: int, share: Share) -> SceneBatch:
        rng = np.random.default_rng((self.seed, self.stage, step))
        shifted = self.shift and rng.random() < _SHIFTED
        shift = drawn_shift(self.arch, rng) if shifted else None
        count = len(self.pool.ready)
        chosen = np.sort(rng.choice(count, share.batch, replace=count < share.batch))
        if share.ranks > 1:
            rng = np.random.default_rng((self.seed, self.stage, step, share.rank))
        own = chosen[share.rank :: share.ranks]
        return batch_of(self.pool, own, MOST_OBJECTS, self.arch, shift, rng, share.device)


def filled_pool(folder: Path, count: int, assets: Path, processes: int) -> ScenePool:
    """A pool of `count` scenes, which some processes compose if they are not there yet.

    Raises ConfigError if the assets cannot be read or there is another pool in the folder.
    """
    AssetPack.open(assets)  # wrong ones are reported here, not by each process
    digest = hashlib.sha256(assets.read_bytes()).hexdigest()[:16]
    pool = ScenePool.at(folder, count, _SEED, digest)
    missing = np.flatnonzero(np.array(pool.ready) == 0)
    if not len(missing):
        return pool
    parts = np.split(missing, range(_AT_ONCE, len(missing), _AT_ONCE))
    told = [(folder, count, assets, digest, part) for part in parts]
    spawning = multiprocessing.get_context('spawn')
    try:
        with (
            ProcessPoolExecutor(max(1, processes), spawning, _end_with_parent) as workers,
            tqdm(total=len(missing), desc='composing', unit='scene') as bar,
        ):
            for done in workers.map(_fill, told):
                bar.update(done)
    except BrokenProcessPool:
        raise PedsamError('composing: a process that makes scenes has ended') from None
    return pool


def _end_with_parent() -> None:
    """Ends this process as soon as the one that started it has ended, however that was."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _fill(told: tuple[Path, int, Path, str, NDArray[np.int64]]) -> int:
    folder, count, assets, digest, part = told
    cv2.setNumThreads(0)
    pool, pack = ScenePool.at(folder, count, _SEED, digest), _pack(assets)
    for index in part:
        pool.fill(int(index), pack, _SEED)
    return len(part)


_packs: dict[Path, AssetPack] = {}  # of this process, which fills many parts


def _pack(assets: Path) -> AssetPack:
    if assets not in _packs:
        _packs[assets] = AssetPack.open(assets)
    return _packs[assets]
