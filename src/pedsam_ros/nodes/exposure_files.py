"""What an edge keeps on the disk of what its workers have seen: the ledger and, where windows are
fixed to the scene, the scene."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.scene import Scene
from pedsam_ros.core.scene_record import SceneRecord
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.nodes import scene_file
from pedsam_ros.nodes.ledger_file import LedgerFile
from pedsam_ros.nodes.other_ledgers import also_seen
from pedsam_ros.nodes.scene_file import SceneFile

_OTHER_HOMES = (
    'workers, their order or placement.session_key are not those of the remembered scene: places '
    'have other homes now. The cap holds, so this edge computes more itself until ~/reset_exposure'
)
MakeScene: TypeAlias = Callable[[SceneRecord], Scene]


class ExposureFiles:
    """The files of one edge. While they are open, no other edge can open them.

    `make_scene` makes the scene of what is remembered; None: windows are fixed to the image. See
    LedgerFile for the rest. Raises ConfigError, as LedgerFile does, and if workers were shown
    anything while windows were fixed to something else: how much of that is seen is not known.
    """

    def __init__(
        self,
        path: Path,
        empty: Ledger,
        former: Path | None = None,
        make_scene: MakeScene | None = None,
    ) -> None:
        self._ledger = LedgerFile(path, empty, former)
        self._scene: SceneFile | None = None
        try:
            self._open_scene(make_scene)
        except OSError as error:
            self.close()
            raise ConfigError(f'{self.scene_path}: {error}') from None
        except BaseException:
            self.close()
            raise

    @property
    def ledger(self) -> Ledger:
        """What the ledger's file holds."""
        return self._ledger.ledger

    @property
    def scene(self) -> Scene | None:
        """What the scene's file holds; None if windows are fixed to the image."""
        return self._scene.scene if self._scene else None

    @property
    def path(self) -> Path:
        """Of the ledger."""
        return self._ledger.path

    @property
    def scene_path(self) -> Path:
        """Of the scene: beside the ledger."""
        return scene_file.beside(self.path)

    @property
    def new(self) -> bool:
        """Whether there was no ledger."""
        return self._ledger.new

    def warnings(self, workers: Iterable[WorkerEntry]) -> Iterator[str]:
        """Says what is not wrong, and shows workers more, or the edge less, than one may think."""
        if self.scene is not None and self.scene.homes_changed:
            yield _OTHER_HOMES
        names = {key: worker.name for worker in workers for key in worker.identities}
        for key, path in also_seen(self.path, names.keys()):
            told = f'{names[key]} is a worker of another edge as well, as {path} says'
            yield f'{told}; both together show it more than either cap'

    def keep(self) -> None:
        """Writes what must be on the disk before anything is sent. Raises OSError."""
        if self._scene:
            self._scene.keep()
        self._ledger.keep()

    def write(self) -> None:
        """Writes everything. Raises OSError."""
        if self._scene:
            self._scene.write()
        self._ledger.write()

    def reset(self) -> None:
        """Forgets what was seen. Raises OSError if that cannot be written."""
        self.ledger.reset()
        if self._scene:
            self._scene.scene.reset()
        self.write()

    def close(self) -> None:
        """Lets another edge open the files."""
        if self._scene:
            self._scene.close()
        self._ledger.close()

    def _open_scene(self, make_scene: MakeScene | None) -> None:
        if make_scene is None:
            if os.path.lexists(self.scene_path) and len(
                scene_file.read(self.scene_path).keyframes
            ):
                raise self._mixed('image', 'a scene', self.scene_path)
            return
        if any(seen.windows for seen in self.ledger.seen.values()):
            raise self._mixed('scene', 'places in the image', self.path)
        if self.ledger.seen and not os.path.lexists(self.scene_path):
            raise ConfigError(
                f'{self.scene_path}: is missing, and {self.path} says that workers saw something; '
                'put it back or, once they have forgotten, remove the other one as well'
            )
        self._scene = SceneFile(self.scene_path, make_scene(scene_file.read(self.scene_path)))

    def _mixed(self, anchor: str, before: str, path: Path) -> ConfigError:
        return ConfigError(
            f'placement.anchor={anchor}: workers were shown {before} before, as {path} says; set '
            'the anchor back or, once the workers have forgotten what they saw, remove that file'
        )
