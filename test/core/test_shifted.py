"""A frame whose partition and content are shifted takes the same way as any other."""

import numpy as np
import pytest
import torch

import fakes
from pedsam_ros.core.errors import BadBatch, BadReply
from pedsam_ros.core.in_flight import InFlight
from pedsam_ros.core.laid import Laid
from pedsam_ros.core.model import loading, preprocess
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.types import Window
from pedsam_ros.core.windows import Canvas, partition

WEIGHTS = fakes.weights()
WORKER, EDGE = loading.load_worker(WEIGHTS), loading.load_edge(WEIGHTS)
SHIFTS = [Shift(), Shift((3, 1), (15, 8)), Shift((0, 2), (0, 15)), Shift((1, 0), (7, 0))]


def windows_of(canvas, contents):
    """The windows as the edge sends them: only those with content."""
    return [
        Window(
            index,
            WORKER.model_id,
            index,
            pixels,
            'float32',
            offset=canvas.offset,
            corner=canvas.content_corner(index),
        )
        for index, pixels in contents.items()
    ]


@pytest.mark.parametrize('shift', SHIFTS)
@pytest.mark.parametrize('size', [(96, 128), (128, 96), (77, 131), (40, 128), (288, 288)])
def test_workers_and_edge_give_what_the_whole_model_gives(size, shift):
    """The embedding of a shifted frame is the same, whether or not windows are cut out of it.
    Nobody computes windows without content."""
    frame = fakes.frame(*size)
    canvas = Canvas.fit(WEIGHTS.arch, *size, shift=shift)
    content = preprocess.resize(frame.rgb, canvas.content)
    contents = partition(content, canvas.grid, canvas.corner)
    windows = windows_of(canvas, contents)
    for window in windows:
        WORKER.check(window)
    started = InFlight(0, frame.key, Laid(canvas, {}), frame.rgb, contents)
    for reply in WORKER.encode(windows):
        tokens = EDGE.checked('alice', reply, 'float32', canvas.offset)
        started.answered(reply.index, tokens, 'alice')
    expected = loading.load_monolithic(WEIGHTS).encode(frame, shift).embedding
    assert expected.std() > 0.1
    assert torch.allclose(EDGE.encode(started).embedding, expected, atol=1e-4)
    assert all(
        loading.load_edge(WEIGHTS, worker_half=True).error(started, index, 'float32') < 1e-6
        for index in list(contents)[:3]
    )


@pytest.mark.parametrize(
    ('changed', 'wrong'),
    [
        ({'offset': (4, 0)}, 'offset='),
        ({'offset': (0, 255)}, 'offset='),
        ({'index': 36}, 'window=36'),
        ({'corner': (31, 32)}, 'window=0: 20 px from 31 on, of 32 to 64'),
        ({'corner': (32, 45)}, 'window=0: 20 px from 45 on, of 32 to 64'),
        ({'corner': (255, 255)}, 'window=0'),
        ({'pixels': np.zeros((0, 5, 3), np.uint8)}, '0x5x3'),
        ({'pixels': np.zeros((33, 5, 3), np.uint8)}, 'window=0'),
    ],
)
def test_a_window_that_does_not_fit_its_grid_is_refused(changed, wrong):
    """Content outside of the canvas, or a grid that does not exist, must not reach the model."""
    good = {
        'request_id': 1,
        'model_id': WORKER.model_id,
        'index': 0,
        'pixels': np.zeros((20, 20, 3), np.uint8),
        'reply_dtype': 'float32',
        'offset': (2, 2),
        'corner': (32, 32),
    }
    WORKER.check(Window(**good))
    with pytest.raises(BadBatch, match=wrong):
        WORKER.check(Window(**good | changed))


def test_a_reply_of_another_grid_is_a_lie():
    """A worker that ignores the offset answers with another shape where windows are cut."""
    window = Window(1, WORKER.model_id, 0, np.zeros((8, 8, 3), np.uint8), 'float32')
    (reply,) = WORKER.encode([window])
    EDGE.checked('alice', reply, 'float32')
    with pytest.raises(BadReply, match='asked was'):
        EDGE.checked('alice', reply, 'float32', (2, 2))
