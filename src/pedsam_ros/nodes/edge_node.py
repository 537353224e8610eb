"""The edge: camera images in, masks out. This file wires the parts; nodes/edge_loop.py tells how
they work together."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rclpy.logging import LoggingSeverity

from pedsam_ros.core import wire
from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.edge import Edge
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.model import backends, checkpoint
from pedsam_ros.core.model.edge_half import EdgeHalf
from pedsam_ros.core.noise import PrivateKey
from pedsam_ros.core.operator_word import OperatorWord, read_or_make_secret
from pedsam_ros.core.placement import place
from pedsam_ros.core.scene import Scene
from pedsam_ros.core.types import Masks, WorkerStatus
from pedsam_ros.core.windows import pixel_grid
from pedsam_ros.core.workers_file import WorkerEntry, read_workers
from pedsam_ros.nodes import handshakes
from pedsam_ros.nodes.camera_input import CameraInput
from pedsam_ros.nodes.compute import ComputeThread
from pedsam_ros.nodes.edge_inputs import Inputs
from pedsam_ros.nodes.edge_loop import EdgeLoop
from pedsam_ros.nodes.edge_outputs import Outputs
from pedsam_ros.nodes.edge_services import Active, Services
from pedsam_ros.nodes.exposure_files import ExposureFiles
from pedsam_ros.nodes.frame_log import FrameLog
from pedsam_ros.nodes.frame_queue import Unread
from pedsam_ros.nodes.gyroscope import Gyroscope
from pedsam_ros.nodes.home import former_ledger_path, ledger_path, operator_path
from pedsam_ros.nodes.inbox import Reply
from pedsam_ros.nodes.losses import Losses
from pedsam_ros.nodes.managed import ManagedNode
from pedsam_ros.nodes.spin import run
from pedsam_ros.ros import diagnostics
from pedsam_ros.ros.domain import DomainLink


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What `load` makes and `unload` gives back."""

    workers: tuple[WorkerEntry, ...]
    keys: Mapping[str, PrivateKey] | None
    model: EdgeHalf
    files: ExposureFiles
    word: OperatorWord


