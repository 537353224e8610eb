"""Refines each mask on the edge: a small U-Net looks at the object's crop of the full image.

SAM draws masks at a quarter of the canvas's size, too coarse for small objects on a small canvas.
The edge has the whole image, so a second look costs no privacy. Meta's models have no refiner.
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.edge_compute import Making, finished
from pedsam_ros.core.model import sam
from pedsam_ros.core.windows import Canvas

_CHANNELS = (32, 64, 96)  # at R/2, R/4 and R/8
_INPUTS = 5  # RGB, the coarse mask, the drawn prompt
_LIMIT = 8.0  # logits of the coarse mask are clamped to +-this
_REACH = 1.4  # side of the crop / side of the object's box
_PX_AT_ONCE = 2**25  # that are read for crops between two yields
_SPREAD_PX = 6.0  # standard deviation of a drawn point, canvas px


class Refiner(nn.Module):
    """Turns crops of R x R px into better logits and their predicted IoU."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.side = arch.refine_px
        first, middle, last = _CHANNELS
        self.stem = nn.Sequential(_conv(_INPUTS, first, 4, 2), _conv(first, first, 3, 1))
        self.down = nn.ModuleList(
            nn.Sequential(_conv(a, b, 4, 2), _conv(b, b, 3, 1)) for a, b in pairwise(_CHANNELS)
        )
        self.context = nn.Conv2d(arch.embedding_dim, middle, 1)
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(_CHANNELS))
        self.join = nn.ModuleList(_conv(a, a, 3, 1) for a in (first, middle))
        self.mask = nn.Sequential(nn.Conv2d(first, 4, 1), nn.PixelShuffle(2))
        self.score = nn.Sequential(nn.Linear(middle + last + 1, 128), nn.ReLU(), nn.Linear(128, 1))

    def forward(self, crops: Tensor, context: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, R, R) and predicted IoU (N,).

        `crops` (N, 5, R, R) come from `inputs`; `context` (N, E, R/4, R/4) is the image embedding
        around the object; `scores` (N,) is the predicted IoU of the coarse masks.
        """
        fine = self.stem(crops)
        middle = self.down[0](fine) + self.context(context)
        deep = self.down[1](middle)
        middle = self.join[1](middle + _doubled(self.up[1](deep)))
        fine = self.join[0](fine + _doubled(self.up[0](middle)))
        means = middle.mean((2, 3)), deep.mean((2, 3)), scores[:, None]
        score = self.score(torch.cat(means, 1))
        return self.mask(fine)[:, 0], score[:, 0].sigmoid()


def inputs(images: Tensor, coarse: Tensor, prompt: Tensor) -> Tensor:
    """Stacks the crops of a `Refiner`, (N, 5, R, R).

    `images` (N, 3, R, R) normalised RGB, `coarse` (N, R, R) logits, `prompt` (N, R, R) drawings.
    """
    mask = coarse.clamp(-_LIMIT, _LIMIT) / (_LIMIT / 2)
    return torch.cat([images, mask[:, None], prompt[:, None]], 1)


def look_at(coarse: Tensor, boxes: Tensor | None, canvas: Canvas, px: int) -> Tensor:
    """Where to look again: (N, 4) x0, y0, x1, y1 on a canvas of side `px`, within its content.

    That is around the prompt's box, (N, 4), if there are boxes, otherwise around the coarse mask,
    (N, h, w) logits. An empty mask means all of the content.
    """
    around = boxes_of(coarse, px) if boxes is None else boxes
    first, size = (around.new_tensor(each[::-1]) for each in (canvas.corner, canvas.content))
    last = first + size
    empty = (around[:, 2] <= around[:, 0])[:, None]
    around = torch.where(empty, torch.cat([first, last]), around)
    centre = (around[:, :2] + around[:, 2:]) / 2
    half = (around[:, 2:] - around[:, :2]) / 2 * _REACH
    return torch.cat([torch.maximum(centre - half, first), torch.minimum(centre + half, last)], 1)


def snap(rects: Tensor, canvas: Canvas) -> tuple[Tensor, Tensor]:
    """Widens rectangles (N, 4) on the canvas to whole pixels of the frame.

    Returns them in frame px, (N, 4) int64, and in canvas px, (N, 4). None of them is empty.
    """
    frame_height, frame_width = canvas.frame
    size = rects.new_tensor([frame_width, frame_height] * 2)
    scale = rects.new_tensor([*canvas.content[::-1]] * 2) / size
    corner = rects.new_tensor([*canvas.corner[::-1]] * 2)
    in_frame = (rects - corner) / scale
    least = in_frame[:, :2].floor().minimum(size[:2] - 1)
    most = in_frame[:, 2:].ceil().minimum(size[2:]).maximum(least + 1)
    spans = torch.cat([least, most], 1)
    return spans.long(), spans * scale + corner


def cut(image: Tensor, spans: Tensor, side: int) -> Tensor:
    """Cuts spans (N, 4), whole px, out of (C, H, W): (N, C, side, side) float32, antialiased."""
    return finished(cutting(image, spans, side))


def cutting(image: Tensor, spans: Tensor, side: int) -> Making[Tensor]:
    """As `cut`. Yields whenever many pixels have been read: spans of a large image take long."""
    parts = torch.empty(len(spans), len(image), side, side, device=spans.device)
    read_px = 0
    for part, (x0, y0, x1, y1) in zip(parts, spans.tolist(), strict=True):
        if read_px > _PX_AT_ONCE:
            yield
            read_px = 0
        read_px += (x1 - x0) * (y1 - y0)
        whole = image[None, :, y0:y1, x0:x1].float()  # freed before the next one
        part[:] = F.interpolate(whole, (side, side), mode='bilinear', antialias=True)[0]
    return parts


def grid_of(rects: Tensor, side: int) -> Tensor:
    """(N, side, side, 2): x, y of the pixel centres when rectangles (N, 4) have side x side px."""
    steps = (torch.arange(side, device=rects.device) + 0.5) / side
    x = rects[:, 0:1] + (rects[:, 2:3] - rects[:, 0:1]) * steps
    y = rects[:, 1:2] + (rects[:, 3:4] - rects[:, 1:2]) * steps
    shape = (len(rects), side, side)
    return torch.stack([x[:, None, :].expand(shape), y[:, :, None].expand(shape)], 3)


def sample(maps: Tensor, grid: Tensor, px: int) -> Tensor:
    """(N, C, R, R) values of maps (N, C, h, w) at the points of `grid` (N, R, R, 2).

    The maps show the whole canvas, whose side is `px`; the grid is in canvas px.
    """
    return F.grid_sample(maps, grid / (px / 2) - 1, align_corners=False, padding_mode='border')


def draw(points: Tensor | None, boxes: Tensor | None, grid: Tensor) -> Tensor:
    """Draws prompts, (N, R, R): 1 inside the box, and a bump at each point.

    The bump is positive for a point on the object and negative for one beside it. `points`
    (N, n, 3), `boxes` (N, 4) and `grid` (N, R, R, 2) are in canvas px.
    """
    drawn = torch.zeros_like(grid[..., 0])
    if boxes is not None:
        corners = boxes[:, None, None]
        inside = (grid >= corners[..., :2]) & (grid <= corners[..., 2:])
        drawn = drawn + inside.all(-1)
    if points is not None:
        sign = torch.where(points[..., 2] > 0, 1.0, -1.0) * (points[..., 2] >= 0)
        for i in range(points.shape[1]):  # all at once would take memory for each of 64 points
            offset = grid - (points[:, i, None, None, :2] + 0.5)  # centre of the pixel named
            bump = torch.exp(-offset.square().sum(-1) / (2 * _SPREAD_PX**2))
            drawn = drawn + bump * sign[:, i, None, None]
    return drawn


def boxes_of(logits: Tensor, px: int) -> Tensor:
    """(N, 4) tight boxes, canvas px, of the positive logits, (N, h, w); zeros without any."""
    _, height, width = logits.shape
    on = logits > 0
    boxes = sam.amg.batched_mask_to_box(on)  # up to the last pixel; ours end behind it
    ends = boxes + boxes.new_tensor([0, 0, 1, 1]) * on.flatten(1).any(1)[:, None]
    scale = torch.tensor([px / width, px / height] * 2, device=logits.device)
    return cast(Tensor, ends * scale)


def _doubled(maps: Tensor) -> Tensor:
    return F.interpolate(maps, scale_factor=2.0, mode='bilinear', align_corners=False)


def _conv(a: int, b: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(a, b, kernel, stride, 1, bias=False), nn.GroupNorm(b // 16, b), nn.ReLU()
    )
