"""A mask decoder for small models: SAM's two-way transformer, then convolutions up to stride 4.

What does not depend on the prompt is computed once for an image. The prompt is also drawn at
stride 4, beside a map of how much each pixel is like what the prompt names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.model import sam
from pedsam_ros.core.model.stem import fine_of

AT_8, AT_4 = 64, 32  # channels of the features at strides 8 and 4
_MASKS = 3  # that are offered for a prompt
_CLUSTER = 16  # channels in which pixels of one object are close to each other
_SPREAD = 4.0  # squared distance, in these channels, at which pixels are hardly alike
_RAYS = 5  # places along each side of the middle of a box that tell what is in it
_BOX_WEIGHT = 0.04  # of each of these places, against 1 for a point


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """What a decoder reads of B images: embeddings (B, E, T, T), and features (B, AT_8, 2T, 2T)
    and (B, AT_4, 4T, 4T)."""

    embedding: Tensor
    at_8: Tensor
    at_4: Tensor


def of_images(maps: Tensor, rows: Tensor) -> Tensor:
    """(N, C, h, w): those of maps (B, C, h, w) that belong to images `rows` (N,). One image's are
    not copied."""
    return maps.expand(len(rows), -1, -1, -1) if len(maps) == 1 else maps[rows]


class FineMaskDecoder(nn.Module):
    """Draws three masks for each prompt, and predicts their IoU from what they cover."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        dim = arch.embedding_dim
        self.dim, self.px = dim, arch.image_px
        with sam.CPU:
            self.transformer = sam.modeling.TwoWayTransformer(
                depth=2, embedding_dim=dim, mlp_dim=4 * dim, num_heads=8
            )
            self.iou_token, self.mask_tokens = nn.Embedding(1, dim), nn.Embedding(_MASKS, dim)
        self.image_8 = nn.ConvTranspose2d(dim, AT_8, 2, 2)
        self.image_8_norm, self.image_8_more = nn.GroupNorm(AT_8 // 16, AT_8), _more(AT_8)
        self.image_4 = nn.ConvTranspose2d(AT_8, AT_4, 2, 2)
        self.image_4_fine = nn.Conv2d(arch.fine_dim, AT_4, 3, 1, 1)
        self.image_4_norm, self.image_4_more = nn.GroupNorm(AT_4 // 16, AT_4), _more(AT_4)
        self.clusters = nn.Conv2d(AT_4, _CLUSTER, 1)
        self.mask_8 = nn.ConvTranspose2d(dim, AT_8, 2, 2)
        self.mask_8_norm = nn.GroupNorm(AT_8 // 16, AT_8)
        self.mask_4 = nn.ConvTranspose2d(AT_8, AT_4, 2, 2)
        self.mask_4_drawn = nn.Conv2d(2, AT_4, 3, 1, 1)
        self.mask_4_norm, self.mask_4_more = nn.GroupNorm(AT_4 // 16, AT_4), _more(AT_4)
        self.weights = nn.ModuleList(
            nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, AT_4))
            for _ in range(_MASKS)
        )
        self.score = nn.Sequential(
            nn.Linear(2 * dim + AT_4 + 1, 128), nn.ReLU(), nn.Linear(128, 1)
        )

    def features(self, embedding: Tensor) -> Features:
        """What is to be computed once of image embeddings, (B, E + F, T, T)."""
        image, fine = embedding[:, : self.dim], fine_of(embedding, self.dim)
        at_8 = F.gelu(self.image_8_norm(self.image_8(image)))
        at_8 = at_8 + self.image_8_more(at_8)
        at_4 = F.gelu(self.image_4_norm(self.image_4(at_8) + self.image_4_fine(fine)))
        return Features(image, at_8, at_4 + self.image_4_more(at_4))

    def forward(
        self,
        features: Features,
        rows: Tensor,
        prompted: tuple[Tensor, Tensor, Tensor],
        drawn: Tensor,
        named: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Three masks for each of N prompts: logits (N, 3, 4T, 4T), predicted IoU (N, 3).

        `rows` (N,) is the image of each prompt. `prompted` is what SAM's prompt encoder made: (N,
        n, E) tokens, (N, E, T, T) dense prompts, (1, E, T, T) positions. `drawn` (N, 1, 4T, 4T)
        are the drawings, `named` (N, k, 3) the x, y, weight of places on the objects, canvas px.
        """
        sparse, dense, positions = prompted
        own = torch.cat([self.iou_token.weight, self.mask_tokens.weight])
        tokens = torch.cat([own.expand(len(sparse), -1, -1), sparse], 1)
        image = of_images(features.embedding, rows) + dense
        told, image = self.transformer(image, positions.expand_as(image), tokens)
        maps = self.mask_8(image.transpose(1, 2).unflatten(2, dense.shape[2:]))
        maps = F.gelu(self.mask_8_norm(maps + of_images(features.at_8, rows)))
        hints = self.mask_4_drawn(torch.cat([drawn, self.alike(features, rows, named)], 1))
        maps = self.mask_4(maps) + of_images(features.at_4, rows) + hints
        maps = F.gelu(self.mask_4_norm(maps))
        maps = maps + self.mask_4_more(maps)
        parts = [weigh(told[:, 1 + i]) for i, weigh in enumerate(self.weights)]
        logits = (torch.stack(parts, 1) @ maps.flatten(2)).unflatten(2, maps.shape[2:])
        return logits, self._scores(told, maps, logits)

    def alike(self, features: Features, rows: Tensor, named: Tensor) -> Tensor:
        """(N, 1, 4T, 4T), 0..1: how much each pixel is like the places that are named."""
        clusters = of_images(self.clusters(features.at_4), rows)
        places, weights = (named[:, None, :, :2] + 0.5) / (self.px / 2) - 1, named[..., 2]
        found = F.grid_sample(
            clusters, places.to(clusters), align_corners=False, padding_mode='border'
        )
        mean = (found[:, :, 0] * weights[:, None]).sum(2) / weights.sum(1, keepdim=True)
        apart = (clusters - mean[:, :, None, None]).square().sum(1, keepdim=True)
        return torch.exp(-apart / _SPREAD)

    def _scores(self, told: Tensor, maps: Tensor, logits: Tensor) -> Tensor:
        """(N, 3) predicted IoU, from the tokens and the mean features under each mask."""
        covered = logits.detach().sigmoid().flatten(2)
        area = covered.sum(2, keepdim=True)
        under = covered @ maps.flatten(2).transpose(1, 2) / (area + 1)
        first = told[:, :1].expand(-1, _MASKS, -1)
        share = area / covered.shape[2]
        read = torch.cat([first, told[:, 1 : 1 + _MASKS], under, share.to(under)], 2)
        return cast(Tensor, self.score(read)[..., 0].sigmoid())


def named_by(points: Tensor | None, boxes: Tensor | None) -> Tensor:
    """(N, k, 3) x, y, weight of places on the objects of N prompts: the positive points, and some
    in the middle of the box. Of a prompt with neither all points count.

    `points` (N, n, 3) and `boxes` (N, 4) are in canvas px.
    """
    named = []
    if points is not None:
        on = (points[..., 2:] > 0).to(points)
        if boxes is None:
            on = torch.where(on.amax(1, keepdim=True) > 0, on, torch.ones_like(on))
        named.append(torch.cat([points[..., :2], on], 2))
    if boxes is not None:
        steps = torch.linspace(-0.25, 0.25, _RAYS, device=boxes.device)
        offsets = torch.cartesian_prod(steps, steps)
        centre, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        places = centre[:, None] + offsets * size[:, None]
        named.append(F.pad(places, (0, 1), value=_BOX_WEIGHT))
    return torch.cat(named, 1)


def _more(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
        nn.GroupNorm(channels // 16, channels),
        nn.GELU(),
    )
