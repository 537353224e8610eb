"""Measures what sealing costs: time on one core, and bytes of padding.

`python test/seal_bench.py [--repeat N]`: one frame at the edge, with twenty windows of 224x224 px
to seal and twenty embeddings of 196 x 1280 float16 to open. In turn the bare seal, and the whole
way from window to message and from message to embedding. Prints tables and writes out/seal.json.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from pedsam_ros.core import wire
from pedsam_ros.core.architecture import ARCHITECTURES
from pedsam_ros.core.seal import Kind
from pedsam_ros.core.types import Embedding, Window
from pedsam_ros.core.windows import Canvas
from pedsam_ros.core.wire import padded
from pedsam_ros.msg import SealedEmbedding, SealedWindow
from pedsam_ros.ros import plaintext, sealed_msg
from pedsam_ros.tools.figures import write_figures
from session_pair import Pair

WINDOWS = 20
PIXELS = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
VALUES = bytes(14 * 14 * 1280 * 2)
CAMERAS = ((480, 640), (720, 1280), (1080, 1920))


class Frame:
    """The windows and embeddings of one frame, and two ends that have a session."""

    def __init__(self) -> None:
        self.pair = Pair()
        self.pair.greet()
        arch = ARCHITECTURES['vit_h']
        self._window_bytes = wire.window_size(arch)
        window = Window(1, 'a' * 16, 3, PIXELS, 'float16', 2.0)
        self.windows = [window] * WINDOWS
        embedding = Embedding(1, 'a' * 16, 3, (14, 14, 1280), 'float16', VALUES, 0.5)
        size = wire.embedding_size(arch, 'float16')
        self._plain = padded(plaintext.embedding_to_bytes(embedding), size)
        self._window = padded(plaintext.window_to_bytes(window), self._window_bytes)

    def answers(self) -> list[Any]:
        """What comes back: as many messages of embeddings."""
        sealed = [
            self.pair.alice.seal(Kind.EMBEDDING, self._plain, self.pair.now_s)
            for _ in self.windows
        ]
        return [sealed_msg.sealed_to_msg(each, SealedEmbedding) for each in sealed if each]

    def bare(self, answers: list[Any]) -> None:
        """Seals and opens, and nothing else."""
        for _ in self.windows:
            self.pair.edge.seal(Kind.WINDOW, self._window, self.pair.now_s)
        for answer in answers:
            sealed = sealed_msg.sealed_from_msg(answer)
            self.pair.edge.open(Kind.EMBEDDING, sealed, self.pair.now_s)

    def whole(self, answers: list[Any]) -> None:
        """All that an edge does between a window and its message, and back."""
        for window in self.windows:
            content = padded(plaintext.window_to_bytes(window), self._window_bytes)
            sealed = self.pair.edge.seal(Kind.WINDOW, content, self.pair.now_s)
            assert sealed is not None
            sealed_msg.sealed_to_msg(sealed, SealedWindow)
        for answer in answers:
            sealed = sealed_msg.sealed_from_msg(answer)
            content, _ = self.pair.edge.open(Kind.EMBEDDING, sealed, self.pair.now_s)
            plaintext.embedding_from_bytes(content)


def took_ms(work: Callable[[list[Any]], None], answers: list[Any]) -> float:
    """Processor time of this thread, ms."""
    begun = time.thread_time()
    work(answers)
    return 1000 * (time.thread_time() - begun)


def times_ms(repeat: int) -> dict[str, float]:
    """Medians of some repetitions, ms a frame."""
    frame = Frame()
    found: dict[str, list[float]] = {'bare seal': [], 'whole way': []}
    for _ in tqdm(range(repeat), disable=None):
        for name, work in (('bare seal', frame.bare), ('whole way', frame.whole)):
            found[name].append(took_ms(work, frame.answers()))
    return {name: statistics.median(values) for name, values in found.items()}


def padding() -> list[dict[str, Any]]:
    """Bytes of a frame's windows and embeddings, as they are and as they travel."""
    rows = []
    for model in ('vit_tiny', 'vit_b', 'vit_h'):
        arch = ARCHITECTURES[model]
        for height, width in CAMERAS:
            canvas = Canvas.fit(arch, height, width)
            count = len(list(canvas.windows()))
            pixels = sum(3 * canvas.content_area(index) for index in canvas.windows())
            rows.append(
                {
                    'model': model,
                    'camera': f'{width}x{height}',
                    'windows': count,
                    'pixel_bytes': pixels,
                    'sent_bytes': count * (wire.window_size(arch) + 16),
                    'back_bytes': count * (wire.embedding_size(arch, 'float16') + 16),
                }
            )
    return rows


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--repeat', type=int, default=50)
    times, rows = times_ms(parser.parse_args().repeat), padding()
    print('| 20 windows out, 20 embeddings back | ms |\n|---|---|')
    for name, value in times.items():
        print(f'| {name} | {value:.1f} |')
    print(
        '\n| model | camera | windows | pixels, kB | sent, kB | more |\n|---|---|---|---|---|---|'
    )
    for row in rows:
        more = row['sent_bytes'] / row['pixel_bytes'] - 1
        cells = (row['model'], row['camera'], row['windows'])
        sizes = f'{row["pixel_bytes"] / 1000:.0f} | {row["sent_bytes"] / 1000:.0f}'
        print('|', *(f'{cell} |' for cell in cells), f'{sizes} | {more:+.0%} |')
    write_figures(Path('out/seal.json'), {'times_ms': times, 'padding': rows})


if __name__ == '__main__':
    main()
