"""Tells what is wrong with a bag or a topic without flooding the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from pedsam_ros.core.shown import shown


class Remarks:
    """Counts remarks by what they are on; `tell` gets the first on each, and at last the counts.

    An instance is a `Lost` of the bag's readers.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.counts: Counter[str] = Counter()
        self._tell = tell

    def __call__(self, on: str, remark: str) -> None:
        """Takes one remark."""
        self.counts[on] += 1
        if self.counts[on] == 1:
            self._tell(f'{shown(on, 200)}: {shown(remark, 500)}')

    def sum_up(self) -> None:
        """Tells how many there were, where the first was not the only one."""
        for on, count in self.counts.items():
            if count > 1:
                self._tell(f'{shown(on, 200)}: that happened {count} times')
