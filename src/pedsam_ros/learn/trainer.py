"""A training run: steps, averaged weights, a state on disk from which it goes on as if never
stopped."""

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
from torch.utils.data import DataLoader, Dataset

from pedsam_ros.core.errors import ConfigError, PedsamError
from pedsam_ros.core.files import replacing
from pedsam_ros.core.model import checkpoint
from pedsam_ros.core.model.checkpoint import Weights
from pedsam_ros.core.settings import check_fields, setting
from pedsam_ros.learn.examples import Example
from pedsam_ros.learn.learner import Batch, Learner

_SAVE_S = 45.0  # from one save to the next, or longer:
_SAVE_SHARE = 20  # times what a save takes (a large model's is gigabytes)
# What is a matrix by its shape alone: tables of positions, tokens and kinds of points.
_TABLE = re.compile(r'(pos_embed|rel_pos_[hw]|(_token|_tokens|_embed|_embeddings\.\d+)\.weight)$')


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All that decides what a run comes to, but for the learner and its examples."""

    seed: int = setting(0, 'of weights, scenes and prompts', low=0, high=2**31)
    steps: int = setting(5000, 'of the whole run', low=1, high=10**7)
    batch: int = setting(8, 'scenes in a step', low=1, high=10**4)
    rate: float = setting(8e-4, 'highest learning rate', low=0.0, high=1.0)
    warmup: int = setting(250, 'steps in which the rate rises', low=1, high=10**6)
    decay: float = setting(0.05, 'of weights', low=0.0, high=1.0)
    average: float = setting(
        0.998, 'share kept, at each step, by the averaged weights: the result', low=0.0, high=1.0
    )
    precision: str = setting(
        'float32', 'of products of matrices: float32, bfloat16', choices=('float32', 'bfloat16')
    )

    def __post_init__(self) -> None:
        check_fields(self)


class Trainer:
    """One run of a learner in `folder`: state.pt and log.jsonl. Goes on where its state stands.

    Several processes may run it together (torch.distributed, started by whoever makes it): each
    learns from its share of a batch, and all step alike. Raises ConfigError if the state is of
    another recipe.
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

    def run(self, examples: Dataset[Example], loaders: int) -> Iterator[dict[str, float]]:
        """Trains to the end; yields what each step measured. `loaders`: processes that read
        examples."""
        due_s = time.monotonic() + _SAVE_S
        for batch in self._batches(examples, loaders):
            yield self._step(batch)
            if self.rank == 0 and (begun := time.monotonic()) > due_s:
                self.save()
                took_s = time.monotonic() - begun
                due_s = begun + max(_SAVE_S, took_s * _SAVE_SHARE)
        if self.rank == 0:
            self.save()

    def weights(self) -> Weights:
        """The averaged weights."""
        encoder = {k: v for k, v in self.average.items() if k.startswith('encoder.')}
        rest = {k: v for k, v in self.average.items() if k.startswith('decoder.')}
        return checkpoint.joined(
            self.learner.arch,
            {k.removeprefix('encoder.'): v.cpu() for k, v in encoder.items()},
            {k.removeprefix('decoder.'): v.cpu() for k, v in rest.items()},
            self.learner.order,
        )

    def save(self) -> None:
        """Writes the state and the averaged weights; never leaves half a file."""
        state = {
            'recipe': self._signature,
            'step': self.step,
            'model': self.learner.state_dict(),
            'average': self.average,
            'optimiser': self._optimiser.state_dict(),
        }
        with replacing(self._state) as partial:
            torch.save(state, partial)
        checkpoint.write(self.weights(), self._state.with_name('model.safetensors'))

    def learn(self, examples: list[Example]) -> dict[str, float]:
        """One step of descent on some examples."""
        recipe = self.recipe
        for group in self._optimiser.param_groups:
            group['lr'] = recipe.rate * _schedule(self.step, recipe)
        batch = Batch.of(examples, self.device)
        with torch.autocast(
            torch.device(self.device).type, torch.bfloat16, recipe.precision == 'bfloat16'
        ):
            told = self.learner(batch, self.step)
        shares = self.learner.shares.items()
        loss = sum(share * told[name] for name, share in shares if name in told)
        if not torch.isfinite(loss):
            raise PedsamError(f'step={self.step}: loss={loss.item()}: not finite; lower --rate')
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self._share()
        nn.utils.clip_grad_norm_(self.learner.parameters(), 1.0)
        self._optimiser.step()
        self._follow()
        self.step += 1
        return {'loss': float(loss.detach())} | {k: float(v.detach()) for k, v in told.items()}

    def _step(self, examples: list[Example]) -> dict[str, float]:
        began = time.monotonic()
        told = self.learn(examples) | {'step': self.step}
        told['step_s'] = time.monotonic() - began
        if self.rank == 0:
            with self._log.open('a') as log:
                log.write(json.dumps({k: round(v, 5) for k, v in told.items()}) + '\n')
        return told

    def _share(self) -> None:
        """The mean of all processes' gradients."""
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
        """The average follows; fast at first, when there is little worth keeping."""
        keep = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        for name, value in self.learner.state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - keep)

    def _batches(self, examples: Dataset[Example], loaders: int) -> DataLoader[Example]:
        recipe, batch = self.recipe, self.recipe.batch
        return DataLoader(
            examples,
            batch_size=batch // self.ranks,
            sampler=range(self.step * batch + self.rank, recipe.steps * batch, self.ranks),
            num_workers=loaders,
            collate_fn=list,
            prefetch_factor=4 if loaders else None,
            worker_init_fn=_alone,
        )

    @property
    def _signature(self) -> dict[str, Any]:
        """What a state must share with the run that takes it up."""
        arch, name = self.learner.arch.to_json(), self.learner.name
        return asdict(self.recipe) | {'arch': arch, 'learner': name, 'processes': self.ranks}

    def _resume(self) -> None:
        state: dict[str, Any] = torch.load(self._state, map_location='cpu', weights_only=True)
        if state['recipe'] != self._signature:
            raise ConfigError(f'{self._state}: of another run, {state["recipe"]}')
        self.step = state['step']
        self.learner.load_state_dict(state['model'])
        self.average = {name: value.to(self.device) for name, value in state['average'].items()}
        self._optimiser.load_state_dict(state['optimiser'])


def _groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Matrices and kernels decay; biases, norms, positions and tokens do not."""
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    spared = [n for n, p in named if p.ndim < 2 or _TABLE.search(n)]
    return [
        {'params': [p for n, p in named if n not in spared], 'weight_decay': decay},
        {'params': [p for n, p in named if n in spared], 'weight_decay': 0.0},
    ]


def _schedule(step: int, recipe: Recipe) -> float:
    """Share of the highest rate: a ramp, then half a cosine down to a hundredth."""
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    done = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return 0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, done))) / 2


def _alone(_: int) -> None:
    """A process that makes scenes leaves the other cores to the one that learns."""
    torch.set_num_threads(1)
