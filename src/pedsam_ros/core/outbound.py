"""What leaves the edge: who gets a window, whether it may, and the message it goes in. No I/O;
time is an argument."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Mapping
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from pedsam_ros.core.anchors import Anchor
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.dispatch import Dispatch, Pending
from pedsam_ros.core.errors import ExposureError
from pedsam_ros.core.in_flight import Assignment, InFlight
from pedsam_ros.core.kept_here import KeptHere
from pedsam_ros.core.laid import Laid
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.recent import RecentEmbeddings
from pedsam_ros.core.router import STALE, Router, instead
from pedsam_ros.core.types import Pixels, Window

GREY = 128  # says nothing about the scene
Frames: TypeAlias = 'Mapping[int, InFlight]'  # serial -> frame in flight


def neutral(pixels: Pixels) -> bool:
    """Whether the pixels of a window show nothing."""
    return bool((pixels == GREY).all())


class Outbound:
    """Plans windows, has the ledger admit the plans, and turns them into messages.

    A plan maps windows to a worker, LOCAL or STALE. Arguments named `usable` hold the names of the
    workers that can be used now; `now_s` is monotonic, `unix_s` is what the ledger notes.
    """

    def __init__(
        self,
        model_id: str,
        reply_dtype: str,
        config: EdgeConfig,
        anchor: Anchor,
        router: Router,
        dispatch: Dispatch,
        recent: RecentEmbeddings,
    ) -> None:
        self._model_id, self._dtype = model_id, reply_dtype
        self._config, self._anchor = config, anchor
        self._router, self._dispatch, self._recent = router, dispatch, recent
        self.kept_here = KeptHere()

    def plan(
        self, laid: Laid, usable: Container[str], arrived_s: float, now_s: float
    ) -> dict[int, str]:
        """Plans all windows of a new frame. Raises Unavailable if no rule applies to one,
        ExposureError if one must not leave and nothing replaces it."""
        fresh = self._recent.fresh(laid, now_s)
        planned = self._router.plan(laid, usable, fresh, arrived_s)
        private = self._router.private(laid.canvas, arrived_s)
        plan, held = self._within_cap(laid, planned, private, fresh)
        self.kept_here.add(laid, plan, private, held)
        return plan

    def admit(self, plan: Mapping[int, str], laid: Laid, new_frames: int, unix_s: float) -> None:
        """Notes what is about to leave; `new_frames` is 1 for a frame that starts, 0 later. Raises
        ExposureError, and notes nothing, if the plan would break a cap."""
        sends: dict[str, list[int]] = defaultdict(list)
        for index, worker in plan.items():
            if worker not in (LOCAL, STALE):
                sends[worker].append(index)
        self._anchor.note(laid, sends, new_frames, unix_s)
        for spare in sends.keys() & self._router.spares.keys():
            self._router.ledger.bind(spare, laid.homes[sends[spare][0]])

    def ask(self, frame: InFlight, plan: Mapping[int, str], now_s: float) -> list[Assignment]:
        """Turns an admitted plan into messages with fresh request ids. Stale windows are filled in
        here, so they make no message."""
        assignments = []
        for index, worker in plan.items():
            if worker == STALE:
                self._dispatch.drop(frame.serial, index)
                frame.fill(index, self._recent[index])
            else:
                request_id = self._dispatch.ask(frame.serial, index, worker, now_s)
                assignments.append(Assignment(worker, self._window(frame, index, request_id)))
        return assignments

    def decoys(self, frame: InFlight, usable: Container[str]) -> list[Assignment]:
        """Neutral windows for the workers, in place of those that a region keeps here.

        They keep the number of messages the same. Their answers are not used.
        """
        homes = frame.laid.homes
        return [
            Assignment(home, self._decoy(frame, index, home))
            for index in sorted(self._private(frame))
            if (home := homes[index]) != LOCAL and home in usable
        ]

    def reroute(
        self, frames: Frames, usable: Container[str], now_s: float, unix_s: float
    ) -> list[Assignment]:
        """Asks stand-ins for the windows that are pending at lost workers. Windows for which the
        rules allow no stand-in stay pending."""
        lost = self._pending(lambda one: one.worker != LOCAL and one.worker not in usable)
        moved: list[Assignment] = []
        for serial, windows in lost.items():
            frame = frames[serial]
            fresh = self._recent.fresh(frame.laid, now_s)
            homes = {index: frame.laid.homes[index] for index in windows}
            plan = self._router.instead(homes, usable, fresh)
            plan |= dict.fromkeys(self._private(frame) & set(windows), LOCAL)
            moved += self._move(frame, plan, now_s, unix_s)
        return moved

    def again(
        self, frames: Frames, worker: str, before_s: float, now_s: float, unix_s: float
    ) -> list[Assignment]:
        """Asks a worker once more for the windows that it was asked for before `before_s`. Windows
        that a region covers by now stay here."""
        old = self._pending(lambda one: one.worker == worker and one.asked_s < before_s)
        moved: list[Assignment] = []
        for serial, windows in old.items():
            private = self._private(frames[serial])
            plan = {index: LOCAL if index in private else worker for index in windows}
            moved += self._move(frames[serial], plan, now_s, unix_s)
        return moved

    def _pending(self, chosen: Callable[[Pending], bool]) -> dict[int, list[int]]:
        """Serial of a frame -> its chosen windows, oldest frame first."""
        windows: dict[int, list[int]] = defaultdict(list)
        for one in filter(chosen, self._dispatch.pending()):
            windows[one.serial].append(one.window)
        return windows

    def _move(
        self, frame: InFlight, plan: Mapping[int, str], now_s: float, unix_s: float
    ) -> list[Assignment]:
        """Asks nobody if that would break a cap, and no worker for what was sent twice."""
        laid = frame.laid
        plan = {
            index: where
            for index, where in plan.items()
            if where in (LOCAL, STALE) or self._dispatch.may_send(frame.serial, index)
        }
        fresh, private = self._recent.fresh(laid, now_s), self._private(frame)
        try:
            plan, held = self._within_cap(laid, plan, private, fresh)
            self.admit(plan, laid, 0, unix_s)
        except ExposureError:
            return []
        self.kept_here.add(laid, plan, private, held, frames=0)
        return self.ask(frame, plan, now_s)

    def _within_cap(
        self,
        laid: Laid,
        plan: Mapping[int, str],
        private: Container[int],
        fresh: Container[int],
    ) -> tuple[dict[int, str], set[int]]:
        """The plan with `on_cap` in place of workers that must not see a window, and these
        windows. Raises ExposureError if nothing replaces one."""
        held = {index for index in self._anchor.held(laid, plan) if index not in private}
        rules = self._config.placement.on_cap
        changed = {index: instead(rules, index in fresh) for index in held}
        if None in changed.values():
            told = 'the scene is lost' if laid.lost else 'a worker would see more than its cap'
            raise ExposureError(f'windows={sorted(held)}: {told}, and on_cap={list(rules)}')
        return {**plan, **{i: where for i, where in changed.items() if where is not None}}, held

    def _private(self, frame: InFlight) -> set[int]:
        return self._router.private(frame.canvas, frame.arrived_s)

    def _decoy(self, frame: InFlight, index: int, home: str) -> Window:
        window = self._window(frame, index, self._dispatch.decoy(home))
        return replace(window, pixels=np.full_like(window.pixels, GREY))

    def _window(self, frame: InFlight, index: int, request_id: int) -> Window:
        config, canvas = self._config, frame.canvas
        return Window(
            request_id,
            self._model_id,
            index,
            frame.contents[index],
            self._dtype,
            config.deadline_s,
            canvas.offset,
            canvas.content_corner(index),
        )
