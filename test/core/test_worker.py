"""A worker answers windows that fit its model and refuses all others."""

from dataclasses import replace

import numpy as np
import pytest

import fakes
from pedsam_ros.core.errors import BadBatch
from pedsam_ros.core.types import Window

WORKER, CODEC = fakes.worker(), fakes.codec()
GOOD = Window(5, WORKER.model_id, 24, np.zeros((32, 20, 3), np.uint8), 'float16')


def test_a_good_window_is_answered():
    """The reply has the request id and the index of the window, and no window padding."""
    WORKER.check(GOOD)
    (reply,) = WORKER.encode([GOOD])
    assert (reply.request_id, reply.index, reply.shape) == (5, 24, (2, 2, 32))
    assert reply.model_id == WORKER.model_id


@pytest.mark.parametrize(
    ('change', 'named'),
    [
        ({'model_id': 'other'}, "model_id='other'"),
        ({'index': 25}, 'window=25'),
        ({'reply_dtype': 'float8'}, "reply_dtype='float8'"),
        ({'reply_dtype': fakes.codec(1).dtype(8)}, f'this worker has .*{CODEC.dtype(8)}'),
        ({'pixels': np.zeros((33, 20, 3), np.uint8)}, '33 px from 0 on, of 0 to 32'),
        ({'pixels': np.zeros((0, 20, 3), np.uint8)}, 'pixels of 0x20x3'),
        ({'pixels': np.zeros((9, 20, 1), np.uint8)}, 'pixels of 9x20x1'),
    ],
)
def test_a_window_that_does_not_fit_is_refused(change, named):
    """The error names the value that does not fit and the rule that it breaks."""
    with pytest.raises(BadBatch, match=named):
        WORKER.check(replace(GOOD, **change))
