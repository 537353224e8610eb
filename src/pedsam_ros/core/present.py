"""What workers have seen of one view, and what more of it they may see."""

from __future__ import annotations

from collections.abc import Mapping

from pedsam_ros.core.coverage import Bits, adding, beyond_cap, share, shown
from pedsam_ros.core.keyframes import Keyframe
from pedsam_ros.core.scene_journal import SceneJournal
from pedsam_ros.core.seen import seen, seen_after
from pedsam_ros.core.sight import Sight
from pedsam_ros.core.view import Located


class Present:
    """A view, as long as nothing more of it is shown. `active` is the keyframe in which the camera
    is followed now."""

    def __init__(self, located: Located, active: Keyframe | None, journal: SceneJournal) -> None:
        self.located, self._active, self._journal = located, active, journal
        self._before = seen(located, active)

    def shares(self) -> dict[str, float]:
        """The share of it that each worker has seen, 0..1."""
        return self._shares(self._before)

    def new(self, sight: Sight, sends: Mapping[int, str]) -> dict[int, int]:
        """Those of the windows that show their worker anything new -> its bit."""
        journal = self._journal
        return {
            index: journal.bit(who)
            for index, who in sorted(sends.items())
            if index in sight.boxes and adding(self._before, sight.boxes[index], journal.bits(who))
        }

    def held(self, sight: Sight, wanted: Mapping[int, str], cap: float) -> set[int]:
        """The windows that must not go, so that no worker has seen more than the cap, 0..1. What
        is shown may reach a little further than a window, so the last word has what would be seen
        after it."""
        before = self._before
        wishes = {index: self._journal.bits(who) for index, who in wanted.items()}
        here = beyond_cap(before, sight.boxes, wishes, cap * before.size)
        shares = self.shares()
        while new := self.new(sight, {i: who for i, who in wanted.items() if i not in here}):
            picture = shown(sight.size, sight.boxes, new)
            after = self._shares(seen_after(self.located, self._active, picture))
            above = {who for who, now in after.items() if now > max(cap, shares[who])}
            if not above:
                break
            for who in above:
                mine = [index for index in new if wanted[index] == who] or list(new)
                here.add(max(mine, key=lambda i: adding(before, sight.boxes[i], wishes[i])))
        return here

    def _shares(self, bits: Bits) -> dict[str, float]:
        return {each: share(bits, self._journal.bits(each)) for each in self._journal.workers}
