"""What was lost, refused or distrusted, and why: for the log and for /diagnostics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from pedsam_ros.core.types import Search

_CUT = {
    Search.FULL: 'automatic masks: more than automatic.max_masks; the others are left out',
    Search.LATE: 'automatic masks: automatic.within_s passed before all of the view was searched',
}


class Losses:
    """Counts refusals and keeps the last reason. `warn` may cut a flood of messages; `alarm` must
    not, because it asks for a person."""

    def __init__(self, warn: Callable[[str], None], alarm: Callable[[str], None]) -> None:
        self.rejected: Counter[str] = Counter()  # by worker, and under 'prompts'
        self.searches: Counter[Search] = Counter()  # for automatic masks that were cut short
        self.reason = ''  # why the last frame, reply, prompt or mask was lost
        self._news = ''
        self._warn, self._alarm = warn, alarm

    def lose(self, reason: str) -> None:
        """Notes why something was lost."""
        self.reason = self._news = reason
        self._warn(reason)

    def cut(self, search: Search) -> None:
        """Counts a search for automatic masks that was cut short; a complete one is no loss."""
        if search in _CUT:
            self.searches[search] += 1
            self.lose(_CUT[search])

    def wait(self, reason: str) -> None:
        """Notes why a frame waits. Nothing is lost yet, so nothing is logged."""
        self.reason = f'waiting: {reason}'

    def reject(self, what: str, reason: str, number: int = 1) -> None:
        """Counts a reply of a worker, or prompts, and notes why they were refused."""
        self.rejected[what] += number
        self.lose(reason)

    def alarm(self, reason: str) -> None:
        """Notes what a person has to look into."""
        self.reason = reason
        self._alarm(reason)

    def take_news(self) -> str:
        """The last loss since the last call; empty if there was none."""
        news, self._news = self._news, ''
        return news
