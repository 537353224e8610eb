"""The debug log: what becomes of each frame."""

from __future__ import annotations

from collections.abc import Callable

from pedsam_ros.core.types import FrameKey


class FrameLog:
    """Writes a line `stamp_ns=... frame_id=... event=...` for each event of a frame, if `enabled`.
    Any thread may call it."""

    def __init__(
        self,
        write: Callable[[str], object] = print,
        enabled: Callable[[], bool] = lambda: False,
    ) -> None:
        self._write, self._enabled = write, enabled

    def __call__(self, event: str, key: FrameKey, **values: float | str) -> None:
        """Notes an event. Times are seconds."""
        if not self._enabled():
            return
        rest = ' '.join(
            f'{name}={value:.6g}' if isinstance(value, float) else f'{name}={value}'
            for name, value in values.items()
        )
        self._write(f'stamp_ns={key.stamp_ns} frame_id={key.frame_id} event={event} {rest}')
