"""What really crosses to each worker: the windows that it opened, and the sealed messages that an
eavesdropper in its domain heard."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Condition
from typing import Any

import numpy as np

from pedsam_ros.core.allow_list import topic
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import PedsamError
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.noise import TAG_BYTES
from pedsam_ros.core.types import Frame, FrameKey
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.msg import SealedWindow
from pedsam_ros.ros import identity, qos
from pedsam_ros.trial.client import Client
from pedsam_ros.trial.distributed import Distributed, edge_settings
from pedsam_ros.trial.kept import KeptWindow, count, kept
from pedsam_ros.trial.system import System

_HEARD_S = 30.0  # for an eavesdropper to hear what a worker has opened already
_PROBE_S, _PROBES = 3.0, 20


@dataclass(frozen=True, slots=True, eq=False)
class Crossed:
    """A window as its worker opened it, and its sealed message as anyone heard it."""

    worker: str
    window: KeptWindow
    size: int  # bytes of the sealed message
    heard_s: float  # when it was heard, monotonic


@contextmanager
def crossing(
    weights: checkpoint.Weights,
    workers: Sequence[WorkerEntry],
    domain_id: int,
    folder: Path,
    parameters: Mapping[str, Any],
    size: tuple[int, int],
) -> Iterator[Crossing]:
    """Starts an edge in the domain `domain_id`, and workers; ends them at last.

    `parameters` are the edge's, and `size` is that of the first frame, (H, W) px. Weights, logs
    and windows go to `folder`. Raises PedsamError if a process ends before its time or with
    another status than 0.
    """
    identity.stay_on_this_machine()
    worker_file, edge_file = loading.split(weights, folder, weights.arch.name)
    with System(workers, domain_id, folder, watched=True) as system, ExitStack() as opened:
        taps = {}
        for worker in system.workers:
            (folder / worker.name).mkdir()
            settings = {'checkpoint': str(worker_file), 'kept': str(folder / worker.name)}
            system.start_worker(worker.name, settings)
            taps[worker.name] = _Tap(worker)
            opened.callback(taps[worker.name].client.close)
        default = EdgeConfig()
        transport = str(parameters.get('transport', default.transport))
        ratio = int(parameters.get('codec_ratio', default.codec_ratio))
        system.start_edge(**{**parameters, **edge_settings(edge_file, transport, ratio)})
        shown = Distributed(system)
        opened.callback(shown.close)
        shown.connect(size)
        crossed = Crossing(shown, folder, taps, system)
        crossed.settle(size)
        yield crossed


class Crossing:
    """Shows frames one at a time, and says what crossed of each."""

    def __init__(
        self, shown: Distributed, folder: Path, taps: Mapping[str, _Tap], system: System
    ) -> None:
        self._shown, self._folder, self._taps, self._system = shown, folder, taps, system
        self._opened = dict.fromkeys(taps, 0)  # windows that were read of each worker

    def show(self, frame: Frame) -> list[Crossed]:
        """Returns what crossed until the masks of the frame came back. Raises PedsamError if they
        do not come, or the eavesdropper missed something."""
        found, missed = self._shown_once(frame, _HEARD_S)
        if missed:
            raise PedsamError(f'frame {frame.key}: {missed} windows were not heard')
        return found

    def settle(self, size: tuple[int, int]) -> None:
        """Shows dark frames until the eavesdroppers hear all windows. Raises PedsamError."""
        dark = np.zeros((*size, 3), np.uint8)
        for number in range(_PROBES):
            for worker, tap in self._taps.items():
                self._opened[worker] = count(self._folder / worker)
                tap.forget()
            if not self._shown_once(Frame(FrameKey(number, 'dark'), dark), _PROBE_S)[1]:
                return
        raise PedsamError(f'{_PROBES} frames: the eavesdroppers do not hear all windows')

    def ledger(self) -> Ledger:
        """What the edge has written down."""
        known = {worker.name: worker.identities for worker in self._system.workers}
        return Ledger.from_json(self._system.ledger_file.read_text(), {}, identities=known)

    def _shown_once(self, frame: Frame, patience_s: float) -> tuple[list[Crossed], int]:
        """What crossed of a frame, and how many windows were opened and not heard."""
        self._shown.encode(frame)
        found, missed = [], 0
        for worker, tap in self._taps.items():
            windows = list(kept(self._folder / worker, self._opened[worker]))
            self._opened[worker] += len(windows)
            heard = tap.take(len(windows), patience_s)
            pairs = zip(windows, heard, strict=False)
            found += [Crossed(worker, window, *message) for window, message in pairs]
            missed += len(windows) - len(heard)
        return found, missed


class _Tap:
    """Somebody in a worker's domain without a key, who notes sizes and times of windows."""

    def __init__(self, worker: WorkerEntry) -> None:
        self._heard: list[tuple[int, float]] = []
        self._more = Condition()
        self.client = Client(worker.domain_id, 'tap')
        self.client.hear(SealedWindow, topic(worker.name, 'windows'), self._note, qos.WINDOWS)
        self.client.spin_in_background()

    def take(self, count: int, patience_s: float) -> list[tuple[int, float]]:
        """The next `count` messages; fewer if they do not come in time."""
        with self._more:
            self._more.wait_for(lambda: len(self._heard) >= count, patience_s)
            taken, self._heard = self._heard[:count], self._heard[count:]
        return taken

    def forget(self) -> None:
        """Leaves out what was heard so far."""
        with self._more:
            self._heard = []

    def _note(self, msg: SealedWindow) -> None:
        if msg.session and len(msg.box) > TAG_BYTES:  # no handshake, and not empty
            with self._more:
                self._heard.append((len(msg.box), time.monotonic()))
                self._more.notify()
