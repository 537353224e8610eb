"""The windows of one frame on their way to a worker and back, without a network between."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pedsam_ros.bench import lively
from pedsam_ros.bench.plan import CAMERA
from pedsam_ros.core import codec, noise, seal, wire
from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.keys import new_private
from pedsam_ros.core.seal import Kind, Sealed, Session
from pedsam_ros.core.types import Embedding, Values, Window
from pedsam_ros.core.windows import Canvas, merge, partition, token_grid
from pedsam_ros.ros import plaintext

_WORKER = 'alice'
_ID = 'a' * 16  # stands for the model's


class FrameInTransit:
    """Each stage takes what the one before it made. All go through the code that nodes run."""

    EDGE: ClassVar = ('edge_packs', 'edge_seals', 'edge_opens', 'edge_unpacks', 'edge_merges')
    STAGES: ClassVar = (*EDGE[:2], 'worker_opens', 'worker_encodes', 'worker_seals', *EDGE[2:])

    def __init__(self, arch: Architecture, dtype: str) -> None:
        self._arch, self._dtype = arch, dtype
        self._edge, self._worker = _sessions()
        canvas = Canvas.fit(arch, *CAMERA)
        contents = partition(lively.image(*canvas.content), canvas.grid)
        self.windows = [Window(1, _ID, i, pixels, dtype) for i, pixels in contents.items()]
        self._grid, self._whole = token_grid(arch), lively.tokens(arch)
        self._packed: list[bytes] = []
        self._up: list[Sealed] = []
        self._answers: list[bytes] = []
        self._down: list[Sealed] = []
        self._opened: list[bytes] = []
        self._tokens: dict[int, Values] = {}

    @property
    def up_bytes(self) -> int:
        """What leaves the edge."""
        return sum(len(each.box) for each in self._up)

    @property
    def down_bytes(self) -> int:
        """What comes back."""
        return sum(len(each.box) for each in self._down)

    def edge_packs(self) -> None:
        """Serialises and pads the windows."""
        size = wire.window_size(self._arch)
        self._packed = [wire.padded(plaintext.window_to_bytes(w), size) for w in self.windows]

    def edge_seals(self) -> None:
        """Seals the windows."""
        self._up = [self._edge.seal(Kind.WINDOW, each) for each in self._packed]

    def worker_opens(self) -> None:
        """Opens and reads the windows."""
        for each in self._up:
            plaintext.window_from_bytes(self._worker.open(Kind.WINDOW, each))

    def worker_encodes(self) -> None:
        """Packs the tokens of the windows."""
        size = wire.embedding_size(self._arch, self._dtype)
        self._answers = [
            wire.padded(plaintext.embedding_to_bytes(self._embedding(window.index)), size)
            for window in self.windows
        ]

    def worker_seals(self) -> None:
        """Seals the embeddings."""
        self._down = [self._worker.seal(Kind.EMBEDDING, each) for each in self._answers]

    def edge_opens(self) -> None:
        """Opens the embeddings."""
        self._opened = [self._edge.open(Kind.EMBEDDING, each) for each in self._down]

    def edge_unpacks(self) -> None:
        """Reads the embeddings, and unpacks their tokens."""
        replies = [plaintext.embedding_from_bytes(each) for each in self._opened]
        self._tokens = {r.index: codec.decode(r.values, r.shape, r.dtype) for r in replies}

    def edge_merges(self) -> None:
        """Lays the tokens over those of canvas padding."""
        merge(self._tokens, self._grid, self._whole)

    def _embedding(self, index: int) -> Embedding:
        rows, columns = self._grid.span(index)
        tokens = np.ascontiguousarray(self._whole[rows, columns])
        height, width, channels = tokens.shape
        values = codec.encode(tokens, self._dtype)
        return Embedding(1, _ID, index, (height, width, channels), self._dtype, values)


def _sessions() -> tuple[Session, Session]:
    """Both ends of one handshake: the edge's and the worker's."""
    edge, worker, told = new_private(), new_private(), seal.prologue(_WORKER)
    begun = noise.Initiator(edge, noise.public(worker), told)
    answering = noise.Responder(worker, told)
    answering.read(begun.hello(b''))
    reply, theirs = answering.reply(b'')
    _, ours = begun.finish(reply)
    return Session(_WORKER, ours, b'', 0.0), Session(_WORKER, theirs, b'', 0.0)
