"""Segments everything in view with few points: core/points_to_ask.py decides which.

Masks are filtered before they cost much: by predicted IoU before they are drawn; by stability, and
as duplicates, before they are refined or scaled to the frame. What was found is run lengths.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pedsam_ros.core.automatic_config import AutomaticConfig
from pedsam_ros.core.edge_compute import Late, Making
from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.model import sam
from pedsam_ros.core.model.decoder import Candidates, Decoder
from pedsam_ros.core.model.filters import NO_PROMPT, Box, best_boxes, steady
from pedsam_ros.core.model.masks import to_masks
from pedsam_ros.core.model.promising import promising
from pedsam_ros.core.model.refiner import boxes_of
from pedsam_ros.core.points_to_ask import PointsToAsk
from pedsam_ros.core.run_lengths import holds
from pedsam_ros.core.types import Mask, Search

_DRAWN_AT_ONCE = 16  # candidates that are refined and scaled before it may be too late
_SLACK = 0.1  # so much less than is wanted may a point promise whose neighbours are asked
_ALIKE = 0.8  # IoU of the boxes of coarse masks that would become the same mask


def coarse_to_fine(
    decoder: Decoder, encoded: Encoded, config: AutomaticConfig, late: Late
) -> Making[tuple[tuple[Mask, ...], Search]]:
    """The masks, the one of highest score first, and how the search ended."""
    searched = _Searched(decoder, encoded, config)
    most = min(config.points_per_batch, decoder.most_prompts)
    while len(cells := searched.ask.next(most)):
        if searched.begun:
            yield
            if late():
                return searched.best(), Search.LATE
        candidates = searched.candidates(cells)
        for part in torch.arange(len(candidates.scores)).split(_DRAWN_AT_ONCE):
            if searched.begun and late():
                return searched.best(), Search.LATE
            yield from searched.draw(cells, candidates.keep(part))
        searched.begun = True
        if len(searched.masks) > config.max_masks:
            return searched.best(), Search.FULL
    return searched.best(), Search.COMPLETE


class _Searched:
    """What was found so far: masks, and the points of the grid that lie in each."""

    def __init__(self, decoder: Decoder, encoded: Encoded, config: AutomaticConfig) -> None:
        self._decoder, self._encoded, self._config = decoder, encoded, config
        self._features = decoder.features(encoded.embedding)
        self.ask = PointsToAsk(config.points_per_side, config.pred_iou_thresh - _SLACK)
        self.masks: list[Mask] = []
        self.begun = False
        self._steps = (np.arange(config.points_per_side) + 0.5) / config.points_per_side
        height, width = encoded.canvas.frame
        rows, columns = (self._steps * size for size in (height, width))
        self._places = columns.astype(int) * height + rows.astype(int)[:, None]
        self._covers = np.zeros((0, *self._places.shape), bool)

    def best(self) -> tuple[Mask, ...]:
        """The masks of highest score, as many as there may be."""
        return tuple(self.masks[: self._config.max_masks])

    def candidates(self, cells: NDArray[np.int64]) -> Candidates:
        """The masks of some points, (n, 2) row and column, that may be new ones, that of highest
        score first; of each point only the best of three if it will be refined. Their prompts are
        indices of the points."""
        refined, config = self._decoder.refiner is not None, self._config
        least = 0.0 if refined else config.pred_iou_thresh
        asked = self._encoded.embedding, self._on_canvas(cells)
        found, scores = promising(self._decoder, *asked, least, self._features)
        if refined:
            best = torch.arange(len(cells), device=scores.device) * 3 + scores.argmax(1)
            found = found.keep(best)
        else:
            offset = config.stability_score_offset
            stable = sam.amg.calculate_stability_score(found.logits, 0.0, offset)
            found = found.keep(stable >= config.stability_score_thresh - _SLACK)
        promised = torch.ones(len(cells)) if refined else scores.amax(1).cpu()  # until refined
        self.ask.heard(cells, promised.numpy())
        return self._unlike(found)

    def draw(self, cells: NDArray[np.int64], found: Candidates) -> Making[None]:
        """Adds what candidates of some points become at the frame's size, if it is good enough."""
        config, points = self._config, self._on_canvas(cells)[found.prompts]
        asked = self._encoded, found, points, None, self._features
        refined = yield from self._decoder.refine(*asked)
        if self._decoder.refiner is not None:
            self.ask.heard(cells[refined.prompts.cpu().numpy()], refined.scores.cpu().numpy())
        if config.pred_iou_thresh > 0:
            refined = refined.keep(refined.scores > config.pred_iou_thresh)
        made = yield from to_masks(
            refined, self._encoded.canvas, self._decoder.image_px, partial(steady, config=config)
        )
        self._add([replace(mask, prompt=NO_PROMPT) for mask in made])

    def _add(self, made: list[Mask]) -> None:
        whole = self.masks + made
        boxes, scores = [mask.box for mask in whole], [mask.score for mask in whole]
        kept = best_boxes(boxes, scores, self._config.box_nms_thresh)
        covers = [holds(mask.counts, self._places) for mask in made]
        self._covers = np.concatenate([self._covers, *(each[None] for each in covers)])[kept]
        self.masks = [whole[i] for i in kept]
        self.ask.explain(self._covers)

    def _on_canvas(self, cells: NDArray[np.int64]) -> Tensor:
        """The points of cells, (n, 2) row and column, as prompts, (n, 1, 3), canvas px."""
        (height, width), (top, left) = self._encoded.canvas.content, self._encoded.canvas.corner
        x, y = self._steps[cells[:, 1]] * width + left, self._steps[cells[:, 0]] * height + top
        points = torch.from_numpy(np.stack([x, y, np.ones(len(cells))], 1)).float()
        return points[:, None].to(self._encoded.embedding.device)

    def _unlike(self, found: Candidates) -> Candidates:
        """The candidates whose boxes are unlike those of all masks, and of better candidates."""
        limit = max(_ALIKE, self._config.box_nms_thresh)
        boxes, scores = [mask.box for mask in self.masks], [2.0] * len(self.masks)
        coarse = self._in_frame(boxes_of(found.logits, self._decoder.image_px))
        kept = best_boxes([*boxes, *coarse], [*scores, *found.scores.tolist()], limit)
        fresh = [i - len(boxes) for i in kept if i >= len(boxes)]
        return found.keep(torch.tensor([i for i in fresh if coarse[i][2] > 0], dtype=torch.int64))

    def _in_frame(self, boxes: Tensor) -> list[Box]:
        """Boxes (n, 4) x0, y0, x1, y1 in canvas px -> x, y, width, height in frame px."""
        canvas = self._encoded.canvas
        corner, content, frame = (
            boxes.new_tensor(each[::-1]) for each in (canvas.corner, canvas.content, canvas.frame)
        )
        ends = ((boxes.view(-1, 2, 2) - corner) / content).clamp(0, 1) * frame
        return [tuple(box) for box in torch.cat([ends[:, 0], ends[:, 1] - ends[:, 0]], 1).tolist()]
