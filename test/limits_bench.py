"""Measures what the largest allowed input costs: `python test/limits_bench.py`, a few minutes.

Images made to cost much, the largest requests for masks, and a flood of requests while frames
come. Each is measured in a process of its own; figures are written to out/limits.json.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from fuzz import _forget_peak, _peak_mb
from mask_bench import picture

from loop_with_fakes import PlayedLoop
from pedsam_ros.core import pixels
from pedsam_ros.core.automatic_config import AutomaticConfig
from pedsam_ros.core.errors import BadImage, BadPrompt
from pedsam_ros.core.image_bombs import MAX_PIXELS
from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.model import checkpoint, loading, preprocess
from pedsam_ros.core.types import Answer, FrameKey, Prompt
from pedsam_ros.core.windows import Canvas
from pedsam_ros.tools.figures import write_figures

_CALLS = 40
_FRAMES = 6
Figures = dict[str, Any]


def measured(work: Callable[[], Figures]) -> Figures:
    """What some work returns, the processor's time for it, s, and by how much memory rises."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            _forget_peak()
            before_mb, begun_s = _peak_mb(), time.process_time()
            told = work()
            told |= {'processor_s': round(time.process_time() - begun_s, 3)}
            told |= {'megabytes': round(_peak_mb() - before_mb)}
            os.write(writing, json.dumps(told).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, 'rb') as stream:
        data = stream.read()
    os.waitpid(child, 0)
    found: Figures = json.loads(data)
    return found


def _chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack('>I', len(content)) + name + content + struct.pack('>I', check)


