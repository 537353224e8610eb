"""Runs a training: steps, averaged weights, and a state on disk from which it resumes exactly."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import distributed as dist
from torch import nn

from pedsam_ros.core.errors import ConfigError, PedsamError
from pedsam_ros.core.files import replacing
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.model.checkpoint import Weights
from pedsam_ros.core.settings import check_fields, setting
from pedsam_ros.learn.learner import Learner
from pedsam_ros.learn.source import Share, Source

_STATE = ('recipe', 'step', 'model', 'average', 'optimiser')  # what a state on disk holds
_SAVE_S = 45.0  # shortest time between two saves
_SAVE_SHARE = 20  # and at least this many times what a save takes (gigabytes for a large model)
# Tensors with the shape of a matrix that are tables: of positions, tokens and kinds of points.
_TABLE = re.compile(r'(pos_embed|rel_pos_[hw]|(_token|_tokens|_embed|_embeddings\.\d+)\.weight)$')


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All settings that decide the result of a run, besides the learner and its examples."""

    seed: int = setting(0, 'random seed of the weights, scenes and prompts', low=0, high=2**31)
    steps: int = setting(5000, 'number of steps in the run', low=1, high=10**7)
    batch: int = setting(8, 'number of scenes in a step', low=1, high=10**4)
    rate: float = setting(8e-4, 'highest learning rate', low=0.0, high=1.0)
    warmup: int = setting(
        250, 'number of steps in which the learning rate rises', low=1, high=10**6
    )
    decay: float = setting(0.05, 'weight decay', low=0.0, high=1.0)
    average: float = setting(
        0.998, 'share of the averaged weights that each step keeps', low=0.0, high=1.0
    )
    hold: float = setting(
        0.0, 'share of the steps before the learning rate falls', low=0.0, high=1.0
    )
    shift: bool = setting(
        True, 'whether the partition and the content of each scene begin at a random place'
    )
    precision: str = setting(
        'float32', 'number type of matrix products', choices=('float32', 'bfloat16')
    )

    def __post_init__(self) -> None:
        check_fields(self)


