"""The sections of a bench, in the order in which they run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from tqdm import tqdm

from pedsam_ros.bench import backends, offload, transport
from pedsam_ros.bench.halves import Half
from pedsam_ros.bench.plan import Plan


class Section(Protocol):
    """A module or an object that measures one thing."""

    @property
    def NEEDS(self) -> tuple[str, ...]:
        """The sections whose figures it uses."""

    def steps(self, plan: Plan) -> int:
        """How often `run` updates its bar."""

    def run(self, plan: Plan, bar: tqdm[Any]) -> dict[str, Any]:
        """Figures by model. Raises PedsamError."""


SECTIONS: Mapping[str, Section] = {
    'edge_half': Half('edge'),
    'worker_half': Half('worker'),
    'transport': transport,
    'offload': offload,
    'backends': backends,
}
USUAL = [name for name in SECTIONS if name != 'backends']  # it needs packages of its own
_BAR = '{desc:14} {percentage:3.0f}% |{bar}| {elapsed}'


def in_order(names: Sequence[str]) -> list[str]:
    """Sections in their order, with those that they need."""
    wanted = {*names} | {need for name in names for need in SECTIONS[name].NEEDS}
    return [name for name in SECTIONS if name in wanted]


def run_sections(plan: Plan, names: Sequence[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Runs sections one after the other, with one bar, and yields the figures of each. Raises
    what they raise."""
    with tqdm(total=sum(SECTIONS[name].steps(plan) for name in names), bar_format=_BAR) as bar:
        for name in names:
            bar.set_description(name)
            plan.found[name] = SECTIONS[name].run(plan, bar)
            yield name, plan.found[name]
        bar.set_description('done')
