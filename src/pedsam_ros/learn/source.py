"""Where the batches of a run come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch.utils.data import DataLoader, Dataset

from pedsam_ros.learn.examples import Example
from pedsam_ros.learn.learner import Batch


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The part of a run's batches that one process learns from."""

    first: int  # step
    steps: int  # of the whole run
    batch: int  # scenes in a step, of all processes together
    rank: int = 0  # of this process
    ranks: int = 1
    device: str = 'cpu'


class Source(Protocol):
    """Yields a batch for each step that is left. A step's batch does not depend on the others."""

    def batches(self, share: Share) -> Iterator[Any]:
        """The batches of steps share.first to share.steps - 1, on the device."""


@dataclass(frozen=True, slots=True, eq=False)
class FromExamples:
    """Batches of examples, which some processes make as they are needed; 0: this process."""

    examples: Dataset[Example]
    loaders: int = 0

    def batches(self, share: Share) -> Iterator[Batch]:
        """See Source."""
        loaded: DataLoader[Example] = DataLoader(
            self.examples,
            batch_size=share.batch // share.ranks,
            sampler=range(
                share.first * share.batch + share.rank, share.steps * share.batch, share.ranks
            ),
            num_workers=self.loaders,
            collate_fn=list,
            prefetch_factor=4 if self.loaders else None,
            worker_init_fn=_alone,
        )
        return (Batch.of(some, share.device) for some in loaded)


def _alone(_: int) -> None:
    """Keeps a process that makes examples on one core; the others are for learning."""
    torch.set_num_threads(1)
