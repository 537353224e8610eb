"""The settings of automatic masks, which are made when there are no prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pedsam_ros.core import common_settings as common
from pedsam_ros.core.prompts import MOST_PROMPTS
from pedsam_ros.core.settings import check_fields, setting


def _threshold(quality: str, of_sam: float) -> Any:
    text = f'masks of lower {quality} are dropped (-1 takes {of_sam} for SAM, 0.5 for vit_tiny)'
    return setting(-1.0, text, low=-1.0, high=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomaticConfig:
    """Automatic masks. Raises ConfigError.

    Source of the names from `points_per_side` on: SAM automatic_mask_generator.py.
    """

    search: str = setting(
        'coarse_to_fine',
        'which points of the grid are asked: all of them, as SAM does (grid), or coarse ones '
        'first, and finer ones where these promise more masks (coarse_to_fine)',
        choices=('coarse_to_fine', 'grid'),
    )
    max_masks: int = setting(
        256,
        'largest number of masks of a frame; with coarse_to_fine the search ends there',
        low=1,
        high=MOST_PROMPTS,
    )
    within_s: float = setting(
        2.0,
        'time after which no more masks are looked for; those found by then are published',
        low=0.01,
        high=600.0,
    )
    points_per_side: int = setting(
        16, 'number of points along each side of the image', low=1, high=128
    )
    points_per_batch: int = setting(64, 'most points that are decoded at once', low=1, high=1024)
    pred_iou_thresh: float = _threshold('predicted IoU', 0.88)
    stability_score_thresh: float = _threshold('stability', 0.95)
    stability_score_offset: float = setting(
        1.0,
        'distance by which the mask threshold is moved to measure stability',
        unit='logits',
        low=0.0,
        high=10.0,
    )
    box_nms_thresh: float = common.share(
        0.7, 'of two masks whose boxes have a higher IoU only the better one is kept'
    )
    min_area_px: int = setting(
        0, 'holes and islands of a smaller area are removed from masks', low=0, high=10**6
    )

    def __post_init__(self) -> None:
        check_fields(self)
