"""Fixtures that every suite may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from domains import domains

_SHARED = Path(__file__).resolve().parents[2] / 'shared' / 'data' / 'sequences'


@pytest.fixture
def domain_id() -> Iterator[int]:
    """One fresh domain id."""
    with domains(1) as taken:
        yield taken[0]


@pytest.fixture
def domain_ids() -> Iterator[list[int]]:
    """Four fresh domain ids: the robot's and three workers'."""
    with domains(4) as taken:
        yield taken


@pytest.fixture
def sequences() -> Path:
    """Real camera sequences, which are not part of the package."""
    if not (_SHARED / 'sequences.json').is_file():
        pytest.skip(f'no camera sequences in {_SHARED}')
    return _SHARED


@pytest.fixture(scope='session', autouse=True)
def _stay_on_this_machine() -> None:
    """Whatever speaks DDS in a test is not heard outside."""
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'


@pytest.fixture(autouse=True)
def _as_many_threads_as_before() -> Iterator[None]:
    """`pedsam evaluate` sets how many threads torch uses; a result's last bit depends on it."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
