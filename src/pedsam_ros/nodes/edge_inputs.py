"""What the edge listens to in the robot's domain besides its camera: prompts and regions.

All callbacks run on a ROS thread. They convert, hand over and return.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from geometry_msgs.msg import PointStamped
from rclpy.node import Node
from rclpy.subscription import Subscription

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import BadPrompt
from pedsam_ros.core.prompts import USUAL, Limits
from pedsam_ros.core.router import Region
from pedsam_ros.core.types import Prompt
from pedsam_ros.msg import Prompts as PromptsMsg
from pedsam_ros.nodes.compute import ComputeThread, Intake
from pedsam_ros.nodes.edge_loop import EdgeLoop
from pedsam_ros.ros import convert, qos, regions

_MOST_HEARD = 8  # messages with prompts between two steps of the computing thread


class Inputs:
    """Hands over what a node hears. After a message without prompts those that
    `configured_prompts` returns are used again."""

    def __init__(
        self,
        node: Node,
        loop: EdgeLoop,
        compute: ComputeThread,
        configured_prompts: Callable[[], tuple[Prompt, ...]],
    ) -> None:
        self._node, self._loop, self._compute = node, loop, compute
        self._configured_prompts = configured_prompts
        self._limits, self._displaced = USUAL, 0
        self._heard: Intake[tuple[tuple[Prompt, ...], bool] | str] = Intake(_MOST_HEARD)
        self._regions: list[tuple[Subscription, Callable[[Any], None]]] = []

    def subscribe(self, config: EdgeConfig, running: ExitStack) -> None:
        """Makes the subscriptions; `running` destroys them."""
        self._limits = Limits(
            min(config.most_prompts, config.most_held_prompts),
            min(config.most_points, 4 * config.most_held_prompts),
        )
        subscribe = self._node.create_subscription
        subscriptions = [
            subscribe(PromptsMsg, '~/prompts', self._on_prompts, qos.PROMPTS),
            subscribe(PointStamped, '~/point', self._on_point, qos.PROMPTS),
        ]
        if config.regions:
            for kind, name, read in regions.sources():
                hear = partial(self._on_regions, read)
                self._regions += [
                    (subscribe(kind, name, hear, profile), hear) for profile in qos.REGIONS
                ]
            subscriptions += [subscription for subscription, _ in self._regions]
        for subscription in subscriptions:
            running.callback(self._node.destroy_subscription, subscription)

    def take_regions(self) -> None:
        """Takes the regions that have come, before an image that came after them is handed over:
        rclpy takes one message of every topic in turn."""
        for subscription, hear in self._regions:
            for msg in regions.waiting(subscription):
                hear(msg)

    def _on_prompts(self, msg: PromptsMsg) -> None:
        try:
            prompts = convert.prompts_from_msg(msg.prompts, self._limits)
        except BadPrompt as error:
            self._hand_over(str(error))
            return
        if prompts:
            self._set_prompts(prompts)
        else:
            self._set_prompts(self._configured_prompts(), fixed=True)

    def _on_point(self, msg: PointStamped) -> None:
        self._set_prompts((convert.prompt_from_point(msg),))

    def _on_regions(self, read: Callable[[Any], list[Region]], msg: Any) -> None:
        for region in read(msg):
            self._loop.protect(region)

    def _set_prompts(self, prompts: tuple[Prompt, ...], fixed: bool = False) -> None:
        self._hand_over((prompts, fixed))

    def _hand_over(self, heard: tuple[tuple[Prompt, ...], bool] | str) -> None:
        """Leaves prompts, or why they were refused. A flood of them displaces its own oldest: it
        neither fills the computing thread's jobs nor keeps a frame from its turn."""
        self._heard.offer(heard)
        self._compute.post_once(self._use_heard)

    # On the computing thread.
    def _use_heard(self) -> None:
        displaced = self._heard.counts()[1]
        if displaced > self._displaced:
            number, self._displaced = displaced - self._displaced, displaced
            self._loop.refuse_prompts(f'{number} messages with prompts came too fast', number)
        for heard in self._heard.take(_MOST_HEARD):
            if isinstance(heard, str):
                self._loop.refuse_prompts(heard)
            else:
                self._loop.set_prompts(*heard)
