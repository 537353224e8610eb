"""The settings of a worker: see config.py."""

from __future__ import annotations

from dataclasses import dataclass

from pedsam_ros.core import common_settings as common
from pedsam_ros.core.settings import check_fields, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """Settings of a worker node. Raises ConfigError if one breaks its rule."""

    name: str = setting(
        'worker',
        "the worker's name in workers.yaml and in its topics",
        pattern=common.NAME,
        form=common.NAME_FORM,
    )
    checkpoint: str = common.checkpoint('worker')
    max_batch: int = setting(25, 'largest number of windows encoded at once', low=1, high=1024)
    queue_windows: int = setting(
        256, 'largest number of windows that wait; the oldest are dropped', low=1, high=100000
    )
    pad: bool = common.pad('embedding')
    key_folder: str = common.key_folder()
    edge_key: str = setting(
        '',
        'public key of the only edge that is served, as pedsam keys add-worker prints it',
        fixed=True,
    )
    insecure: bool = common.insecure()
    device: str = common.device('worker')
    backend: str = common.backend('worker')
    precision: str = common.precision('window')
    threads: int = common.threads()
    autostart: bool = common.autostart()

    def __post_init__(self) -> None:
        check_fields(self)
        common.check_backend(self.backend, self.precision)
