"""Every setting with its default, unit and rule. Checked once, here; the ROS parameters are
declared from these.

A field's `note` says what it is and its unit; `low`/`high` bound it, `choices` lists what it may
be; `live` marks what may change while the node is configured, `fixed` what is read at its start
only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import Any

from pedsam_ros.core.codec import DTYPES
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.prompts import prompts_from_flat
from pedsam_ros.core.types import Prompt

ON_LOSS = ('spare', 'local', 'stale', 'fail')
PRECISIONS = ('float32', 'float16', 'bfloat16')
NAME = re.compile(r'[a-z][a-z0-9_]{0,31}')


def setting(default: Any, note: str, **rule: Any) -> Any:
    """A dataclass field that knows its own rule."""
    return field(default=default, metadata={'note': note, **rule})


def check_fields(config: Any) -> None:
    """Raises ConfigError if a field of `config` is outside its bounds or choices."""
    for each in fields(config):
        value, rule = getattr(config, each.name), each.metadata
        if 'choices' in rule and value not in rule['choices']:
            choices = ', '.join(map(str, rule['choices']))
            raise ConfigError(f'{each.name}={value!r}: one of {choices}')
        if 'each' in rule and not set(value) <= set(rule['each']):
            raise ConfigError(f'{each.name}={value!r}: each one of {", ".join(rule["each"])}')
        if 'low' in rule and not rule['low'] <= value <= rule['high']:
            raise ConfigError(f'{each.name}={value}: from {rule["low"]} to {rule["high"]}')


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomaticConfig:
    """SAM's automatic masks. Source of names and defaults: SAM automatic_mask_generator.py."""

    points_per_side: int = setting(16, 'points along each side of the image', low=1, high=128)
    points_per_batch: int = setting(64, 'points decoded at once', low=1, high=1024)
    pred_iou_thresh: float = setting(
        -1.0,
        'least IoU predicted by the model; -1 = what suits it (SAM: 0.88, vit_tiny: 0.5)',
        low=-1.0,
        high=1.0,
    )
    stability_score_thresh: float = setting(
        -1.0, 'least stability; -1 = what suits it (SAM: 0.95, vit_tiny: 0.5)', low=-1.0, high=1.0
    )
    stability_score_offset: float = setting(
        1.0, 'logits by which the cut is moved to measure stability', low=0.0, high=10.0
    )
    box_nms_thresh: float = setting(
        0.7, 'box IoU from which masks are duplicates', low=0.0, high=1.0
    )
    min_area_px: int = setting(0, 'smaller holes and islands are removed, px', low=0, high=10**6)

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementConfig:
    """Which worker may see which window: see placement.py."""

    max_share: float = setting(
        0.0,
        "most of the scene's content that one worker may ever see; 0 = what the lattice "
        'itself gives',
        low=0.0,
        high=1.0,
    )
    adjacency: int = setting(
        0,
        'no worker has two windows that share a side (4), or that touch (8); 0 = may be',
        choices=(0, 4, 8),
    )
    local_windows: tuple[int, ...] = setting((), 'windows that never leave the edge')
    session_key: str = setting('', 'another key, other homes; the same for a whole session')

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class LossConfig:
    """What is done about a worker that is lost, slow or wrong."""

    on_server_loss: tuple[str, ...] = setting(
        ('spare',), 'in this order; a frame for which none applies is failed', each=ON_LOSS
    )
    stale_s: float = setting(1.0, 'oldest embedding used as stale, s', low=0.0, high=3600.0)
    retry_s: float = setting(
        1.0,
        'a window is sent to its worker again if, this long after, the worker is idle, s',
        low=0.05,
        high=600.0,
    )
    worker_timeout_s: float = setting(
        3.0, 'silence that makes a worker lost, s', low=0.5, high=600.0
    )
    audit_rate: float = setting(
        0.0, 'share of frames of which one window is computed again on the edge', low=0.0, high=1.0
    )
    audit_tolerance: float = setting(
        0.05, 'largest difference that passes, as a share of the values', low=0.0, high=1.0
    )

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeConfig:
    """Settings of the edge node. Raises ConfigError where a rule is broken."""

    checkpoint: str = setting(
        '', "edge half or whole model: a file, 'vit_tiny', or 'random:ARCH:SEED'"
    )
    workers_file: str = setting('', 'YAML list of workers: name, domain_id, windows, peers')
    image_transport: str = setting(
        'raw', 'image: raw or compressed', choices=('raw', 'compressed')
    )
    every_frame: bool = setting(
        False, 'queue frames instead of dropping old ones (bags, tests)', fixed=True
    )
    queue_frames: int = setting(
        500, 'with every_frame: most frames waiting', low=1, high=100000, fixed=True
    )
    deadline_s: float = setting(
        2.0, 'from dispatch to the last embedding, s', low=0.01, high=600.0
    )
    max_in_flight: int = setting(2, 'frames at the workers at once', low=1, high=16)
    ledger_file: str = setting(
        '', "what each worker has seen, kept for good; '' = exposure_NODE.json in ROS_HOME/pedsam"
    )
    regions: bool = setting(
        False, 'listen for regions of the image that must not leave the edge: ~/sensitive'
    )
    region_s: float = setting(2.0, 'for how long a region holds, s', low=0.0, high=3600.0)
    transport: str = setting('float16', 'how embeddings travel', choices=DTYPES)
    device: str = setting('cpu', 'torch device of the edge half: cpu, cuda, cuda:0 ...')
    precision: str = setting('float32', 'arithmetic of the global blocks', choices=PRECISIONS)
    threads: int = setting(0, 'torch threads; 0 = as many as cores', low=0, high=1024)
    points: tuple[float, ...] = setting((), 'x, y of each point prompt, image px', live=True)
    boxes: tuple[float, ...] = setting(
        (), 'x0, y0, x1, y1 of each box prompt, image px', live=True
    )
    autostart: bool = setting(
        False, 'configure and activate at once, without a lifecycle manager', fixed=True
    )
    automatic: AutomaticConfig = field(default_factory=AutomaticConfig)
    placement: PlacementConfig = field(default_factory=PlacementConfig)
    loss: LossConfig = field(default_factory=LossConfig)

    def __post_init__(self) -> None:
        check_fields(self)
        _ = self.prompts

    @property
    def worker_half(self) -> bool:
        """Whether the edge needs the worker's half of the weights as well."""
        loss, local = self.loss, self.placement.local_windows
        return bool(self.regions or local or loss.audit_rate or 'local' in loss.on_server_loss)

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """The prompts of `points` and `boxes`; none means the automatic grid."""
        return prompts_from_flat(self.points, self.boxes)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """Settings of a worker node. Raises ConfigError where a rule is broken."""

    name: str = setting('worker', 'its name in workers.yaml and in its topics')
    checkpoint: str = setting(
        '', "worker half or whole model: a file, 'vit_tiny', or 'random:ARCH:SEED'"
    )
    max_batch: int = setting(25, 'windows encoded at once', low=1, high=1024)
    queue_windows: int = setting(
        256, 'most windows waiting; the oldest goes first', low=1, high=100000
    )
    device: str = setting('cpu', 'torch device: cpu, cuda, cuda:0 ...')
    precision: str = setting('float32', 'arithmetic of the window blocks', choices=PRECISIONS)
    threads: int = setting(0, 'torch threads; 0 = as many as cores', low=0, high=1024)
    autostart: bool = setting(
        False, 'configure and activate at once, without a lifecycle manager', fixed=True
    )

    def __post_init__(self) -> None:
        check_fields(self)
        if not NAME.fullmatch(self.name):
            raise ConfigError(f'name={self.name!r}: small letters, digits and _, a letter first')


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayConfig:
    """Settings of the overlay node. Raises ConfigError where a rule is broken."""

    image_transport: str = setting(
        'raw', 'image: raw or compressed', choices=('raw', 'compressed')
    )
    opacity: float = setting(0.5, 'of the masks: 0 invisible, 1 opaque', low=0.0, high=1.0)

    def __post_init__(self) -> None:
        check_fields(self)
