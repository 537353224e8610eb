"""What was lost, refused or distrusted, and why: for the log and for /diagnostics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable


class Losses:
    """Counts refusals and keeps the last reason. `warn` may cut a flood of messages; `alarm` must
    not, because it asks for a person."""

    def __init__(self, warn: Callable[[str], None], alarm: Callable[[str], None]) -> None:
        self.rejected: Counter[str] = Counter()  # by worker, and under 'prompts'
        self.reason = ''  # why the last frame, reply or prompt was lost
        self._news = ''
        self._warn, self._alarm = warn, alarm

    def lose(self, reason: str) -> None:
        """Notes why something was lost."""
        self.reason = self._news = reason
        self._warn(reason)

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
