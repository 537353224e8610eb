"""The settings of the overlay node; see config.py."""

from __future__ import annotations

from dataclasses import dataclass

from pedsam_ros.core import common_settings as common
from pedsam_ros.core.settings import check_fields, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayConfig:
    """Settings of the overlay node, all read at its start. Raises ConfigError if one breaks its
    rule."""

    image_transport: str = common.image_transport(fixed=True)
    opacity: float = setting(
        0.5, 'opacity of the masks on the image (0 is invisible)', low=0.0, high=1.0, fixed=True
    )
    kept_mb: int = setting(
        256,
        'memory for images that wait for their masks while somebody looks at the overlay; '
        'the newest image is kept whatever its size',
        unit='MB',
        low=1,
        high=100000,
        fixed=True,
    )

    max_image_px: int = common.max_image_px(fixed=True)

    def __post_init__(self) -> None:
        check_fields(self)
