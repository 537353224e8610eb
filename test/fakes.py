"""Small stand-ins for tests: a tiny random SAM, a camera, and a worker that is a function call."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.audits import Chance, unforeseeable
from pedsam_ros.core.config import EdgeConfig, LossConfig
from pedsam_ros.core.edge import Edge
from pedsam_ros.core.errors import BadImage
from pedsam_ros.core.in_flight import Assignment
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.model import checkpoint, loading, sam
from pedsam_ros.core.model.edge_half import EdgeHalf
from pedsam_ros.core.model.fitted_codec import FittedCodec
from pedsam_ros.core.model.monolithic import block_order
from pedsam_ros.core.model.worker_half import WorkerHalf
from pedsam_ros.core.outbound import neutral
from pedsam_ros.core.placement import place
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.types import Embedding, Frame, FrameKey, Prompt
from pedsam_ros.core.windows import pixel_grid
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.trial.processes import NAMES

# SAM's own shape in small: a 5x5 grid whose last row and column hold 2 of 4 tokens.
TINY = Architecture(
    name='tiny',
    dim=32,
    depth=4,
    heads=2,
    global_blocks=(1, 3),
    image_px=288,
    window=4,
    embedding_dim=32,
)
FINE = replace(TINY, name='fine', fine_dim=2, refine_px=16)  # with our own stem, decoder, refiner
WORKERS = tuple(WorkerEntry(name=n, domain_id=i) for i, n in enumerate(NAMES, 1))
ALL = frozenset(worker.name for worker in WORKERS)
WITHOUT_BOB = ALL - {'bob'}
POINT = (Prompt(points=((20.0, 20.0, 1),)),)


@cache
def weights(seed: int = 0) -> checkpoint.Weights:
    """Random weights of the tiny architecture."""
    return checkpoint.random_weights(TINY, seed)


@cache
def codec(seed: int = 0) -> FittedCodec:
    """A codec of random directions for the tiny architecture."""
    random = torch.Generator().manual_seed(seed)
    basis, _ = torch.linalg.qr(torch.randn(TINY.dim, TINY.dim, generator=random))
    bits = torch.tensor([[5.0, 4, 4, 3], [3, 2, 2, 1], [2, 1, 1, 0]])
    steps = 6.0 / 2 ** bits.repeat_interleave(8, dim=1)
    return FittedCodec(torch.randn(TINY.dim, generator=random), basis, steps, bits)


@cache
def coded_weights(codec_seed: int = 0) -> checkpoint.Weights:
    """The same weights with a codec."""
    return replace(weights(), codec=codec(codec_seed))


def frame(height: int = 96, width: int = 128, seed: int = 0, stamp_ns: int = 1) -> Frame:
    """An image of noise: every window differs."""
    rgb = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Frame(FrameKey(stamp_ns, 'camera'), rgb)


class Shown:
    """A camera image that was not read yet; reading it gives a frame of noise.

    With `unreadable` it raises BadImage. `nbytes` is the size it pretends to have.
    """

    def __init__(self, unreadable: bool = False, nbytes: int = 1, **of_frame: int) -> None:
        self._unreadable, self.nbytes, self._frame = unreadable, nbytes, frame(**of_frame)
        self.key = self._frame.key

    def read(self) -> Frame:
        if self._unreadable:
            raise BadImage('it cannot be read')
        return self._frame


def edge(
    spares: tuple[str, ...] = (),
    ledger: Ledger | None = None,
    chance: Chance = unforeseeable,
    **config: Any,
) -> Edge:
    """A tiny edge with three workers, and windows that are fixed to the image."""
    still = PlacementConfig(anchor='image')
    settings = EdgeConfig(**{'points': (20.0, 20.0), 'placement': still, **config})
    homes = place(pixel_grid(TINY), WORKERS, settings.placement)
    entries = [WorkerEntry(name=name, domain_id=9, spare=True) for name in spares]
    return Edge(edge_half(settings.worker_half), homes, settings, ledger, entries, chance)


@cache
def edge_half(worker_half: bool = False) -> EdgeHalf:
    """The edge's half. All tests share it, because nothing changes it."""
    return loading.load_edge(coded_weights(), worker_half=worker_half)


@cache
def worker() -> WorkerHalf:
    """An honest worker."""
    return loading.load_worker(coded_weights())


def any_reply() -> Embedding:
    """A well-formed reply to a request nobody made."""
    return Embedding(
        1, weights().model_id, 0, (4, 4, TINY.dim), 'float16', bytes(4 * 4 * TINY.dim * 2)
    )


def replies(assignments: list[Assignment]) -> list[tuple[str, Embedding]]:
    """Worker and reply, for each assignment, as honest workers would answer."""
    answers = worker().encode([assignment.window for assignment in assignments])
    return [(a.worker, answer) for a, answer in zip(assignments, answers, strict=True)]


@cache
def reference(
    loaded: checkpoint.Weights, dtype: torch.dtype, order: str = 'ped'
) -> torch.nn.Module:
    """SAM itself, with its blocks in a chosen order. The two halves together must equal it."""
    whole = sam.sam_of(loaded.arch)
    whole.load_state_dict(dict(loaded.tensors))
    blocks = whole.image_encoder.blocks
    chosen = [blocks[i] for i in block_order(loaded.arch, order)]
    whole.image_encoder.blocks = torch.nn.ModuleList(chosen)
    return whole.eval().to(dtype)


def loss(*rules: str, **others: Any) -> LossConfig:
    """What to do about lost workers: these rules, in their order."""
    return LossConfig(on_server_loss=rules, **others)


def by_worker(assignments: list[Assignment]) -> dict[str, set[int]]:
    """Maps each worker to the indices of the windows that are for it, without neutral ones."""
    found: dict[str, set[int]] = {}
    for assignment in filter(lambda each: not neutral(each.window.pixels), assignments):
        found.setdefault(assignment.worker, set()).add(assignment.window.index)
    return found


def settle(edge: Edge, assignments: list[Assignment], now_s: float = 0.0) -> None:
    """Has the edge accept an honest reply to each assignment."""
    for worker, reply in replies(assignments):
        edge.accept(worker, reply, now_s)


def prompt(x: float, y: float) -> tuple[Prompt, ...]:
    """One point on the object."""
    return (Prompt(points=((x, y, 1),)),)
