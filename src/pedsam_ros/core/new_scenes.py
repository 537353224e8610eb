"""When a new scene may begin: what was seen of the old one no longer counts until it is found
again, so this is seldom allowed."""

from __future__ import annotations

from collections import deque

_MINUTE_S = 60.0
_LOST_S = 0.3  # since the first frame that was lost; a blurred one or two are no new scene
_MOST_FRAMES_LATE = 30  # a clock that stands still delays a new scene by so many frames at most


class NewScenes:
    """Counts the scenes that began in the last minute. `now_s` is monotonic."""

    def __init__(self, a_minute: int, restarted: bool) -> None:
        self._most = a_minute
        self._began: deque[float] = deque()
        self._lost_s: float | None = None  # since when the camera is lost
        self._restarted = restarted  # who restarts often must not begin more scenes for it

    def found(self) -> None:
        """Notes that the camera is not lost."""
        self._lost_s = None

    def may_begin(self, now_s: float, lost_frames: int) -> bool:
        """Whether the camera has been lost for long enough, and not too many scenes began. Ask
        for each frame that is lost."""
        if self._lost_s is None or now_s < self._lost_s:
            self._lost_s = now_s
        if self._restarted:
            self._restarted = False
            self._began.extend([now_s] * self._most)
        while self._began and not 0 <= now_s - self._began[0] < _MINUTE_S:
            self._began.popleft()
        waited = now_s - self._lost_s >= _LOST_S or lost_frames > _MOST_FRAMES_LATE
        return waited and len(self._began) < self._most

    def begin(self, now_s: float) -> None:
        """Notes that a scene began."""
        self._began.append(now_s)
        self._lost_s = None
