"""The edge's services: ~/segment, ~/release and ~/reset_exposure. The last two need the
operator's word.

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

from pedsam_ros.core.errors import BadPrompt, PedsamError
from pedsam_ros.core.operator_word import OperatorWord
from pedsam_ros.core.prompts import USUAL, told
from pedsam_ros.core.types import Answer, Prompt
from pedsam_ros.nodes.compute import ComputeThread
from pedsam_ros.nodes.edge_loop import EdgeLoop
from pedsam_ros.nodes.exposure_files import ExposureFiles
from pedsam_ros.ros import clock, convert
from pedsam_ros.ros.operator_call import RELEASE, RESET
from pedsam_ros.srv import Release, ResetExposure, Segment


@dataclass(frozen=True, slots=True)
class Active:
    """What the services work on while the node is active."""

    loop: EdgeLoop
    compute: ComputeThread
    files: ExposureFiles
    word: OperatorWord


_MOST_ASKING = 64  # requests of ~/segment that wait for their answer
_Work = Callable[[Active, Any, Callable[[], None]], None]  # with the response; calls it done
_UNPROVEN = 'only the operator may ask for this: run `pedsam operator`, which needs operator_file'


class Services:
    """Services of a node. They refuse every request while `active` is None.

    `unproven` counts requests with a wrong proof of the operator's word.
    """

    def __init__(self, node: Node) -> None:
        self.active: Active | None = None
        self.unproven = 0
        self._node = node
        self._asking = 0
        apart = ReentrantCallbackGroup()
        node.create_service(Segment, '~/segment', self._on_segment, callback_group=apart)
        for kind, name, react in (
            (Release, RELEASE, self._on_release),
            (ResetExposure, RESET, self._on_reset),
        ):
            node.create_service(kind, f'~/{name}', react, callback_group=apart)

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
        release = partial(self._release, request.worker)
        return await self._obey(release, request.proof, response, RELEASE, request.worker)

    async def _on_reset(
        self, request: ResetExposure.Request, response: ResetExposure.Response
    ) -> ResetExposure.Response:
        return await self._obey(self._reset, request.proof, response, RESET)

    async def _obey(
        self, work: Callable[[Active], None], proof: str, response: Any, *asked: str
    ) -> Any:
        """Does what the operator asks for. Whoever has no proof only gets the challenge."""
        if self.active is None or self.active.word.accepts(proof, *asked):
            response = await self._respond(partial(_attempt, work), response)
        else:
            response.message = _UNPROVEN
            if proof:
                self.unproven += 1
                told = f'{asked[0]}: refused a wrong proof; count={self.unproven}'
                self._node.get_logger().warning(told, **clock.SELDOM)
        response.challenge = self.active.word.challenge if self.active else ''
        return response

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
    def _release(self, worker: str, active: Active) -> None:
        active.loop.release(worker)
        self._node.get_logger().warning(f'{worker}: released from quarantine')

    def _reset(self, active: Active) -> None:
        ledger = active.files.ledger
        self._node.get_logger().warning(f'exposure ledger reset; it was {ledger.to_json()}')
        active.files.reset()


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
    work: Callable[[Active], None], active: Active, response: Any, done: Callable[[], None]
) -> None:
    """Does the work; what a request did wrong is told in the response."""
    try:
        work(active)
        response.success = True
    except (PedsamError, OSError) as error:
        response.message = str(error)
    finally:
        done()
