"""The edge's services: ~/segment, ~/release and ~/reset_exposure.

A service callback runs on a ROS thread. It posts the work to the computing thread and awaits the
response, so the executor goes on meanwhile: other requests come in, of the same service too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import Trigger

from pedsam_ros.core.errors import BadPrompt, PedsamError
from pedsam_ros.core.prompts import USUAL, told
from pedsam_ros.core.types import Answer, Prompt
from pedsam_ros.nodes.compute import ComputeThread
from pedsam_ros.nodes.edge_loop import EdgeLoop
from pedsam_ros.nodes.ledger_file import LedgerFile
from pedsam_ros.ros import convert
from pedsam_ros.srv import Release, Segment


@dataclass(frozen=True, slots=True)
class Active:
    """What the services work on while the node is active."""

    loop: EdgeLoop
    compute: ComputeThread
    file: LedgerFile


_MOST_ASKING = 64  # requests of ~/segment that wait for their answer
_Work = Callable[[Active, Any, Callable[[], None]], None]  # with the response; calls it done


class Services:
    """Services of a node. They refuse every request while `active` is None."""

    def __init__(self, node: Node) -> None:
        self.active: Active | None = None
        self._node = node
        self._asking = 0
        apart = ReentrantCallbackGroup()
        node.create_service(Segment, '~/segment', self._on_segment, callback_group=apart)
        node.create_service(Release, '~/release', self._on_release, callback_group=apart)
        node.create_service(Trigger, '~/reset_exposure', self._on_reset, callback_group=apart)

    def close(self) -> None:
        """Refuses requests from now on."""
        self.active = None

    # On a ROS thread.
    async def _on_segment(
        self, request: Segment.Request, response: Segment.Response
    ) -> Segment.Response:
        try:
            limits = self.active.loop.prompt_limits if self.active else USUAL
            prompts = convert.prompts_from_msg(request.prompts, limits)
        except BadPrompt as error:
            response.message = str(error)
            return response
        if self._asking == _MOST_ASKING:
            response.message = f'{self._asking} requests wait already'
            return response
        self._asking += 1
        try:
            return await self._respond(partial(_segment, prompts), response)
        finally:
            self._asking -= 1

    async def _on_release(
        self, request: Release.Request, response: Release.Response
    ) -> Release.Response:
        return await self._respond(partial(_attempt, partial(self._release, request)), response)

    async def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        return await self._respond(partial(_attempt, self._reset), response)

    async def _respond(self, work: _Work, response: Any) -> Any:
        """Runs some work on the computing thread; it fills in the response and gives it back."""
        if self.active is None:
            response.message = 'the node is not active'
            return response
        executor = self._node.executor
        answer: Future[Any] = Future(executor=executor)

        def done() -> None:
            answer.set_result(response)
            executor.wake()  # otherwise it would see that only when something else comes

        self.active.compute.post(partial(work, self.active, response, done))
        return await answer

    # On the computing thread.
    def _release(self, request: Release.Request, active: Active, _: Release.Response) -> None:
        active.loop.release(request.worker)
        self._node.get_logger().warning(f'{request.worker}: released from quarantine')

    def _reset(self, active: Active, _: Trigger.Response) -> None:
        ledger = active.file.ledger
        self._node.get_logger().warning(f'exposure ledger reset; it was {ledger.to_json()}')
        ledger.reset()
        active.file.write()


def _segment(
    prompts: tuple[Prompt, ...],
    active: Active,
    response: Segment.Response,
    done: Callable[[], None],
) -> None:
    """Has prompts answered; the answer comes later, and also says which of them were refused."""

    def fill_in(outcome: Answer | BadPrompt) -> None:
        if isinstance(outcome, BadPrompt):
            response.message = str(outcome)
        else:
            response.success = bool(outcome.masks.masks) or not prompts
            response.message = told(outcome.refused)
            response.masks = convert.masks_to_msg(outcome.masks)
            response.refused = convert.refusals_to_msg(outcome.refused)
        done()

    active.loop.ask(prompts, fill_in)


def _attempt(
    work: Callable[[Active, Any], None], active: Active, response: Any, done: Callable[[], None]
) -> None:
    """Does the work; what a request did wrong is told in the response."""
    try:
        work(active, response)
        response.success = True
    except (PedsamError, OSError) as error:
        response.message = str(error)
    finally:
        done()