class Trainer:
    """One run of a learner in `folder`, which holds state.pt and log.jsonl; resumes a state there.

    Several processes may run it together if torch.distributed is initialised: each learns from its
    share of every batch, and all make the same steps. Raises ConfigError if the state belongs to
    another run.
    """

    def __init__(
        self, learner: Learner, recipe: Recipe, folder: Path, device: str = 'cpu'
    ) -> None:
        self.learner, self.recipe, self.device = learner.to(device), recipe, device
        alone = not dist.is_initialized()
        self.rank, self.ranks = (0, 1) if alone else (dist.get_rank(), dist.get_world_size())
        self.step = 0
        self._state, self._log = folder / 'state.pt', folder / 'log.jsonl'
        folder.mkdir(parents=True, exist_ok=True)
        self.average = {k: v.detach().clone() for k, v in learner.state_dict().items()}
        self._optimiser = torch.optim.AdamW(_groups(learner, recipe.decay), betas=(0.9, 0.98))
        if self._state.exists():
            self._resume()

    def run(self, source: Source) -> Iterator[dict[str, float]]:
        """Trains to the end; yields the losses and figures of each step."""
        due_s = time.monotonic() + _SAVE_S
        for batch in source.batches(self._share_of_batches()):
            yield self._step(batch)
            if self.rank == 0 and (begun := time.monotonic()) > due_s:
                self.save()
                took_s = time.monotonic() - begun
                due_s = begun + max(_SAVE_S, took_s * _SAVE_SHARE)
        if self.rank == 0:
            self.save()

    def weights(self) -> Weights:
        """The averaged weights, which are the result of the run."""
        encoder = {k: v for k, v in self.average.items() if k.startswith('encoder.')}
        rest = {k: v for k, v in self.average.items() if k.startswith('decoder.')}
        return checkpoint.joined(
            self.learner.arch,
            {k.removeprefix('encoder.'): v.cpu() for k, v in encoder.items()},
            {k.removeprefix('decoder.'): v.cpu() for k, v in rest.items()},
            self.learner.order,
        )

    def save(self) -> None:
        """Writes the state and the averaged weights, each as a whole file or not at all."""
        state = {
            'recipe': self._signature,
            'step': self.step,
            'model': self.learner.state_dict(),
            'average': self.average,
            'optimiser': self._optimiser.state_dict(),
        }
        with replacing(self._state) as partial:
            torch.save(state, partial)
        mean = self.average['mean_token']
        weights = loading.with_mean(loading.with_padding(self.weights()), mean)
        checkpoint.write(weights, self._state.with_name('model.safetensors'))

    def learn(self, batch: Any) -> dict[str, float]:
        """Makes one step on a batch of the learner's kind; returns losses and figures.

        Raises PedsamError if the loss is not finite; then the weights stay as they were.
        """
        recipe = self.recipe
        for group in self._optimiser.param_groups:
            group['lr'] = recipe.rate * _schedule(self.step, recipe)
        with torch.autocast(
            torch.device(self.device).type, torch.bfloat16, recipe.precision == 'bfloat16'
        ):
            told = self.learner(batch, self.step)
        shares = self.learner.loss_weights.items()
        loss = sum(share * told[name] for name, share in shares if name in told)
        if not torch.isfinite(loss):
            raise PedsamError(f'step={self.step}: loss={loss.item()}: not finite; lower --rate')
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self._share()
        norm = nn.utils.clip_grad_norm_(self.learner.parameters(), 1.0)
        if not torch.isfinite(norm):
            raise PedsamError(
                f'step={self.step}: gradient={norm.item()}: not finite; lower --rate'
            )
        self._optimiser.step()
        self._follow()
        self.step += 1
        return {'loss': float(loss.detach())} | {k: float(v.detach()) for k, v in told.items()}

    def _step(self, batch: Any) -> dict[str, float]:
        began = time.monotonic()
        told = self.learn(batch) | {'step': self.step}
        told['step_s'] = time.monotonic() - began
        if self.rank == 0:
            with self._log.open('a') as log:
                log.write(json.dumps({k: round(v, 5) for k, v in told.items()}) + '\n')
        return told

    def _share(self) -> None:
        """Replaces the gradients by their mean over all processes."""
        if self.ranks == 1:
            return
        gradients = [p.grad for p in self.learner.parameters() if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients])
        dist.all_reduce(flat)
        parts = torch.split(flat / self.ranks, [g.numel() for g in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    @torch.no_grad()
    def _follow(self) -> None:
        """Moves the average towards the weights: fast at first, when it is worth little."""
        keep = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        for name, weight in self.learner.named_parameters():
            self.average[name].lerp_(weight, 1 - keep)
        for name, value in self.learner.named_buffers():  # running means, or never changed
            self.average[name].copy_(value)

    def _share_of_batches(self) -> Share:
        recipe = self.recipe
        return Share(
            first=self.step,
            steps=recipe.steps,
            batch=recipe.batch,
            rank=self.rank,
            ranks=self.ranks,
            device=self.device,
        )

    @property
    def _signature(self) -> dict[str, Any]:
        """What a state and the run that resumes it must have in common."""
        arch, name = self.learner.arch.to_json(), self.learner.name
        return asdict(self.recipe) | {'arch': arch, 'learner': name, 'processes': self.ranks}

    def _resume(self) -> None:
        try:
            state = torch.load(self._state, map_location='cpu', weights_only=True)
            found = {name: state[name] for name in _STATE}
        except Exception as error:  # a damaged file can make torch raise nearly anything
            raise ConfigError(f'{self._state}: not the state of a run ({error!r:.200})') from None
        if found['recipe'] != self._signature:
            raise ConfigError(f'{self._state}: of another run, {found["recipe"]}')
        self.step = found['step']
        self.learner.load_state_dict(found['model'])
        self.average = {name: value.to(self.device) for name, value in found['average'].items()}
        self._optimiser.load_state_dict(found['optimiser'])


def _groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Groups of parameters: matrices and kernels decay; biases, norms and tables do not."""
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    spared = [n for n, p in named if p.ndim < 2 or _TABLE.search(n)]
    return [
        {'params': [p for n, p in named if n not in spared], 'weight_decay': decay},
        {'params': [p for n, p in named if n in spared], 'weight_decay': 0.0},
    ]


def _schedule(step: int, recipe: Recipe) -> float:
    """Share of the highest rate: it rises linearly, then falls along a cosine to a hundredth."""
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    held = max(recipe.warmup, recipe.hold * recipe.steps)
    done = max(0.0, step - held) / max(1.0, recipe.steps - held)
    return 0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, done))) / 2
