"""Pictures of what a worker makes of a moving camera's views."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pedsam_ros.audit.attack import Picture
from pedsam_ros.audit.followed import Followed, Present, Rebuilt
from pedsam_ros.audit.section import Exhibit
from pedsam_ros.core.types import Pixels

_MOST = 2  # scenes that are shown
_GAP_PX = 4


def exhibits(told: Sequence[Followed]) -> list[Exhibit]:
    """The last view of the first scenes, as the worker that has most of it rebuilds it; none of a
    view of which nothing was sent."""
    return [_exhibit(each) for each in told[:_MOST] if _shown(each.presents[-1])]


def _shown(present: Present) -> bool:
    gains = [each.guesses['panorama'].gain_db for each in present.rebuilt]
    return bool(np.isfinite(gains).any())


def _exhibit(followed: Followed) -> Exhibit:
    present = followed.presents[-1]
    number = int(np.nanargmax([each.guesses['panorama'].gain_db for each in present.rebuilt]))
    shown = present.rebuilt[number]
    return Exhibit(_row(shown), _caption(followed, present, number, shown))


def _row(shown: Rebuilt) -> Pixels:
    """(H, W, 3): truth, one frame's view, that of all frames, the guess, and what is wrong."""
    rebuilt = _whole(shown.guesses['panorama'].picture)
    off = np.abs(rebuilt.astype(np.int16) - shown.truth).astype(np.uint8)
    gap = np.full((len(off), _GAP_PX, 3), 255, np.uint8)
    parts = [shown.truth, shown.view.pixels, shown.panorama.pixels, rebuilt, off]
    return np.hstack([each for part in parts for each in (part, gap)][:-1])


def _whole(picture: Picture) -> Pixels:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def _caption(followed: Followed, present: Present, number: int, shown: Rebuilt) -> str:
    before, after = present.by_itself_taken[0, number], present.by_itself_taken[-1, number]
    right = present.by_itself[-1, number]
    made, one = shown.guesses['panorama'], shown.guesses['one_frame']
    return (
        f'{followed.name}: the true view; what {shown.worker} is sent of this frame '
        f'({before:.0%}); what it has with {len(present.by_itself) - 1} earlier frames, which it '
        f'registered by itself ({after:.0%}, of the view {right:.0%} in the right place); what it '
        f'makes of that ({made.gain_db:+.1f} dB over a flat colour and SSIM '
        f'{made.ssim:.2f} where this frame shows it nothing; from this frame alone '
        f'{one.gain_db:+.1f} dB and {one.ssim:.2f}); what is wrong. The ledger '
        f'says {followed.ledger[shown.worker]:.0%}.'
    )
