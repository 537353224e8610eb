"""A model that is trained from scratch, and the losses that it learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model import preprocess, refiner
from pedsam_ros.core.model.fine_decoder import AT_4, Features
from pedsam_ros.core.shown import shown
from pedsam_ros.learn.codec_noise import CodecNoise
from pedsam_ros.learn.dense import border_loss, cluster_loss
from pedsam_ros.learn.learner import Learner, Round
from pedsam_ros.learn.losses import iou, mask_loss, near_box
from pedsam_ros.learn.scene_batch import SceneBatch

STAGES = ('masks', 'look')  # all but the second look; then the second look, all else frozen
_CORRECT_EVERY = 4  # every how many steps there is a second round of prompts
_OTHERS = 0.1  # weight of all three candidates against the best one, for point prompts
_RATIOS = (8.0, 16.0)  # of the codec whose noise half of the scenes get
_MEAN_RATE = 0.02  # share of each batch in the running mean token


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """The features of a batch's images, and the row of each scene in them."""

    features: Features
    rows: Tensor  # (B,)


class Trainee(Learner):
    """Learns the objects of scenes from scratch, in either block order, stage by stage.

    With `edge_only` no image reaches the embedding: every token after the window blocks is zero.
    So only the second look sees an image, as on an edge without any worker; it then learns in all
    stages, together with the rest.
    """

    loss_weights: ClassVar[dict[str, float]] = {
        'coarse': 2.0,
        'score': 4.0,
        'clusters': 0.5,
        'borders': 0.5,
        'refined': 2.0,
        'refined_score': 4.0,
    }

    def __init__(
        self, arch: Architecture, order: str, seed: int, stage: str, edge_only: bool = False
    ) -> None:
        torch.manual_seed(seed)
        super().__init__(f'train {"edge only" if edge_only else order} {stage}', arch, order)
        self._seed, self._stage, self._edge_only = seed, stage, edge_only
        for module in self.encoder.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.trunc_normal_(self.encoder.pos_embed, std=0.02)
        self.borders = nn.Conv2d(AT_4, 1, 1)  # for the dense loss only
        self.noise = CodecNoise(arch.dim)
        if stage == 'look' and not edge_only:
            self.requires_grad_(False)
            cast(nn.Module, self.decoder.refiner).requires_grad_(True)

    def begin_with(self, weights: dict[str, Tensor]) -> None:
        """Takes the weights of the stage before. Raises ConfigError if they do not fit."""
        try:
            self.load_state_dict(weights)
        except RuntimeError as error:
            raise ConfigError(f'start: {shown(error, 300)}') from None

    @torch.no_grad()
    def borrow_look(self, rival: dict[str, Tensor]) -> None:
        """Takes the second look of a rival that was trained with `edge_only`.

        It has never seen an embedding, so it begins by ignoring the features of one: in their
        place it has the mean of what it made of the rival's, which are the same for all images.
        """
        borrowed = Trainee(self.arch, 'ped', 0, 'masks', edge_only=True)
        borrowed.begin_with(rival)
        token = borrowed.mean_token
        seen = borrowed.decoder.mask_decoder.features(borrowed.encoder.without_image(token))
        look = cast(Any, borrowed.decoder.refiner)
        maps = (look.image_2, seen.at_4), (look.image_4, seen.at_8), (look.image_8, seen.embedding)
        for layer, features in maps:
            layer.bias.copy_(layer(features).mean((0, 2, 3)))
            layer.weight.zero_()
        cast(nn.Module, self.decoder.refiner).load_state_dict(look.state_dict())

    def forward(self, batch: SceneBatch, step: int) -> dict[str, Tensor]:
        """Losses and IoU of a batch.

        Some steps have a second round: each prompt gets one more point where its mask was wrong.
        """
        rng = torch.Generator(batch.pixels.device).manual_seed(self._seed * 1_000_003 + step)
        if self._stage == 'look' and not self._edge_only:
            with torch.no_grad():
                seen = self._see(batch, rng, step)
                rounds = self._rounds(batch, seen, rng, step)
            parts = [self._refine(batch, seen, one, rng) for one in rounds]
            dense = {}
        else:
            seen = self._see(batch, rng, step)
            rounds = self._rounds(batch, seen, rng, step)
            parts = [self._learn(batch, one) for one in rounds]
            dense = {} if self._edge_only else self._dense(batch, seen)
        if self._edge_only:
            polished = [self._refine(batch, seen, one, rng) for one in rounds]
            parts = [a | b for a, b in zip(parts, polished, strict=True)]
        told = {key: torch.stack([p[key] for p in parts]).mean() for key in parts[0]}
        return told | dense | {'box': parts[0]['iou'], 'point': parts[1]['iou']}

    def _see(self, batch: SceneBatch, rng: torch.Generator, step: int) -> _Seen:
        rows = torch.arange(len(batch.pixels), device=batch.pixels.device)
        if self._edge_only:
            embedding, rows = self.encoder.without_image(self.mean_token), torch.zeros_like(rows)
            return _Seen(self.decoder.mask_decoder.features(embedding), rows)
        tokens = self.encoder.tokens(batch.pixels, batch.shift.offset, batch.vacant)
        if self._stage == 'masks':
            filled = tokens.detach()[~batch.vacant].float()
            self.mean_token.lerp_(filled.mean(0), _MEAN_RATE if step else 1.0)
            self.noise.follow(filled, step)
        lossy = self.noise(tokens.float(), _RATIOS[step % len(_RATIOS)], rng)
        some = (rows % 2 == 0)[:, None, None, None]
        embedding = self.encoder.embedding(torch.where(some, lossy, tokens.float()))
        return _Seen(self.decoder.mask_decoder.features(embedding), rows)

    def _dense(self, batch: SceneBatch, seen: _Seen) -> dict[str, Tensor]:
        at_4 = seen.features.at_4
        clusters = self.decoder.mask_decoder.clusters(at_4)
        borders = self.borders(at_4)[:, 0].float()
        return {
            'clusters': cluster_loss(clusters, batch.labels),
            'borders': border_loss(borders, batch.labels),
        }

    def _rounds(
        self, batch: SceneBatch, seen: _Seen, rng: torch.Generator, step: int
    ) -> list[Round]:
        half = batch.box_prompts.shape[1]
        rows = torch.arange(len(batch.pixels), device=batch.pixels.device)
        slots = torch.arange(2 * half, device=rows.device)
        each = rows.repeat_interleave(half)
        by_box, by_point = slots[:half].repeat(len(rows)), slots[half:].repeat(len(rows))
        rounds = [
            self._ask(seen, each, by_box, None, batch.box_prompts.flatten(0, 1)),
            self._ask(seen, each, by_point, batch.point_prompts.flatten(0, 1), None),
        ]
        if step % _CORRECT_EVERY == _CORRECT_EVERY - 1:
            rounds += [self._again(batch, seen, one, rng) for one in rounds]
        return rounds

    def _ask(
        self,
        seen: _Seen,
        rows: Tensor,
        slots: Tensor,
        points: Tensor | None,
        boxes: Tensor | None,
    ) -> Round:
        answered = self.decoder.fine_masks(seen.features, seen.rows[rows], points, boxes)
        logits, scores = (part.float() for part in answered)
        return Round(rows, slots, points, boxes, logits, scores)

    def _again(self, batch: SceneBatch, seen: _Seen, one: Round, rng: torch.Generator) -> Round:
        """Asks again with one more point for each prompt, where the chosen mask is wrong."""
        best = one.scores.argmax(1)
        logits = one.logits.detach()[torch.arange(len(best), device=best.device), best]
        wanted = batch.coarse[one.rows, one.slots] > 0.5
        wrong = (wanted ^ (logits > 0)).flatten(1).float() + 1e-9
        place = torch.multinomial(wrong, 1, generator=rng)
        side = logits.shape[-1]
        label = wanted.flatten(1).gather(1, place)
        x, y = ((i + 0.5) * self.arch.image_px / side - 0.5 for i in (place % side, place // side))
        new = torch.stack([x, y, label.float()], 2)
        points = new if one.points is None else torch.cat([one.points, new], 1)
        return self._ask(seen, one.rows, one.slots, points, one.boxes)

    def _learn(self, batch: SceneBatch, one: Round) -> dict[str, Tensor]:
        """Losses and IoU of one round."""
        target = batch.coarse[one.rows, one.slots]
        near = near_box(batch.boxes[one.rows, one.slots], target.shape[-1], self.arch.image_px)
        each = torch.stack([mask_loss(m, target, near) for m in one.logits.unbind(1)], 1)
        truth = torch.stack([iou(m, target) for m in one.logits.unbind(1)], 1)
        coarse = each.mean(1)
        if one.boxes is None:  # a point may mean several objects: mostly the best candidate learns
            coarse = each.min(1).values + _OTHERS * coarse
        chosen = truth.gather(1, one.scores.argmax(1, keepdim=True))
        return {
            'coarse': coarse.mean(),
            'score': (one.scores - truth).square().mean(),
            'iou': chosen.mean(),
        }

    def _refine(
        self, batch: SceneBatch, seen: _Seen, one: Round, rng: torch.Generator
    ) -> dict[str, Tensor]:
        """Losses of the refiner, which refines a prompt's best candidate or the chosen one."""
        device = one.logits.device
        target = batch.coarse[one.rows, one.slots]
        truth = torch.stack([iou(m, target) for m in one.logits.unbind(1)], 1)
        use_best = torch.rand(len(truth), generator=rng, device=device) < 0.5
        pick = torch.where(use_best, truth.argmax(1), one.scores.argmax(1))
        index = torch.arange(len(pick), device=device)
        found = one.logits.detach()[index, pick]
        px, side = self.arch.image_px, self.arch.refine_px
        around = refiner.boxes_of(found, px) if one.boxes is None else one.boxes
        images, wanted, rects, outside = batch.crops(one.rows, one.slots, around)
        grid = refiner.grid_of(rects, side)
        read = refiner.inputs(
            preprocess.normalise(images),
            refiner.sample(found[:, None], grid, px)[:, 0],
            refiner.draw(one.points, one.boxes, grid),
        )
        features = refiner.features_at(seen.features, seen.rows[one.rows], rects, side, px)
        answered = cast(nn.Module, self.decoder.refiner)(
            read, features, one.scores.detach()[index, pick]
        )
        logits, scores = (part.float() for part in answered)
        true_iou = iou(logits, wanted, outside)
        loss = mask_loss(logits, wanted)
        fair = torch.ones_like(loss)
        if one.boxes is None:  # a candidate that shows another object teaches nothing
            fair = (truth[index, pick] >= 0.7 * truth.max(1).values).float()
        return {
            'refined': (loss * fair).sum() / fair.sum().clamp(min=1),
            'refined_score': (scores - true_iou).square().mean(),
            'before': iou(read[:, 3], wanted, outside).mean(),
            'iou': true_iou.mean(),
        }
