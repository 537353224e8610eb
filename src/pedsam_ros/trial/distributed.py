"""The distributed system as a model like any other, for `pedsam evaluate`.

An edge and three workers, each a process in its own domain, are asked frame by frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from sensor_msgs.msg import Image

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.edge import ENDINGS
from pedsam_ros.core.errors import PedsamError
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.types import Frame, FrameKey, Masks, Prompt
from pedsam_ros.msg import Masks as MasksMsg
from pedsam_ros.ros import convert, identity, qos
from pedsam_ros.srv import Segment
from pedsam_ros.trial.client import EdgeClient, image_msg
from pedsam_ros.trial.processes import workers_in
from pedsam_ros.trial.system import CAMERA, System

_DEADLINE_S = 600.0  # of a frame at the workers; a large model on a CPU is slow
_STALL_S = 900.0  # for a frame or an answer; longer than any deadline
_AGAIN_S = (10.0, 60.0)  # a call that is not answered by then is made again
_PROBE_S, _PROBES = 3.0, 100
_ANYWHERE = Prompt(points=((0.0, 0.0, 1),))  # in every image; automatic masks would be slow


@contextmanager
def distributed(
    weights: checkpoint.Weights,
    domains: Sequence[int],
    folder: Path,
    transport: str,
    ratio: int = EdgeConfig().codec_ratio,
    **settings: Any,
) -> Iterator[Distributed]:
    """Starts the processes and ends them. Weights and logs go to `folder`.

    `domains`: the robot's, then each worker's. `transport` and
    `ratio` are the edge's, `settings` parameters of all nodes. Raises
    ConfigError for domains that break a rule, PedsamError if a process ends before its time or
    with another status than 0.
    """
    identity.stay_on_this_machine()
    worker_file, edge_file = loading.split(weights, folder, weights.arch.name)
    with System(workers_in(domains), domains[0], folder) as system:
        system.start_workers(checkpoint=str(worker_file), **settings)
        system.start_edge(**edge_settings(edge_file, transport, ratio) | settings)
        asked = Distributed(system)
        try:
            asked.connect()
            yield asked
        finally:
            asked.close()


def edge_settings(checkpoint_file: Path, transport: str, ratio: int) -> dict[str, Any]:
    """The parameters of an edge that is shown one frame after the other."""
    return {
        'checkpoint': str(checkpoint_file),
        'transport': transport,
        'codec_ratio': ratio,
        'placement.anchor': 'image',  # frames that have nothing to do with each other
        'every_frame': True,
        'deadline_s': _DEADLINE_S,
        'points': [value for x, y, _ in _ANYWHERE.points for value in (x, y)],
    }


class Distributed:
    """A node in the robot's domain of a running system: camera and operator in one."""

    def __init__(self, system: System) -> None:
        self.system = system
        self._client = EdgeClient(system.domain_id, 'evaluate', system.processes, _STALL_S)
        node = self._client.node
        self._camera = node.create_publisher(Image, CAMERA, qos.reliable(4))
        self._service = node.create_client(Segment, '/edge/segment')
        self._answered: FrameKey | None = None  # the frame whose masks came last
        self._client.hear(MasksMsg, '/edge/masks', self._on_masks)

    def connect(self, size: tuple[int, int] = (16, 16)) -> None:
        """Returns when camera, masks and service have each been seen to work, with dark frames of
        `size`, (H, W) px.

        DDS introduces the ends of each topic to each other; what is sent before that is lost.
        Raises PedsamError if one of them does not work in time.
        """
        self._client.until(self._service.service_is_ready, 'the edge offers no service')
        self._ask([_ANYWHERE], again_s=(_PROBE_S,) * _PROBES)
        self._client.until(self._camera.get_subscription_count, 'the edge reads no camera')
        dark = image_msg(Frame(FrameKey(0, 'probe'), np.zeros((*size, 3), np.uint8)))
        for _ in range(_PROBES):
            self._camera.publish(dark)
            if self._client.within(_PROBE_S, lambda: self._answered is not None or self._lost):
                return self._raise_if_lost()
        raise PedsamError(f'no frame comes back; {self._client.circumstances()}')

    def encode(self, frame: Frame) -> FrameKey:
        """Shows a frame, and returns when its masks have come back. Raises PedsamError if they
        do not come, if the edge loses a frame, or if a process ends."""
        self._camera.publish(image_msg(frame))
        missing = f'frame {frame.key} is not answered'
        self._client.until(lambda: self._answered == frame.key or self._lost, missing)
        self._raise_if_lost()
        return frame.key

    def decode(self, encoded: FrameKey, prompts: Sequence[Prompt]) -> Masks:
        """One mask for each prompt on the frame shown last. The workers are not asked.

        Raises PedsamError if the edge gives no masks, or masks of another frame.
        """
        response = self._ask(prompts, _AGAIN_S)
        masks = convert.masks_from_msg(response.masks)
        if not response.success or masks.key != encoded:
            told = response.message or f'these are the masks of {masks.key}'
            circumstances = self._client.circumstances()
            raise PedsamError(f'no masks for frame {encoded}: {told}; {circumstances}')
        return masks

    def close(self) -> None:
        """Ends the node and its context."""
        self._client.close()

    def _ask(self, prompts: Sequence[Prompt], again_s: Sequence[float]) -> Segment.Response:
        request = Segment.Request(prompts=[convert.prompt_to_msg(p) for p in prompts])
        return self._client.ask(self._service, request, again_s)

    def _on_masks(self, msg: MasksMsg) -> None:
        self._answered = convert.key_from_header(msg.header)

    def _raise_if_lost(self) -> None:
        if self._lost:
            why = self._client.figures()['last_loss']
            raise PedsamError(f'a frame was lost: {why}; {self._client.circumstances()}')

    @property
    def _lost(self) -> int:
        """How many frames have ended without masks."""
        figures = self._client.figures()
        return sum(int(figures.get(ending, 0)) for ending in ENDINGS if ending != 'done')
