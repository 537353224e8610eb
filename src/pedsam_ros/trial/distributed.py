"""The distributed system as a model like any other: an edge and three workers, each a process in a
domain of its own, asked frame by frame."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Image

from pedsam_ros.core.edge import ENDINGS
from pedsam_ros.core.errors import PedsamError
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.types import Frame, FrameKey, Masks, Prompt
from pedsam_ros.msg import Masks as MasksMsg
from pedsam_ros.ros import convert, identity, qos
from pedsam_ros.ros.images import image_to_msg
from pedsam_ros.srv import Segment
from pedsam_ros.trial.processes import (
    NodeProcess,
    end_all,
    start_edge,
    start_workers,
    three_workers,
)

_CAMERA = '/camera/image_raw'
_DEADLINE_S = 600.0  # of a frame at the workers; a large model on a CPU is slow
_STALL_S = 900.0  # then a frame or an answer is missing
_AGAIN_S = (10.0, 60.0)  # a call not answered by then is made again; a last time after these
_PROBE_S, _PROBES = 3.0, 100
_ANYWHERE = Prompt(points=((0.0, 0.0, 1),))  # in every image; the automatic grid would be slow


@contextmanager
def distributed(
    weights: checkpoint.Weights,
    domains: Sequence[int],
    folder: Path,
    transport: str,
    **settings: Any,
) -> Iterator[Distributed]:
    """Starts the processes and ends them; weights and logs go into `folder`.

    `domains`: the robot's, then each worker's. `settings` are parameters of all nodes. Raises
    ConfigError for domains that break a rule, PedsamError if a process ends by itself.
    """
    identity.stay_on_this_machine()
    workers = three_workers(domains)
    worker_file, edge_file = loading.split(weights, folder, weights.arch.name)
    processes = start_workers(workers, folder, {'checkpoint': str(worker_file), **settings})
    try:
        ours = _edge_settings(edge_file, transport) | settings
        processes.append(start_edge(workers, domains[0], folder, ours, _CAMERA))
        system = Distributed(domains[0], processes)
        try:
            system.connect()
            yield system
        finally:
            system.close()
    finally:
        end_all(processes)


def _edge_settings(checkpoint_file: Path, transport: str) -> dict[str, Any]:
    return {
        'checkpoint': str(checkpoint_file),
        'transport': transport,
        'every_frame': True,
        'deadline_s': _DEADLINE_S,
        'points': [value for x, y, _ in _ANYWHERE.points for value in (x, y)],
    }


class Distributed:
    """A node of its own context in the robot's domain, which is camera and operator in one."""

    def __init__(self, domain_id: int, processes: Sequence[NodeProcess]) -> None:
        self._processes = processes
        self._context = Context()
        self._context.init(args=[], domain_id=domain_id)
        self._node = Node('evaluate', context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._camera = self._node.create_publisher(Image, _CAMERA, qos.every_frame(4))
        self._service = self._node.create_client(Segment, '/edge/segment')
        self._answered: FrameKey | None = None  # the frame whose masks came last
        self._lost = ''  # why a frame was lost, if one was
        for kind, topic, profile in (
            (MasksMsg, '/edge/masks', qos.OUTPUT),
            (DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS),
        ):
            hear = self._hear if kind is MasksMsg else self._note
            self._node.create_subscription(kind, topic, hear, profile)

    def connect(self) -> None:
        """Returns when camera, masks and service have each been seen to work: what is sent before
        DDS has introduced all ends to each other may reach nobody."""
        self._until(self._service.service_is_ready, 'the edge offers no service')
        self._ask([_ANYWHERE], again_s=(_PROBE_S,) * _PROBES)
        self._until(self._camera.get_subscription_count, 'the edge reads no camera')
        dark = Frame(FrameKey(0, 'probe'), np.zeros((16, 16, 3), np.uint8))
        for _ in range(_PROBES):
            self._show(dark)
            if self._until(lambda: self._answered is not None, '', _PROBE_S):
                return
        raise PedsamError(self._complaint('no frame comes back'))

    def encode(self, frame: Frame) -> FrameKey:
        """Shows a frame; returns when its masks came back. Raises PedsamError if none do."""
        self._show(frame)
        missing = f'frame {frame.key} is not answered'
        self._until(lambda: self._answered == frame.key, missing)
        return frame.key

    def decode(self, encoded: FrameKey, prompts: Sequence[Prompt]) -> Masks:
        """One mask a prompt on the frame shown last; no worker hears of it. Raises PedsamError."""
        response = self._ask(prompts, _AGAIN_S)
        masks = convert.masks_from_msg(response.masks)
        if not response.success or masks.key != encoded:
            told = response.message or f'these are the masks of {masks.key}'
            raise PedsamError(self._complaint(f'no masks for frame {encoded}: {told}'))
        return masks

    def close(self) -> None:
        """Ends the node and its context."""
        self._executor.shutdown()
        self._node.destroy_node()
        self._context.try_shutdown()

    def _show(self, frame: Frame) -> None:
        header = convert.key_to_header(frame.key)
        self._camera.publish(image_to_msg(np.ascontiguousarray(frame.rgb), 'rgb8', header))

    def _ask(self, prompts: Sequence[Prompt], again_s: Sequence[float]) -> Segment.Response:
        """Calls the service; again where no answer comes, which changes nothing."""
        request = Segment.Request(prompts=[convert.prompt_to_msg(p) for p in prompts])
        for patience_s in again_s:
            call = self._service.call_async(request)
            if self._until(call.done, '', patience_s):
                return call.result()
            self._service.remove_pending_request(call)
        call = self._service.call_async(request)
        self._until(call.done, 'the service does not answer')
        return call.result()

    def _hear(self, msg: MasksMsg) -> None:
        self._answered = convert.key_from_header(msg.header)

    def _note(self, report: DiagnosticArray) -> None:
        for status in report.status:
            if status.name == '/edge: frames':
                values = {pair.key: pair.value for pair in status.values}
                if any(int(values[ending]) for ending in ENDINGS if ending != 'done'):
                    self._lost = f'a frame was lost: {values["last_loss"]}'

    def _until(
        self, condition: Callable[[], Any], complaint: str, patience_s: float = _STALL_S
    ) -> bool:
        """Spins until the condition holds. After `patience_s` returns False, or raises
        PedsamError if there is a complaint; as it does when a process died or a frame was lost."""
        end = time.monotonic() + patience_s
        while not condition():
            self._executor.spin_once(timeout_sec=0.2)
            dead = [process.name for process in self._processes if not process.running]
            if dead or self._lost:
                raise PedsamError(self._complaint(self._lost or f'{dead[0]} ended by itself'))
            if time.monotonic() > end:
                if complaint:
                    raise PedsamError(self._complaint(complaint))
                return False
        return True

    def _complaint(self, what: str) -> str:
        """With the last words of whoever died, or else of the edge."""
        dead = [process for process in self._processes if not process.running]
        told = (dead or list(self._processes))[-1]
        return f'{what}; last words of {told.name}:\n{told.last_words()}'
