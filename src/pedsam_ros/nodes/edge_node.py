"""The edge: camera images in, masks out. It wires topics, one link per worker domain and the
computing thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from geometry_msgs.msg import PointStamped
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.task import Future
from sensor_msgs.msg import CompressedImage, Image
from std_srvs.srv import Trigger

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.edge import Edge
from pedsam_ros.core.errors import BadImage, BadPrompt, ConfigError, PedsamError
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.placement import place
from pedsam_ros.core.router import Region
from pedsam_ros.core.types import Embedding, Masks, Prompt, WorkerStatus
from pedsam_ros.core.windows import pixel_grid
from pedsam_ros.msg import Prompts as PromptsMsg
from pedsam_ros.nodes.compute import ComputeThread
from pedsam_ros.nodes.edge_loop import EdgeLoop
from pedsam_ros.nodes.edge_outputs import Outputs
from pedsam_ros.nodes.edge_report import report
from pedsam_ros.nodes.ledger_file import LedgerFile, default_path
from pedsam_ros.nodes.managed import ManagedNode
from pedsam_ros.nodes.spin import run
from pedsam_ros.ros import convert, diagnostics, params, qos, regions
from pedsam_ros.ros.domain import DomainLink
from pedsam_ros.srv import Release, Segment


class EdgeNode(ManagedNode):
    """See EdgeConfig for its parameters, README.md for its topics."""

    config_type = EdgeConfig

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('edge', **kwargs)
        self._file: LedgerFile | None = None  # while configured
        apart = MutuallyExclusiveCallbackGroup()
        self.create_service(Segment, '~/segment', self._on_segment, callback_group=apart)
        self.create_service(Release, '~/release', self._on_release, callback_group=apart)
        self.create_service(Trigger, '~/reset_exposure', self._on_reset, callback_group=apart)

    def load(self) -> None:
        domain = self.context.get_domain_id()
        self._workers = params.read_workers(self.config.workers_file, domain)
        weights, rules = checkpoint.read(self.config.checkpoint), self.config.placement
        grid = pixel_grid(weights.arch)
        self._homes = place(grid, self._workers, rules)
        dtype, worker_half = loading.DTYPES[self.config.precision], self.config.worker_half
        self._model = loading.load_edge(weights, self.config.device, dtype, worker_half)
        self._ledger = Ledger(grid, self._homes, rules.max_share)
        self._close_file()
        name = self.config.ledger_file
        path = Path(name) if name else default_path(self.get_fully_qualified_name())
        self._file = LedgerFile(path, self._ledger)
        if conflict := self._ledger.conflict():
            self.get_logger().error(f'frames will fail: {conflict}')
        ledger = f'ledger={self._file.path} new={self._file.new}'
        self.get_logger().info(f'configured model_id={self._model.model_id} {ledger}')

    def unload(self) -> None:
        self._close_file()
        del self._model

    def start(self, running: ExitStack) -> None:
        self._outputs = Outputs(self, running)
        spares = [worker for worker in self._workers if worker.spare]
        edge = Edge(self._model, self._homes, self.config, self._ledger, spares)
        links: dict[str, DomainLink] = {}
        names = [worker.name for worker in self._workers]
        keep = self._file.keep
        alarm = self.get_logger().error
        self._loop = EdgeLoop(edge, names, links, self._publish, self.warn, alarm, keep)
        running.callback(self._report)
        running.callback(self._write_ledger)
        running.callback(self._loop.close)
        self._compute = ComputeThread(self._loop.step, self.on_defect)
        for worker in self._workers:
            links[worker.name] = DomainLink(
                worker, self._on_embedding, self._on_status, self.on_defect
            )
            running.callback(links[worker.name].close)
        self._compute.start()
        running.callback(self._compute.close)
        self._compute.call(self._model.warm_up)
        self._subscribe(running)

    def changed(self, config: EdgeConfig) -> None:
        if self.running is not None:
            self._set_prompts(config.prompts)

    def report(self) -> None:
        self._compute.post(self._report)

    def _subscribe(self, running: ExitStack) -> None:
        config = self.config
        camera = qos.every_frame(config.queue_frames) if config.every_frame else qos.CAMERA
        options = {
            'qos_overriding_options': QoSOverridingOptions.with_default_policies(),
            'event_callbacks': qos.when_incompatible(self._on_deaf),
        }
        compressed = config.image_transport == 'compressed'
        kind, name = (CompressedImage, 'image/compressed') if compressed else (Image, 'image')
        subscriptions = [
            self.create_subscription(kind, name, self._on_image, camera, **options),
            self.create_subscription(PromptsMsg, '~/prompts', self._on_prompts, qos.PROMPTS),
            self.create_subscription(PointStamped, '~/point', self._on_point, qos.PROMPTS),
        ]
        if config.regions:
            subscriptions += [
                self.create_subscription(kind, name, partial(self._on_regions, read), profile)
                for kind, name, read in regions.sources()
                for profile in qos.REGIONS
            ]
        for subscription in subscriptions:
            running.callback(self.destroy_subscription, subscription)

    # From ROS threads: convert, hand over, return.
    def _on_image(self, msg: Any) -> None:
        try:
            frame = convert.frame_from_msg(msg)
        except BadImage as error:
            return self._compute.post(partial(self._loop.refuse, str(error)))
        displaced = self._loop.inbox.frames.offer(replace(frame, arrived_s=time.monotonic()))
        return self._compute.post(partial(self._loop.arrive, displaced))

    def _on_deaf(self, policy: str) -> None:
        self.fault = (
            f'image: its publisher offers another {policy} than is read here (with every_frame: '
            'RELIABLE); see docs/deployment.md'
        )
        self.get_logger().error(self.fault)

    def _on_prompts(self, msg: PromptsMsg) -> None:
        try:
            prompts = convert.prompts_from_msg(msg.prompts)
        except BadPrompt as error:
            return self._compute.post(partial(self._loop.refuse_prompts, str(error)))
        return self._set_prompts(prompts or self.config.prompts)

    def _on_point(self, msg: PointStamped) -> None:
        self._set_prompts((convert.prompt_from_point(msg),))

    def _on_regions(self, read: Callable[[Any], list[Region]], msg: Any) -> None:
        for region in read(msg):
            self._loop.inbox.protect(region)

    def _set_prompts(self, prompts: tuple[Prompt, ...]) -> None:
        self._compute.post(partial(self._loop.set_prompts, prompts))

    async def _on_segment(
        self, request: Segment.Request, response: Segment.Response
    ) -> Segment.Response:
        return await self._answer(partial(self._segment, request), response)

    async def _on_release(
        self, request: Release.Request, response: Release.Response
    ) -> Release.Response:
        return await self._answer(partial(self._release, request.worker), response)

    async def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        return await self._answer(self._reset, response)

    async def _answer(self, work: Callable[[Any], None], response: Any) -> Any:
        """Has the computing thread do some work, which fills in the response."""
        if self.running is None:
            response.message = 'the node is not active'
            return response
        answer: Future[Any] = Future(executor=self.executor)
        self._compute.post(partial(self._work, work, response, answer))
        return await answer

    # From the links' threads.
    def _on_embedding(self, worker: str, embedding: Embedding) -> None:
        self._loop.inbox.on_embedding(worker, embedding)
        self._compute.wake()

    def _on_status(self, worker: str, status: WorkerStatus) -> None:
        self._loop.inbox.on_status(worker, status)
        self._compute.wake()

    # On the computing thread.
    def _work(self, work: Callable[[Any], None], response: Any, answer: Future[Any]) -> None:
        try:
            work(response)
            response.success = True
        except (PedsamError, OSError) as error:
            response.message = str(error)
        finally:
            answer.set_result(response)

    def _segment(self, request: Segment.Request, response: Segment.Response) -> None:
        masks = self._loop.answer(convert.prompts_from_msg(request.prompts))
        response.masks = convert.masks_to_msg(masks)

    def _release(self, worker: str, _: Release.Response) -> None:
        if not self._loop.health.release(worker):
            raise ConfigError(f'worker={worker!r}: not in quarantine')
        self.get_logger().warning(f'{worker}: released from quarantine')

    def _reset(self, _: Trigger.Response) -> None:
        self.get_logger().warning(f'exposure ledger reset; it was {self._ledger.to_json()}')
        self._ledger.reset()
        self._file.write()

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write_ledger(self) -> None:
        """Counts and times."""
        try:
            self._file.write()
        except OSError as error:
            self.warn(f'exposure ledger not written: {error}')

    def _publish(self, masks: Masks) -> None:
        self.fault = ''
        self._outputs.masks(masks)

    def _report(self) -> None:
        self._outputs.exposure(self._ledger)
        name = self.get_fully_qualified_name()
        self.publish_report(
            [
                diagnostics.status(f'{name}: {part}', level, trouble, values)
                for part, level, trouble, values in report(self._loop, self.fault)
            ]
        )


main = partial(run, EdgeNode)
