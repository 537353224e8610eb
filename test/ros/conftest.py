"""Fixtures that several of these files use."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

import fakes
from domains import domains
from loop_with_fakes import PlayedLoop
from pedsam_ros.trial.client import Client
from slow_loop import SIX
from two_nodes import TwoNodes
from watched_camera import Watched


@pytest.fixture
def played() -> PlayedLoop:
    """An edge's loop whose workers are all ready."""
    return PlayedLoop()


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each prompt is a batch."""
    monkeypatch.setattr(fakes.edge_half(False).decoder, 'most_prompts', 1)


@pytest.fixture
def slow(one_at_a_time: None) -> PlayedLoop:
    """A loop that needs six steps for the masks of a frame."""
    return PlayedLoop(**SIX)


@pytest.fixture
def client(domain_id: int) -> Iterator[Client]:
    """A client whose node stands for the edge's."""
    with closing(Client(domain_id, 'edge')) as made:
        yield made


@pytest.fixture
def two_nodes() -> Iterator[Callable[..., TwoNodes]]:
    """Makes a camera and a reader; the reader gets some parameters."""
    with ExitStack() as opened:

        def make(**overrides: Any) -> TwoNodes:
            (domain_id,) = opened.enter_context(domains(1))
            made = TwoNodes(domain_id, **overrides)
            opened.callback(made.close)
            return made

        yield make


@pytest.fixture
def watched(two_nodes: Callable[..., TwoNodes]) -> Callable[..., Watched]:
    """Makes a camera's input, with some settings of the edge."""
    return lambda **config: Watched(two_nodes(), **config)
