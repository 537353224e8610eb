"""Segments everything in view with few points: core/points_to_ask.py decides which.

Masks are filtered before they cost much: by predicted IoU before they are drawn; by stability, and
as duplicates, before they are refined or scaled to the frame. What was found is run lengths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pedsam_ros.core.config import AutomaticConfig
from pedsam_ros.core.edge_compute import Late, Making
from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.model import sam
from pedsam_ros.core.model.decoder import Candidates, Decoder
from pedsam_ros.core.model.filters import NO_PROMPT, Box, best_boxes, steady
from pedsam_ros.core.model.masks import to_masks
from pedsam_ros.core.model.promising import promising
from pedsam_ros.core.model.refiner import boxes_of
from pedsam_ros.core.points_to_ask import PointsToAsk
from pedsam_ros.core.types import Mask, Search

_DRAWN_AT_ONCE = 16  # candidates that are refined and scaled before it may be too late
_SLACK = 0.05  # so much lower may the stability of a coarse mask be
Found = tuple[tuple[Mask, ...], Search]


def coarse_to_fine(
    decoder: Decoder, encoded: Encoded, config: AutomaticConfig, late: Late
) -> Making[Found]:
    """The masks, the one of highest score first, and how the search ended."""
    ask, searched = PointsToAsk(config.points_per_side), _Searched(decoder, encoded, config)
    most, begun = min(config.points_per_batch, decoder.most_prompts), False
    while len(cells := ask.next(most)):
        if begun:
            yield
        if begun and late():
            return searched.best(Search.LATE)
        promised = searched.promised(cells)
        for part in torch.arange(len(promised.scores)).split(_DRAWN_AT_ONCE):
            if begun and late():
                return searched.best(Search.LATE)
            yield from searched.draw(promised.keep(part))
            begun = True
        begun = True
        if len(searched.masks) > config.max_masks:
            return searched.best(Search.FULL)
        ask.explain(searched.covers)
    return searched.best(Search.COMPLETE)


class _Searched:
    """The masks found so far, and which points of the grid lie in each."""

    def __init__(self, decoder: Decoder, encoded: Encoded, config: AutomaticConfig) -> None:
        self._decoder, self._encoded, self._config = decoder, encoded, config
        self.masks: list[Mask] = []
        side = config.points_per_side
        self.covers = np.zeros((0, side, side), bool)
        self._fresh = self.covers  # those of the candidates
        canvas, step = encoded.canvas, (np.arange(side) + 0.5) / side
        along = zip(canvas.corner, canvas.content, strict=True)
        self._rows, self._columns = (corner + step * size for corner, size in along)  # canvas px

    def promised(self, cells: NDArray[np.int64]) -> Candidates:
        """The masks of some points that may be new ones. Their prompts are indices of `_fresh`."""
        places = self._columns[cells[:, 1]], self._rows[cells[:, 0]], np.ones(len(cells))
        points = torch.from_numpy(np.stack(places, 1)).float()[:, None]
        embedding, config = self._encoded.embedding, self._config
        points = points.to(embedding.device)
        found = promising(self._decoder, embedding, points, config.pred_iou_thresh)
        stable = sam.amg.calculate_stability_score(
            found.logits, 0.0, config.stability_score_offset
        )
        found = found.keep((stable >= config.stability_score_thresh - _SLACK).cpu())
        return self._unlike(found)
