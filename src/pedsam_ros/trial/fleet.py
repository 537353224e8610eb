"""What the soak plays with: an edge, three workers and a spare, and their diaries."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from pedsam_ros.core.errors import PedsamError
from pedsam_ros.core.health import WorkerState
from pedsam_ros.core.model import checkpoint
from pedsam_ros.core.operator_word import read_secret
from pedsam_ros.core.placement import place
from pedsam_ros.core.planes import Size
from pedsam_ros.core.windows import pixel_grid
from pedsam_ros.ros import operator_call
from pedsam_ros.srv import Release
from pedsam_ros.trial.client import EdgeClient
from pedsam_ros.trial.diary import Diary
from pedsam_ros.trial.known_camera import Footage, KnownCamera
from pedsam_ros.trial.lies import Lie
from pedsam_ros.trial.processes import workers_in
from pedsam_ros.trial.soak_record import MemorySample, SoakRecord
from pedsam_ros.trial.system import EDGE, System, bad_ends

WEIGHTS, _OTHER_WEIGHTS = 'random:vit_tiny:0', 'random:vit_tiny:1'
POINT = (60.0, 50.0)  # the prompt: x and y, px
_START_S = 300.0  # only catches hangs
_READY_S = 60.0  # for a worker to recover, and for the edge to notice what is wrong with it
_FRAME_S = 0.3  # then the next frame is shown, even if this one has no masks yet
THREADS = 1  # of torch in each process
_EDGE: dict[str, Any] = {
    'checkpoint': WEIGHTS,
    'points': list(POINT),
    'threads': THREADS,
    'loss.on_server_loss': ['spare', 'fail'],
    'loss.worker_timeout_s': 2.0,
    'loss.audit_rate': 0.02,
}


class Fleet:
    """Real processes, a camera, and the diary of each worker. They fill in `record`.

    `domains`: the robot's, then each worker's, the spare's last. `anchor` is what the edge fixes
    windows to. Methods take workers by name.
    """

    def __init__(
        self,
        domains: Sequence[int],
        folder: Path,
        footage: Footage,
        sizes: tuple[Size, ...],
        anchor: str,
    ) -> None:
        self._system = System(workers_in(domains), domains[0], folder, watched=True)
        self._anchor = anchor
        self.workers = workers = self._system.workers
        arch = checkpoint.read(WEIGHTS).arch
        self.homes = [worker.name for worker in workers if not worker.spare]
        self.record = SoakRecord(
            arch=arch,
            homes=place(pixel_grid(arch), workers),
            identities={worker.name: worker.identities for worker in workers},
            sizes=sizes,
        )
        self._replaced: dict[str, int] = {}  # worker -> its process before
        self._diaries = {w.name: Diary(self._system.diary_file(w.name)) for w in workers}
        self.record.heard = {name: diary.windows for name, diary in self._diaries.items()}
        with ExitStack() as opened:
            opened.callback(self._end)
            self.client = EdgeClient(domains[0], 'soak')
            opened.callback(self.client.close)
            self.camera = KnownCamera(self.client, footage, self.record)
            self._release = self.client.node.create_client(Release, '/edge/release')
            self._opened = opened.pop_all()

    def connect(self) -> None:
        """Starts every process; returns when masks have come back. Raises PedsamError if they
        never do."""
        for worker in self._system.workers:
            self.start(worker.name)
        self._system.start_edge(**_EDGE, **{'placement.anchor': self._anchor})
        if not self.client.within(_START_S, self._masks_come):
            edge = self._system.processes[EDGE]
            raise PedsamError(f'no masks come back ({_START_S:.0f} s); {edge.last_words()}')

    def finish(self) -> None:
        """Lets frames that are under way end, and records the edge's own account of them."""
        self.client.spin_for(5.0)
        for diary in self._diaries.values():
            diary.look()
        self.record.figures = dict(self.client.figures())
        self.record.told = {name: dict(self.client.figures(name)) for name in self._diaries}
        self.record.ledger = self._system.ledger_file.read_text()
        if self._anchor == 'scene':
            self.record.scene = self._system.scene_file.read_bytes()

    def diary_files(self) -> dict[str, Path]:
        """Where each worker has written what it was sent."""
        return {name: self._system.diary_file(name) for name in self._diaries}

    def close(self) -> None:
        """Ends all processes, threads and nodes."""
        self._opened.close()

    def some_frames(self, count: int) -> None:
        """Shows frames, each when the masks of the one before have come, or 0.3 s later."""
        for _ in range(count):
            before = self.record.done
            self.camera.show()
            self.client.within(_FRAME_S, lambda: self.record.done > before)  # noqa: B023
        self._look()

    def start(self, name: str, other_weights: bool = False) -> None:
        """Starts a worker with the edge's model, or with another one."""
        diary = self._diaries[name]
        diary.look()
        self._replaced[name] = diary.process
        weights = _OTHER_WEIGHTS if other_weights else WEIGHTS
        self._system.start_workers(name, checkpoint=weights, threads=THREADS)

    def start_hostile(self, name: str, lie: Lie) -> None:
        """Starts a worker that tells a lie."""
        self._system.start_hostile(name, lie, WEIGHTS)

    def kill(self, name: str) -> None:
        """Ends a worker with SIGKILL."""
        self._system.kill(name)

    def stop(self, name: str) -> None:
        """Stops a worker with SIGSTOP."""
        self._system.processes[name].signal(signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        """Lets a stopped worker go on."""
        self._system.processes[name].signal(signal.SIGCONT)

    def expect(self, name: str, state: WorkerState) -> None:
        """Shows frames until the edge reports this state of a worker; records if it never does."""
        self.client.forget(name)
        end_s = time.monotonic() + _READY_S
        while self.client.state(name) is not state:
            if time.monotonic() > end_s:
                return self.record.unnoticed.append(f'{name}: {state.value}')
            self.some_frames(1)
        return None

    def recover(self, name: str, release: bool = False) -> None:
        """Waits for a worker that was started again, and shows frames until it is in use.

        `release`: from quarantine, as soon as it is active. Records how long it took from then
        until masks came of a frame that was shown after the worker was sent windows again.
        """
        diary, before = self._diaries[name], self._replaced[name]

        def active() -> bool:
            diary.look()
            return diary.process not in (0, before)

        if not self.client.within(_READY_S, active):
            return self.record.unrecovered.append(name)
        if release:
            secret = read_secret(self._system.operator_file)
            call = partial(self.client.ask, self._release)
            operator_call.release(call, secret, f'/{EDGE}', name)
        end_s = time.monotonic() + _READY_S
        while diary.sent_s >= self.camera.last_done_shown_s:
            if time.monotonic() > end_s:
                return self.record.unrecovered.append(name)
            self.some_frames(1)
            diary.look()
        return self.record.recoveries_s.append(self.camera.last_done_s - diary.active_s)

    def _end(self) -> None:
        """Ends all processes, and records which ones ended badly."""
        if bad := bad_ends(self._system.end()):
            self.record.ended.append(bad)

    def _masks_come(self) -> bool:
        self.camera.show()
        self.client.spin_for(0.2)
        return self.record.done > 0

    def _look(self) -> None:
        """Records the memory of every process, and which ones have ended unasked."""
        for name, process in list(self._system.processes.items()):
            if not process.running:
                self.record.ended.append(f'{name}: status {process.process.returncode}')
                del self._system.processes[name]
                continue
            sample = MemorySample(process.process.pid, self.record.shown, process.resident_bytes)
            self.record.memory.setdefault(name, []).append(sample)
