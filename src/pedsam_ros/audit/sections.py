"""The sections of an audit, in the order in which they run and are shown."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from tqdm import tqdm

from pedsam_ros.audit import (
    coalitions,
    content,
    over_time,
    return_path,
    side_channels,
    single_frame,
)
from pedsam_ros.audit.section import Section
from pedsam_ros.audit.subject import Subject

SECTIONS: Mapping[str, ModuleType] = {
    module.NAME: module
    for module in (single_frame, coalitions, over_time, return_path, content, side_channels)
}
_BAR = '{desc:14} {percentage:3.0f}% |{bar}| {elapsed}'


@dataclass(frozen=True, slots=True, eq=False)
class Ran:
    """What a section found, and what it took: seconds by the clock, and of all cores."""

    found: Section
    took_s: float
    cpu_s: float


def run_sections(subject: Subject, names: Sequence[str]) -> Iterator[tuple[str, Ran]]:
    """Runs sections one after the other, with one bar, and yields each. Raises what they raise."""
    steps = {name: _steps(subject, name) for name in names}
    ended = 0
    with tqdm(total=sum(steps.values()), bar_format=_BAR) as bar:
        for name in names:
            bar.set_description(name)
            begun_s, begun_cpu_s = time.monotonic(), time.process_time()
            found = SECTIONS[name].run(subject, bar)
            took_s = time.monotonic() - begun_s
            yield name, Ran(found, took_s, time.process_time() - begun_cpu_s)
            ended += steps[name]
            bar.n = ended  # whatever the section counted
            bar.refresh()
        bar.set_description('done')


def _steps(subject: Subject, name: str) -> int:
    """About how often a section updates its bar."""
    stills, scenes, samples = len(subject.stills), len(subject.motion), len(subject.samples)
    found = {
        'single_frame': 7 * stills,
        'coalitions': 14 * stills,
        'over_time': 8 * scenes,
        'return_path': 2 * stills,
        'content': 6 * samples + min(samples, 12) + 2 * min(stills, 24),
        'side_channels': 3 * min(stills, 24),
    }
    return max(1, found[name])