class EdgeNode(ManagedNode):
    """See EdgeConfig for its parameters and README.md for its topics."""

    config_type = EdgeConfig
    _edge: Edge  # `start` makes these seven
    _loop: EdgeLoop
    _compute: ComputeThread
    _outputs: Outputs
    _gyroscope: Gyroscope
    _inputs: Inputs
    _camera: CameraInput | None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('edge', **kwargs)
        self._loaded: _Loaded | None = None
        self._quarantine: dict[str, str] = {}  # worker -> why; only `release` ends it
        self._edge_services = Services(self)

    def load(self) -> None:
        """Reads workers, keys, weights and the exposure ledger. Raises PedsamError."""
        self.unload()
        config, domain = self.config, self.context.get_domain_id()
        workers = read_workers(config.workers_file, domain)
        keys = handshakes.edge_keys(workers, config)
        weights = checkpoint.read(config.checkpoint)
        wire.check(weights.arch)
        model = backends.edge_half(weights, config, config.worker_half)
        model.reply_dtype(config.transport, config.codec_ratio)  # raises if it has no codec
        node = self.get_fully_qualified_name()
        word = OperatorWord(read_or_make_secret(operator_path(config.operator_file)), node)
        files = self._open_files(workers, weights.arch)
        self._loaded = _Loaded(workers, keys, model, files, word)
        if conflict := files.ledger.conflict():
            self.get_logger().error(f'frames will fail: {conflict}')
        for told in files.warnings(workers):
            self.get_logger().warning(told)
        known = f'anchor={config.placement.anchor} ledger={files.path} new={files.new}'
        self.get_logger().info(
            f'configured model_id={model.model_id} {known} computed_by={model.computed_by}'
        )

    def unload(self) -> None:
        """Closes the files of what was seen and gives the model's memory back."""
        if self._loaded is not None:
            self._loaded.files.close()
            self._loaded = None

    def start(self, running: ExitStack) -> None:
        """Starts the loop, one link per worker and the computing thread, then subscribes."""
        assert self._loaded is not None  # a node is configured before it is activated
        model, files, keys = self._loaded.model, self._loaded.files, self._loaded.keys
        if self.config.insecure:
            self.get_logger().error(handshakes.INSECURE)
        self._outputs = Outputs(self, running)
        camera, mounting = self._outputs.infos.matrix, self.config.imu_mounting
        self._gyroscope = Gyroscope(self, mounting, camera, running)
        links: dict[str, DomainLink] = {}
        self._loop = self._make_loop(self._loaded, links)
        running.callback(self._report)
        running.callback(self._write_files, files)
        running.callback(self._loop.close)
        self._camera = None
        self._compute = ComputeThread(self._step, self.on_defect)
        window_bytes = wire.window_size(model.arch) if self.config.pad else 0
        for worker in self._loaded.workers:
            links[worker.name] = DomainLink(
                worker,
                handshakes.edge_sessions(worker, keys),
                window_bytes,
                self._on_embedding,
                self._on_status,
                self.on_defect,
            )
            running.callback(links[worker.name].close)
        self._compute.start()
        running.callback(self._compute.close)
        self._compute.call(model.warm_up)
        self._inputs = Inputs(self, self._loop, self._compute, lambda: self.config.prompts)
        self._inputs.subscribe(self.config, running)
        self._camera = CameraInput(self, self.config, self._on_image)
        running.callback(self._camera.close)
        self._edge_services.active = Active(self._loop, self._compute, files, self._loaded.word)
        running.callback(self._edge_services.close)
        if not self.config.prompts:
            self.get_logger().info('no points or boxes: automatic masks, which are slow')

    def changed(self, config: EdgeConfig) -> None:
        """Uses new prompts at once."""
        if self.running is not None:
            self._compute.post(partial(self._loop.set_prompts, config.prompts, fixed=True))

    def report(self) -> None:
        """Reports from the computing thread, which alone may look at the loop."""
        self._compute.post_once(self._report)

    def _open_files(self, workers: tuple[WorkerEntry, ...], arch: Architecture) -> ExposureFiles:
        """Opens what is kept of what workers have seen. Raises ConfigError."""
        placement, grid = self.config.placement, pixel_grid(arch)
        in_scene = placement.anchor == 'scene'
        homes = {} if in_scene else place(grid, workers, placement)
        identities = {worker.name: worker.identities for worker in workers}
        make = partial(Scene, arch, workers, placement, identities) if in_scene else None
        empty = Ledger(grid, homes, placement.max_share, identities)
        if name := self.config.ledger_file:
            return ExposureFiles(Path(name), empty, None, make)
        node = self.get_fully_qualified_name()
        return ExposureFiles(ledger_path(node), empty, former_ledger_path(node), make)

    def _make_loop(self, loaded: _Loaded, links: dict[str, DomainLink]) -> EdgeLoop:
        files, workers = loaded.files, loaded.workers
        spares, ledger = [worker for worker in workers if worker.spare], files.ledger
        edge = Edge(loaded.model, ledger.homes, self.config, ledger, spares, scene=files.scene)
        self._edge = edge
        names = [worker.name for worker in workers]
        losses = Losses(self.warn, self.get_logger().error)
        logger = self.get_logger()
        log = FrameLog(logger.debug, partial(logger.is_enabled_for, LoggingSeverity.DEBUG))
        return EdgeLoop(
            edge,
            names,
            links,
            self._publish,
            files.keep,
            losses,
            log=log,
            fetch=self._fetch,
            turn=self._gyroscope.turn,
            quarantine=self._quarantine,
        )

    # From the links' threads.
    def _on_embedding(self, worker: str, reply: Reply) -> None:
        self._loop.on_embedding(worker, reply)
        self._compute.wake()

    def _on_status(self, worker: str, status: WorkerStatus) -> None:
        self._loop.on_status(worker, status)
        self._compute.wake()

    # From a ROS thread; without regions from the computing thread as well.
    def _on_image(self, image: Unread, age_s: float, missed: int) -> None:
        self._inputs.take_regions()
        self._loop.offer(image, age_s, missed)
        self._compute.wake()

    # On the computing thread, or after its end.
    def _step(self) -> float | None:
        patience_s = self._loop.step()
        if self._camera is not None:
            self._camera.want(self._loop.hungry, soon=patience_s == 0.0)
        return patience_s

    def _fetch(self) -> None:
        if self._camera is not None:
            self._camera.fetch()

    def _publish(self, masks: Masks) -> None:
        self.fault = ''
        self._outputs.masks(masks)
        if (last := self._edge.last) and last.key == masks.key:
            self._outputs.cells(last)

    def _write_files(self, files: ExposureFiles) -> None:
        """Saves counts and times, which `keep` writes only now and then."""
        try:
            files.write()
        except OSError as error:
            self.warn(f'exposure ledger not written: {error}')

    def _report(self) -> None:
        assert self._loaded is not None
        self._outputs.exposure(self._edge, self.config.insecure)
        name = self.get_fully_qualified_name()
        insecure = handshakes.INSECURE if self.config.insecure else ''
        frames, *workers = self._loop.report(self.fault or insecure)
        frames.values['unproven_requests'] = self._edge_services.unproven
        frames.values.update(self._gyroscope.figures())
        camera = [self._camera.part()] if self._camera is not None else []
        self.publish_report(
            [
                diagnostics.status(
                    f'{name}: {part.component}', part.level, part.message, part.values
                )
                for part in (frames, *camera, *workers)
            ]
        )


main = partial(run, EdgeNode)
