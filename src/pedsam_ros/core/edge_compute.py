"""What Edge has computed for it. core/model/edge_half.py does it with torch; this file needs no
torch."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Protocol, TypeAlias, TypeVar

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.automatic_config import AutomaticConfig
from pedsam_ros.core.in_flight import Encoded, InFlight
from pedsam_ros.core.types import Answer, Embedding, Pixels, Prompt, Values, Window

T = TypeVar('T')
Making: TypeAlias = Generator[None, None, T]  # yields between two batches, then returns a T
Late: TypeAlias = Callable[[], bool]  # whether the time for something has passed


def never() -> bool:
    """For what has all the time that it needs."""
    return False


def finished(making: Making[T]) -> T:
    """Runs a generator to its end without a pause. Returns what it returns."""
    while True:
        try:
            next(making)
        except StopIteration as end:
            result: T = end.value
            return result


class EdgeCompute(Protocol):
    """The edge's half of a model. If the edge computes windows as well, it also has the worker's
    half."""

    @property
    def arch(self) -> Architecture:
        """The sizes of the model."""

    @property
    def model_id(self) -> str:
        """The hash that edge and workers must agree on."""

    def resize(self, rgb: Pixels, size: tuple[int, int]) -> Pixels:
        """Resizes an (H, W, 3) uint8 image to (h, w) = `size`; returns (h, w, 3) uint8."""

    def reply_dtype(self, transport: str, ratio: int) -> str:
        """The type that workers are asked for: one of codec.TRANSPORTS, the codec by its name on
        the wire. Raises ConfigError if the model has no codec."""

    def checked(
        self, worker: str, reply: Embedding, dtype: str, offset: tuple[int, int] = (0, 0)
    ) -> Values:
        """Decodes a reply into (rows, columns, C) float32 tokens; `dtype` is what was asked for,
        `offset` the grid's. Raises BadReply if it is malformed."""

    def compute(self, window: Window) -> Embedding:
        """Computes the embedding of a window that stays on the edge. Raises ValueError without
        the worker's half."""

    def audit(self, frame: InFlight, index: int, dtype: str, tolerance: float) -> None:
        """Computes a window again. Raises BadReply if its worker computed something else."""

    def encode(self, frame: InFlight) -> Encoded:
        """Runs the global blocks on a complete frame. Raises BadReply if the result is not
        finite."""

    def segment(
        self,
        encoded: Encoded,
        prompts: Sequence[Prompt],
        rules: AutomaticConfig,
        late: Late = never,
    ) -> Making[Answer]:
        """Makes the masks for the prompts that fit the frame; without prompts, of everything in
        view, which is searched until it is `late`. Yields between two batches."""
