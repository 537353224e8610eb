"""What an audit has found so far, and audit.json made of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from pedsam_ros.audit import story
from pedsam_ros.audit.section import Exhibit
from pedsam_ros.audit.sections import Ran
from pedsam_ros.audit.subject import Subject
from pedsam_ros.audit.verdict import verdict_of

FORMAT = 'pedsam-audit-1'


@dataclass(slots=True, eq=False)
class Outcome:
    """Figures and pictures of the sections that have run, by their names."""

    subject: Subject
    sections: dict[str, Any] = field(default_factory=dict)
    exhibits: dict[str, list[Exhibit]] = field(default_factory=dict)

    def add(self, name: str, ran: Ran, command: str) -> None:
        """Takes what a section found, with the command that makes it again."""
        times = {'took_s': round(ran.took_s, 1), 'took_cpu_s': round(ran.cpu_s, 1)}
        self.sections[name] = {**plain(ran.found.figures), **times, 'command': command}
        self.exhibits[name] = list(ran.found.exhibits)

    def figures(self) -> dict[str, Any]:
        """All that audit.json holds, but for the machine and the versions."""
        figures: dict[str, Any] = {
            'settings': settings_of(self.subject),
            'minutes': self._minutes('took_s'),
            'cpu_minutes': self._minutes('took_cpu_s'),
            **self.sections,
        }
        verdict = verdict_of(figures)
        first = {
            'format': FORMAT,
            'story': [f'{line.about} {line.text}' for line in story.lines(figures)],
            'verdict': {**asdict(verdict), 'strength': verdict.strength.value},
        }
        return first | figures

    def _minutes(self, key: str) -> float:
        times = [float(each[key]) for each in self.sections.values()]
        return round(sum(times) / 60, 2)


def settings_of(subject: Subject) -> dict[str, Any]:
    """What was attacked, as JSON has it."""
    config = subject.config
    placement = asdict(config.placement)
    placement['session_key'] = bool(placement['session_key'])  # it decides who gets which windows
    return {
        'workers': sum(not each.spare for each in subject.entries),
        'names': [each.name for each in subject.entries],
        'model_id': subject.weights.model_id,
        'architecture': subject.weights.arch.name,
        'seed': subject.seed,
        'images': len(subject.stills),
        'images_with_labels': len(subject.samples),
        'stills': [each.name for each in subject.stills],
        'motion': [each.name for each in subject.motion],
        'ideal_pan': subject.ideal,
        'real_processes': bool(subject.real),
        'attackers': sorted(subject.attackers),
        'regions_px': plain(list(subject.regions)),
        'placement': plain(placement),
        'transport': config.transport,
        'pad': config.pad,
    }


def plain(found: Any) -> Any:
    """The same as JSON can hold it: what is not finite becomes null, numpy's numbers Python's."""
    if isinstance(found, Mapping):
        return {str(key): plain(value) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return [plain(each) for each in found]
    if isinstance(found, np.generic):
        found = found.item()
    return None if isinstance(found, float) and not math.isfinite(found) else found
