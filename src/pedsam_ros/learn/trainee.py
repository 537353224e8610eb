"""A model that is trained from scratch, and the losses that it learns from."""

from __future__ import annotations

from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.model import preprocess, refiner
from pedsam_ros.core.model.fine_decoder import Features
from pedsam_ros.learn.learner import Batch, Learner, Read, Round
from pedsam_ros.learn.losses import iou, mask_loss, near_box

_CORRECT_EVERY = 8  # every how many steps there is a second round of prompts
_OTHERS = 0.1  # weight of all three candidates against the best one, for point prompts


class Trainee(Learner):
    """Learns the objects of scenes from scratch, in either block order.

    With `edge_only` no image reaches the embedding: every token after the window blocks is zero.
    So only the second look sees an image, as on an edge without any worker.
    """

    loss_weights: ClassVar[dict[str, float]] = {
        'coarse': 1.0,
        'score': 1.0,
        'refined': 1.0,
        'refined_score': 2.0,
    }

    def __init__(
        self,
        arch: Architecture,
        order: str,
        seed: int,
        correct_every: int = _CORRECT_EVERY,
        edge_only: bool = False,
    ) -> None:
        torch.manual_seed(seed)
        super().__init__(f'train {"edge only" if edge_only else order}', arch, order)
        self._seed, self._correct_every, self._edge_only = seed, correct_every, edge_only
        for module in self.encoder.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.trunc_normal_(self.encoder.pos_embed, std=0.02)

    def encode(self, batch: Batch) -> Tensor:
        """(B, E, T, T) embeddings of a batch; with `edge_only` the same one for all images."""
        if not self._edge_only:
            return super().encode(batch)
        return self.encoder.without_image(self.mean_token).expand(len(batch.pixels), -1, -1, -1)

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Losses and IoU of a batch.

        Some steps have a second round: each prompt gets one more point where its mask was wrong.
        """
        rng = torch.Generator().manual_seed(self._seed * 1_000_003 + step)
        read = self.read(self.encode(batch))
        rounds = self.first_round(batch, read)
        if step % self._correct_every == self._correct_every - 1:
            rounds += [self._again(batch, read, one, rng) for one in rounds]
        parts = [self._learn(batch, read, one, rng) for one in rounds]
        return {key: torch.stack([p[key] for p in parts]).mean() for key in parts[0]} | {
            'box': parts[0]['iou'],
            'point': parts[1]['iou'],
        }

    def _again(self, batch: Batch, read: Read, one: Round, rng: torch.Generator) -> Round:
        """Asks again with one more point for each prompt, where the chosen mask is wrong."""
        best = one.scores.argmax(1)
        logits = one.logits.detach()[torch.arange(len(best)), best]
        wanted = batch.coarse[one.rows, one.slots] > 0.5
        wrong = (wanted ^ (logits > 0)).flatten(1).float() + 1e-9
        place = torch.multinomial(wrong.cpu(), 1, generator=rng).to(wrong.device)[:, 0]
        side = logits.shape[-1]
        row, column = place // side, place % side
        label = wanted.flatten(1)[torch.arange(len(place)), place]
        x, y = ((i + 0.5) * self.arch.image_px / side - 0.5 for i in (column, row))
        new = torch.stack([x, y, label.float()], 1)[:, None]
        points = new if one.points is None else torch.cat([one.points, new], 1)
        return self.decode(read, one.rows, one.slots, points, one.boxes)

    def _learn(
        self, batch: Batch, read: Read, one: Round, rng: torch.Generator
    ) -> dict[str, Tensor]:
        """Losses and IoU of one round."""
        target = batch.coarse[one.rows, one.slots]
        near = near_box(batch.boxes[one.rows, one.slots], target.shape[-1], self.arch.image_px)
        each = torch.stack([mask_loss(m, target, near) for m in one.logits.unbind(1)], 1)
        truth = torch.stack([iou(m, target) for m in one.logits.unbind(1)], 1)
        coarse = each.mean(1)
        if one.boxes is None:  # a point may mean several objects: mostly the best candidate learns
            coarse = each.min(1).values + _OTHERS * coarse
        losses = {
            'coarse': coarse.mean(),
            'score': (one.scores - truth).square().mean(),
        }
        if self.decoder.refiner is None:
            chosen = truth.gather(1, one.scores.argmax(1, keepdim=True))
            return losses | {'iou': chosen.mean()}
        return losses | self._refine(batch, cast(Features, read), one, each, truth, rng)

    def _refine(
        self,
        batch: Batch,
        features: Features,
        one: Round,
        each: Tensor,
        truth: Tensor,
        rng: torch.Generator,
    ) -> dict[str, Tensor]:
        """Losses of the refiner, which refines the best candidate of a prompt, or a random one."""
        best = each.argmin(1)
        some = torch.randint(0, 3, (len(best),), generator=rng).to(best.device)
        use_best = (torch.rand(len(best), generator=rng) < 0.6).to(best.device)
        pick = torch.where(use_best, best, some)
        index = torch.arange(len(pick), device=pick.device)
        found = one.logits.detach()[index, pick]
        crops, around, target, outside = self._crops(batch, features, one, found)
        so_far = one.scores.detach()[index, pick]
        answered = cast(nn.Module, self.decoder.refiner)(crops, around, so_far)
        logits, scores = (part.float() for part in answered)
        true_iou = iou(logits, target, outside)
        loss = mask_loss(logits, target)
        if one.boxes is None:  # a candidate that shows another object teaches nothing
            fair = (truth[index, pick] >= 0.7 * truth.max(1).values).float()
        else:
            fair = torch.ones_like(loss)
        return {
            'refined': (loss * fair).sum() / fair.sum().clamp(min=1),
            'refined_score': (scores - true_iou).square().mean(),
            'iou': true_iou[use_best].mean(),
        }

    def _crops(
        self, batch: Batch, features: Features, one: Round, found: Tensor
    ) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor], Tensor, Tensor]:
        """What the refiner reads: crops, features around; and what it should answer: targets.

        The last tensor, (N,), tells how much of each object lies outside of its crop, in px of the
        crop.
        """
        px, side = self.arch.image_px, self.arch.refine_px
        device, rows = found.device, one.rows.tolist()
        images, targets, rects, outside = [], [], [], []
        for row in sorted(set(rows)):
            example, here = batch.examples[row], one.rows == row
            boxes = None if one.boxes is None else one.boxes[here]
            spans, rect = refiner.snap(
                refiner.look_at(found[here], boxes, example.canvas, px), example.canvas
            )
            rects.append(rect)
            images.append(refiner.cut(example.rgb.to(device), spans, side))
            masks = example.masks[one.slots[here].cpu()].to(device)
            for mask, span in zip(masks, spans, strict=True):
                target = refiner.cut(mask[None], span[None], side)[:, 0]
                targets.append(target)
                scale = side**2 / ((span[2] - span[0]) * (span[3] - span[1]))
                outside.append((mask.sum() * scale - target.sum()).clamp(min=0))
        where = torch.cat(rects)
        grid = refiner.grid_of(where, side)
        crops = refiner.inputs(
            preprocess.normalise(torch.cat(images)),
            refiner.sample(found[:, None], grid, px)[:, 0],
            refiner.draw(one.points, one.boxes, grid),
        )
        around = refiner.features_at(features, one.rows, where, side, px)
        return crops, around, torch.cat(targets), torch.stack(outside)
