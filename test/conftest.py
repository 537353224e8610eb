"""Fixtures that every suite may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import exported_halves
import fakes
from domains import domains
from pedsam_ros.core.model.onnx_file import Exported

_SHARED = Path(__file__).resolve().parents[2] / 'shared' / 'data' / 'sequences'


@pytest.fixture
def domain_id() -> Iterator[int]:
    """A domain id that no other test uses."""
    with domains(1) as taken:
        yield taken[0]


@pytest.fixture
def domain_ids() -> Iterator[list[int]]:
    """Four domain ids that no other test uses: the robot's and three workers'."""
    with domains(4) as taken:
        yield taken


@pytest.fixture
def sequences() -> Path:
    """A folder of real camera sequences, which are not part of the package."""
    if not (_SHARED / 'sequences.json').is_file():
        pytest.skip(f'no camera sequences in {_SHARED}')
    return _SHARED


@pytest.fixture(scope='session')
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The tiny model, exported in float32."""
    return exported_halves.written(tmp_path_factory.mktemp('exported'), fakes.weights())


@pytest.fixture(scope='session', autouse=True)
def _stay_on_this_machine() -> None:
    """Keeps what tests send over DDS on this machine."""
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Gives torch one thread, and undoes what a test does to that.

    The last bit of a result depends on the number of threads. The models here are tiny, so more
    threads gain nothing, and on a busy machine they wait for each other.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
