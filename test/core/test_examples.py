"""The lines of use that docstrings show do what they say."""

import doctest

import numpy as np
import pytest

import fakes
from pedsam_ros.core import edge
from pedsam_ros.core.model import local_pipeline
from pedsam_ros.core.types import FrameKey

CONFIG = fakes.edge().config
NAMES = {
    edge: {
        'model': fakes.edge_half(),
        'homes': fakes.edge().ledger.homes,
        'config': CONFIG,
        'frame': fakes.frame(),
        'compute': lambda window: fakes.worker().encode([window])[0],
    },
    local_pipeline: {
        'np': np,
        'edge': fakes.edge(),
        'worker': fakes.worker(),
        'FrameKey': FrameKey,
    },
}


@pytest.mark.parametrize('module', NAMES, ids=lambda module: module.__name__)
def test_the_lines_of_use_run(module):
    """With the names that the text around them introduces."""
    results = doctest.testmod(module, extraglobs=NAMES[module], raise_on_error=True)
    assert results.attempted >= 4