def flat_png(side: int, bits: int, colour: int, extra: bytes = b'') -> bytes:
    """A PNG of side x side zeros: a thousandth of its pixels in bytes."""
    row = bytes(1 + side * {0: 1, 2: 3, 6: 4}[colour] * bits // 8)
    packer = zlib.compressobj(9)
    parts = [packer.compress(row) for _ in range(side)]
    head = struct.pack('>IIBBBBB', side, side, bits, colour, 0, 0, 0)
    body = _chunk(b'IDAT', b''.join([*parts, packer.flush()]))
    return b'\x89PNG\r\n\x1a\n' + _chunk(b'IHDR', head) + extra + body + _chunk(b'IEND', b'')


def images() -> Iterator[tuple[str, bytes]]:
    """Files that are made to cost much."""
    side = int(MAX_PIXELS**0.5) // 8 * 8
    yield 'PNG, 8 bits, as large as allowed', flat_png(side, 8, 2)
    yield 'PNG, 16 bits and alpha, as large as allowed', flat_png(side, 16, 6)
    yield 'PNG of 8192x8192', flat_png(8192, 8, 2)
    text = _chunk(b'zTXt', b'key\0\0' + zlib.compress(bytes(7 * 10**6), 9))
    yield 'PNG of 64x64, 1000 texts of 7 MB', flat_png(64, 8, 2, text * 1000)
    grey = np.zeros((side, side), np.uint8)
    jpeg = cv2.imencode('.jpg', grey, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    at = jpeg.rindex(b'\xff\xda')
    yield 'JPEG, progressive, as large as allowed', jpeg
    yield 'the same with 50 empty scans more', jpeg[:at] + jpeg[at : at + 10] * 50 + jpeg[at:]
    yield 'the same with 5000', jpeg[:at] + jpeg[at : at + 10] * 5000 + jpeg[at:]
    yield 'TIFF, as large as allowed', cv2.imencode('.tiff', grey)[1].tobytes()
    tags = b''.join(struct.pack('<HHII', 40000 + i, 7, 10**6, 8) for i in range(20000))
    head = b'II*\0' + struct.pack('<IH', 8, 20000)
    yield 'TIFF, 20,000 tags of 1 MB each', head + tags + bytes(10**6)
    yield 'WebP, as large as allowed', cv2.imencode('.webp', grey[:, : side // 2])[1].tobytes()


def decoded(data: bytes) -> Figures:
    """Reads an image file, or says why not."""
    try:
        return {'bytes': len(data), 'answer': f'{pixels.decode(data).shape[:2]}'}
    except BadImage as error:
        return {'bytes': len(data), 'answer': str(error)}


def asked(prompts: tuple[Prompt, ...], height: int, width: int) -> Figures:
    """Has vit_tiny answer prompts on a drawn picture: in how many batches, and the longest."""
    edge, rgb = loading.load_edge(checkpoint.read('vit_tiny')), picture(height, width)
    edge.warm_up()
    _forget_peak()
    canvas = Canvas.fit(edge.arch, height, width)
    small = preprocess.resize(rgb, canvas.content)
    del small
    encoded = Encoded(FrameKey(0, ''), canvas, edge.embed(edge.padding), rgb)
    making, longest_s, batches = edge.segment(encoded, prompts, AutomaticConfig()), 0.0, 0
    while True:
        begun_s = time.process_time()
        try:
            next(making)
        except StopIteration as end:
            answer: Answer = end.value
            break
        finally:
            longest_s, batches = max(longest_s, time.process_time() - begun_s), batches + 1
    runs = sum(len(mask.counts) for mask in answer.masks.masks)
    found = {'masks': len(answer.masks.masks), 'batches': batches, 'run_lengths': runs}
    return found | {'longest_batch_s': round(longest_s, 3)}


def requests(height: int, width: int) -> Iterator[tuple[str, tuple[Prompt, ...]]]:
    """The largest requests that are allowed."""
    rng = np.random.default_rng(0)

    def some(points: int) -> Prompt:
        x, y = rng.uniform(0, width, points).tolist(), rng.uniform(0, height, points).tolist()
        return Prompt(tuple((a, b, 1) for a, b in zip(x, y, strict=True)))

    yield 'one point', (some(1),)
    yield '64 prompts of 64 points', tuple(some(64) for _ in range(64))
    if width < 1000:  # of larger ones a thousand take minutes
        yield '1024 prompts of 4 points', tuple(some(4) for _ in range(1024))
        whole = Prompt(box=(0.0, 0.0, float(width), float(height)))
        yield '1024 boxes as large as the image', (whole,) * 1024
    yield 'automatic masks', ()


def flooded(calls: int) -> Figures:
    """How late frames with one prompt are while requests for automatic masks flood the edge."""
    untyped: Any = PlayedLoop
    played = untyped()
    outcomes: list[Any] = []
    lateness: list[float] = []
    played.play()
    for stamp in range(2, 2 + _FRAMES):
        for _ in range(calls):
            played.loop.ask((), outcomes.append)
        played.step()
        played.arrive(stamp_ns=stamp, height=480, width=640)
        begun_s = time.process_time()
        played.step_until_masks(stamp)
        lateness.append(time.process_time() - begun_s)
    refused = sum(isinstance(each, BadPrompt) for each in outcomes)
    told = {'asked': calls * _FRAMES, 'refused_at_once': refused}
    return told | {'longest_frame_s': round(max(lateness), 3)}


def main() -> int:
    """Prints and writes the figures."""
    torch.set_num_threads(1)
    figures: Figures = {}
    for name, data in images():
        figures[name] = measured(lambda data=data: decoded(data))  # type: ignore[misc]
        print(name, figures[name], flush=True)
    for height, width in ((480, 640), (2160, 3840)):
        for name, prompts in requests(height, width):
            key = f'{width}x{height}, {name}'
            work = lambda p=prompts, h=height, w=width: asked(p, h, w)  # noqa: E731
            figures[key] = measured(work)
            print(key, figures[key], flush=True)
    for calls in (0, _CALLS):
        figures[f'flood of {calls} calls'] = measured(lambda n=calls: flooded(n))  # type: ignore[misc]
        print(f'flood of {calls} calls', figures[f'flood of {calls} calls'], flush=True)
    write_figures(Path('out/limits.json'), figures)
    return 0


if __name__ == '__main__':
    sys.exit(main())
