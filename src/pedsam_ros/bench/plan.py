"""What a bench is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pedsam_ros.core.architecture import ARCHITECTURES, Architecture

CAMERA = (480, 640)  # px, height and width: of the frame whose windows travel


@dataclass(frozen=True, slots=True)
class Plan:
    """The order of a bench. `folder` is for files that go when it ends."""

    models: tuple[str, ...]  # names of ARCHITECTURES
    rounds: int  # repetitions of each side, of which the median counts
    threads: int  # of torch, in each process
    prompts: int  # points that the edge decodes
    service_ms: float  # what a worker is taken to need for its share of a frame
    folder: Path
    found: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # figures by section


def shape_of(model: str) -> Architecture:
    """The shape of a model. Both sides run SAM's modules, so vit_tiny is taken without its own
    stem, mask decoder and second look."""
    return replace(ARCHITECTURES[model], fine_dim=0, refine_px=0)
