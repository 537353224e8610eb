"""Fits the network of the learned attack to pictures of an asset pack, and to nothing else."""

from __future__ import annotations

import hashlib
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from pedsam_ros.audit import attacker_file
from pedsam_ros.audit.guess import fade
from pedsam_ros.audit.lessons import Lesson, Lessons, split
from pedsam_ros.audit.unet import UNet
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.learn.asset_pack import AssetPack

_RATE = 1.5e-3  # at most; half of it when it goes on from other weights
_WARMUP = 50  # steps
_FOLLOW = 0.995  # of the averaged weights
_FLOOR = 4.0  # grey levels squared: no picture is asked to be better than that
_UNITS = 1000  # of the progress bar


def fit(
    pack_path: Path, out: Path, minutes: float, seed: int = 0, start: Path | None = None
) -> dict[str, Any]:
    """Learns for so many minutes, shows its progress, and writes the network to `out`.

    `start` is a file of weights to go on from.

    Returns what its header says: where it comes from, and its gain over the harmonic fill on the
    pictures that were held out. The machine decides how many steps fit into the minutes, so that
    two runs are not equal. Raises ConfigError if the pack is none or `minutes` is no time,
    WeightsError for an unusable `start`, and OSError if `out` cannot be written.
    """
    if not 0 < minutes <= 24 * 60:
        raise ConfigError(f'minutes={minutes}: above 0, at most a day')
    pack, held = split(AssetPack.open(pack_path))
    with tqdm(total=_UNITS, desc='fit', unit_scale=True) as bar:
        net, steps = learn(pack, minutes, seed, bar, start)
    origin: dict[str, Any] = {
        'pack_sha256': hashlib.sha256(pack_path.read_bytes()).hexdigest(),
        'seed': seed,
        'start': attacker_file.origin(start) if start else None,
        'minutes': minutes,
        'steps': steps,
        'parameters': sum(each.numel() for each in net.parameters()),
        'held_out_gain_over_harmonic_db': round(gain_db(net, held), 3),
    }
    attacker_file.write(net, out, origin)
    return origin


def errors(net: UNet, lessons: list[Lesson]) -> Tensor:
    """(B,): mean squared error of each lesson's unseen pixels, grey levels squared."""
    told = [torch.stack(each) for each in zip(*(x.guess.tensors() for x in lessons), strict=True)]
    fill, seen, distance = told
    truth = torch.stack([_even(x) for x in lessons])
    spread = torch.tensor([x.guess.spread for x in lessons])
    wrong = (fill + fade(distance) * net(fill, seen, distance) - truth) * (1 - seen)
    mean: Tensor = wrong.square().sum((1, 2, 3)) / (3 * (1 - seen).sum((1, 2, 3)))
    return mean * spread.square()


def _even(lesson: Lesson) -> Tensor:
    even = (lesson.truth.astype(np.float32) - lesson.guess.centre) / lesson.guess.spread
    return torch.from_numpy(np.ascontiguousarray(even.transpose(2, 0, 1)))


def gain_db(net: UNet, lessons: list[Lesson]) -> float:
    """Mean gain over the harmonic fill, dB."""
    with torch.inference_mode():
        learned = torch.cat([errors(net, [each]) for each in lessons])
        harmonic = torch.cat([errors(UNet(), [each]) for each in lessons])
    return float((10 * torch.log10(harmonic / learned)).mean())


def learn(
    pack: AssetPack, minutes: float, seed: int, bar: tqdm[Any], start: Path | None = None
) -> tuple[UNet, int]:
    """Learns for so many minutes; returns the averaged network and the number of steps."""
    torch.manual_seed(seed)
    net, average, highest = UNet(), UNet(), _RATE / (2 if start else 1)
    if start:
        net.load_state_dict(attacker_file.read(start).state_dict())
    average.load_state_dict(net.state_dict())
    optimiser = torch.optim.AdamW(net.parameters(), highest, (0.9, 0.98), weight_decay=1e-4)
    began, step, done = time.monotonic(), 0, 0.0
    for step, lessons in enumerate(Lessons(pack, seed), 1):
        for group in optimiser.param_groups:
            group['lr'] = highest * min(1, step / _WARMUP) * (0.01 + 0.99 * _cosine(done))
        _step(net, optimiser, lessons)
        _follow(average, net, step)
        done = min(1.0, (time.monotonic() - began) / (60 * minutes))
        bar.update(int(done * _UNITS) - bar.n)
        if done >= 1:
            break
    return average, step


def _step(net: UNet, optimiser: torch.optim.Optimizer, lessons: list[Lesson]) -> None:
    """Its loss is the mean of log errors, because gains are judged in dB."""
    loss = 10 * torch.log10(errors(net, lessons) + _FLOOR).mean()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
    optimiser.step()


def _cosine(done: float) -> float:
    return (1 + math.cos(math.pi * done)) / 2


@torch.no_grad()
def _follow(average: UNet, net: UNet, step: int) -> None:
    keep = min(_FOLLOW, step / (10 + step))
    for old, new in zip(average.parameters(), net.parameters(), strict=True):
        old.lerp_(new, 1 - keep)
