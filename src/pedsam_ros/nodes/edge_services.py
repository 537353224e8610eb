"""The edge's services: ~/segment, ~/release and ~/reset_exposure.

A service callback runs on a ROS thread. It posts the work to the computing thread and awaits the
response, so the executor goes on meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import Trigger

from pedsam_ros.core.errors import PedsamError
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


class Services:
    """Services of a node. They refuse every request while `active` is None."""

    def __init__(self, node: Node) -> None:
        self.active: Active | None = None
        self._node = node
        apart = MutuallyExclusiveCallbackGroup()
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
        return await self._respond(partial(self._segment, request), response)

    async def _on_release(
        self, request: Release.Request, response: Release.Response
    ) -> Release.Response:
        return await self._respond(partial(self._release, request), response)

    async def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        return await self._respond(self._reset, response)

    async def _respond(self, work: Callable[[Active, Any], None], response: Any) -> Any:
        """Runs some work, which fills in the response, on the computing thread."""
        if self.active is None:
            response.message = 'the node is not active'
            return response
        answer: Future[Any] = Future(executor=self._node.executor)
        self.active.compute.post(partial(_attempt, work, self.active, response, answer))
        return await answer

    # On the computing thread.
    def _segment(
        self, request: Segment.Request, active: Active, response: Segment.Response
    ) -> None:
        masks = active.loop.answer(convert.prompts_from_msg(request.prompts))
        response.masks = convert.masks_to_msg(masks)

    def _release(self, request: Release.Request, active: Active, _: Release.Response) -> None:
        active.loop.release(request.worker)
        self._node.get_logger().warning(f'{request.worker}: released from quarantine')

    def _reset(self, active: Active, _: Trigger.Response) -> None:
        ledger = active.file.ledger
        self._node.get_logger().warning(f'exposure ledger reset; it was {ledger.to_json()}')
        ledger.reset()
        active.file.write()


def _attempt(
    work: Callable[[Active, Any], None], active: Active, response: Any, answer: Future[Any]
) -> None:
    """Does the work; what a request did wrong is told in the response."""
    try:
        work(active, response)
        response.success = True
    except (PedsamError, OSError) as error:
        response.message = str(error)
    finally:
        answer.set_result(response)
