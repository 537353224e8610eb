"""Segments everything in view: points of a grid, three masks for each, then SAM's filters."""

from __future__ import annotations

from dataclasses import replace

from pedsam_ros.core.automatic_config import AutomaticConfig
from pedsam_ros.core.edge_compute import Late, Making, never
from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.model.coarse_to_fine import coarse_to_fine
from pedsam_ros.core.model.decoder import Decoder
from pedsam_ros.core.model.grid_search import grid_search
from pedsam_ros.core.types import Mask, Search

_SEARCHES = {'coarse_to_fine': coarse_to_fine, 'grid': grid_search}
_SAMS = (0.88, 0.95)  # least predicted IoU and stability in SAM automatic_mask_generator.py
_THRESHOLDS = {'vit_tiny': (0.5, 0.5)}  # a small model predicts lower values for good masks too


def automatic(
    decoder: Decoder, encoded: Encoded, config: AutomaticConfig, late: Late = never
) -> Making[tuple[tuple[Mask, ...], Search]]:
    """Masks of everything in view, the one of highest score first, and how the search ended.

    It ends when it is `late`, but never before its first batch. `config` must hold no -1; see
    `suited`.
    """
    return _SEARCHES[config.search](decoder, encoded, config, late)


def suited(config: AutomaticConfig, name: str) -> AutomaticConfig:
    """Replaces thresholds of -1 by those that suit the architecture of this name."""
    iou, stable = _THRESHOLDS.get(name, _SAMS)
    given_iou, given_stable = config.pred_iou_thresh, config.stability_score_thresh
    return replace(
        config,
        pred_iou_thresh=iou if given_iou < 0 else given_iou,
        stability_score_thresh=stable if given_stable < 0 else given_stable,
    )
