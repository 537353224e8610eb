"""Fixtures that several of these files use."""

import pytest

from loop_with_fakes import PlayedLoop


@pytest.fixture
def played() -> PlayedLoop:
    """An edge's loop whose workers are all ready."""
    return PlayedLoop()
