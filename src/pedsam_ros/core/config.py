"""The settings of the edge: name, default, text, unit and rule of each, in one place.

Those of the placement are in placement_config.py, those of automatic masks in automatic_config.py,
those of a worker in worker_config.py, those of the overlay in overlay_config.py. settings.py says
what a setting is. After a change here, run

    PYTHONPATH=src python scripts/write_parameters.py

which writes config/*.yaml, docs/parameters.md and the tables of README.md anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pedsam_ros.core import common_settings as common
from pedsam_ros.core.automatic_config import AutomaticConfig
from pedsam_ros.core.codec import RATIOS, TRANSPORTS
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.prompts import Limits, prompts_from_flat
from pedsam_ros.core.settings import check_fields, grouped, setting
from pedsam_ros.core.types import Prompt

ON_LOSS = ('spare', 'local', 'stale', 'fail')


@dataclass(frozen=True, slots=True, kw_only=True)
class LossConfig:
    """What is done about a worker that is lost, slow or wrong. Raises ConfigError."""

    on_server_loss: tuple[str, ...] = setting(
        ('spare',),
        'what replaces a lost worker, tried in this order; the frame fails if nothing applies',
        each=ON_LOSS,
    )
    stale_s: float = setting(
        1.0, 'largest age of an embedding that the rule stale may use', low=0.0, high=3600.0
    )
    retry_s: float = setting(
        1.0,
        'idle time after which a worker is asked again for missing replies',
        low=0.05,
        high=600.0,
    )
    worker_timeout_s: float = setting(
        3.0, 'silence after which a worker is lost', low=0.5, high=600.0
    )
    audit_rate: float = common.share(
        0.0, 'share of frames of which the edge audits one window by computing it again'
    )
    audit_tolerance: float = common.share(
        0.05,
        'largest root-mean-square difference that passes an audit, as a share of the values',
    )

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeConfig:
    """Settings of the edge node.

    Raises ConfigError if one breaks its rule, BadPrompt if points or boxes lack a number.
    """

    checkpoint: str = common.checkpoint('edge')
    workers_file: str = setting(
        '', 'YAML file that lists the workers; config/workers.yaml is an example'
    )
    image_transport: str = common.image_transport()
    every_frame: bool = setting(
        False, 'queue frames (for bags and tests) instead of dropping old ones', fixed=True
    )
    queue_frames: int = setting(
        500, 'largest number of frames that wait under every_frame', low=1, high=100000, fixed=True
    )
    queue_mb: int = setting(
        512,
        'largest size of the images that wait, all together; a larger image is refused',
        unit='MB',
        low=1,
        high=10**6,
        fixed=True,
    )
    max_image_px: int = common.max_image_px()
    most_prompts: int = common.most_prompts()
    most_points: int = common.most_points()
    most_held_prompts: int = setting(
        64,
        'largest number of prompts of one message on a topic, because they hold for every later '
        'frame; they may have four times as many points',
        low=1,
        high=1024,
    )
    silent_camera_s: float = setting(
        5.0, 'time without an image after which the camera counts as silent', low=0.5, high=3600.0
    )
    deadline_s: float = setting(
        2.0, 'longest time from dispatch to the last embedding of a frame', low=0.01, high=600.0
    )
    max_in_flight: int = setting(
        2, 'largest number of frames at the workers at once', low=1, high=16
    )
    ledger_file: str = setting(
        '',
        'file that keeps what each worker has seen, also over restarts; '
        'if empty, exposure.NODE.json in ROS_HOME/pedsam',
        fixed=True,
    )
    operator_file: str = setting(
        '',
        'file with the secret that ~/release and ~/reset_exposure ask for, made if it is not '
        'there; if empty, operator.secret in ROS_HOME/pedsam',
        fixed=True,
    )
    imu_mounting: tuple[float, ...] = setting(
        (),
        "orientation of the IMU in the camera's optical frame (x right, y down, z forward), as "
        'x, y, z, w of a quaternion; if it is given, the topic imu tells how the camera turns',
        example=(0.0, 0.0, 0.0, 1.0),
    )
    regions: bool = setting(
        False,
        'keep those parts of the image on the edge that ~/sensitive and ~/detections name; '
        "needs the worker's half of the weights",
    )
    region_s: float = setting(2.0, 'time for which a region holds', low=0.0, high=3600.0)
    transport: str = setting(
        'float16',
        "how embeddings travel: as numbers of a type, or by the model's own codec",
        choices=TRANSPORTS,
    )
    codec_ratio: int = setting(
        8, 'how many times smaller than float16 the codec makes embeddings', choices=RATIOS
    )
    pad: bool = common.pad('window')
    key_folder: str = common.key_folder()
    insecure: bool = common.insecure()
    device: str = common.device('edge')
    backend: str = common.backend('edge')
    precision: str = common.precision('global')
    threads: int = common.threads()
    points: tuple[float, ...] = setting(
        (), 'x and y of each point prompt', unit='image px', example=(320.0, 240.0), live=True
    )
    boxes: tuple[float, ...] = setting(
        (),
        'x0, y0, x1 and y1 of each box prompt',
        unit='image px',
        example=(100.0, 80.0, 420.0, 360.0),
        live=True,
    )
    autostart: bool = common.autostart()
    automatic: AutomaticConfig = field(
        default_factory=AutomaticConfig,
        metadata=grouped('masks of everything in view, used if there are no prompts'),
    )
    placement: PlacementConfig = field(
        default_factory=PlacementConfig,
        metadata=grouped('which worker may see which window'),
    )
    loss: LossConfig = field(
        default_factory=LossConfig,
        metadata=grouped('what is done about a worker that is lost, slow or wrong'),
    )

    def __post_init__(self) -> None:
        check_fields(self)
        common.check_backend(self.backend, self.precision)
        _check_mounting(self.imu_mounting, self.placement.anchor)
        _ = self.prompts

    @property
    def worker_half(self) -> bool:
        """Whether the edge needs the worker's half of the weights as well."""
        loss, placement = self.loss, self.placement
        kept = self.regions or placement.local_windows or loss.audit_rate
        by_rule = 'local' in loss.on_server_loss
        above_cap = placement.anchor == 'scene' and 'local' in placement.on_cap
        return bool(kept or by_rule or above_cap)

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """The prompts of `points` and `boxes`; if there are none, there are automatic masks."""
        limits = Limits(self.most_prompts, self.most_points)
        return prompts_from_flat(self.points, self.boxes, limits)


def _check_mounting(quaternion: tuple[float, ...], anchor: str) -> None:
    """Raises ConfigError if that is no rotation, or nobody would use it."""
    if not quaternion:
        return
    if len(quaternion) != 4 or not 1e-3 < sum(each**2 for each in quaternion) < 1e3:
        raise ConfigError(
            f'imu_mounting={list(quaternion)}: four numbers x, y, z, w, not all of them 0'
        )
    if anchor == 'image':
        raise ConfigError(f'imu_mounting={list(quaternion)}: needs anchor=scene')
