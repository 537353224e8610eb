"""What happens in a soak, written down as it happens: what `verdict.py` judges."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.planes import Size
from pedsam_ros.trial.true_coverage import TrueCoverage


class MemorySample(NamedTuple):
    """The memory of a process at one time."""

    pid: int
    frame: int  # how many frames had been shown
    resident_bytes: int


@dataclass(slots=True, kw_only=True)
class SoakRecord:
    """Facts, without any judgement. Workers and processes are given by their names."""

    arch: Architecture
    homes: Mapping[int, str]  # window -> its worker, of a camera that stands still
    identities: Mapping[str, tuple[str, ...]]  # worker -> what the ledger knows it by
    sizes: tuple[Size, ...]  # height and width of the frames, px

    shown_s: array[float] = field(default_factory=lambda: array('d'))  # when each frame was shown
    done: int = 0  # frames whose masks came back
    wrong: list[str] = field(default_factory=list)  # frames with other masks than expected
    faults: Counter[str] = field(default_factory=Counter)  # kind -> how often
    recoveries_s: list[float] = field(default_factory=list)
    unrecovered: list[str] = field(default_factory=list)  # workers that did not recover in time
    unnoticed: list[str] = field(default_factory=list)  # states that the edge did not report
    ended: list[str] = field(default_factory=list)  # processes that ended unasked, or badly
    memory: dict[str, list[MemorySample]] = field(default_factory=dict)
    heard: dict[str, set[int]] = field(default_factory=dict)  # worker -> windows it was sent
    compared: int | None = None  # masks that were compared; None: all of them
    coverage: TrueCoverage | None = None  # of a camera that moves
    figures: Mapping[str, str] = field(default_factory=dict)  # the edge's last, about frames
    told: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # and about each worker
    ledger: str = ''  # the edge's exposure ledger at the end, as JSON
    scene: bytes = b''  # the file of its scene, if windows are fixed to it

    @property
    def shown(self) -> int:
        """The number of frames that were shown."""
        return len(self.shown_s)
