"""Refines each mask on the edge: a small U-Net looks at the object's crop of the full image.

SAM draws masks at a quarter of the canvas's size, too coarse for small objects on a small canvas.
The edge has the whole image, so a second look costs no privacy. Meta's models have no refiner.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.edge_compute import Making
from pedsam_ros.core.model import sam
from pedsam_ros.core.model.fine_decoder import AT_4, AT_8, Features, of_images
from pedsam_ros.core.windows import Canvas

_CHANNELS = (32, 64, 96)  # at R/2, R/4 and R/8
_INPUTS = 5  # RGB, the coarse mask, the drawn prompt
_LIMIT = 8.0  # logits of the coarse mask are clamped to +-this
_REACH = 1.4  # side of the crop / side of the object's box
_PX_AT_ONCE = 2**25  # that are read for crops between two yields
_SPREAD_PX = 6.0  # standard deviation of a drawn point, canvas px


class Refiner(nn.Module):
    """Turns crops of R x R px into better logits and their predicted IoU.

    It adds to the coarse logits, and reads the decoder's features around the object at three
    scales.
    """

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.side = arch.refine_px
        first, middle, last = _CHANNELS
        self.pixels_2 = nn.Conv2d(_INPUTS, first, 4, 2, 1)
        self.image_2, self.deep_2 = nn.Conv2d(AT_4, first, 1), _Deeper(first)
        self.pixels_4 = nn.Conv2d(first, middle, 4, 2, 1)
        self.image_4, self.deep_4 = nn.Conv2d(AT_8, middle, 1), _Deeper(middle)
        self.pixels_8 = nn.Conv2d(middle, last, 4, 2, 1)
        self.image_8, self.deep_8 = nn.Conv2d(arch.embedding_dim, last, 1), _Deeper(last)
        self.up_4, self.join_4 = nn.Conv2d(last, middle, 1), _conv(middle, middle)
        self.up_2, self.join_2 = nn.Conv2d(middle, first, 1), _conv(first, first)
        self.mask = nn.Sequential(nn.Conv2d(first, 4, 1), nn.PixelShuffle(2))
        self.score = nn.Sequential(nn.Linear(middle + last + 1, 128), nn.ReLU(), nn.Linear(128, 1))

    def forward(
        self, crops: Tensor, around: tuple[Tensor, Tensor, Tensor], scores: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logits (N, R, R) and predicted IoU (N,).

        `crops` (N, 5, R, R) come from `inputs`, `around` from `features_at`; `scores` (N,) is the
        predicted IoU of the coarse masks.
        """
        at_2 = self.deep_2(self.pixels_2(crops) + self.image_2(around[0]))
        at_4 = self.deep_4(self.pixels_4(at_2) + self.image_4(around[1]))
        at_8 = self.deep_8(self.pixels_8(at_4) + self.image_8(around[2]))
        at_4 = self.join_4(at_4 + _doubled(self.up_4(at_8)))
        at_2 = self.join_2(at_2 + _doubled(self.up_2(at_4)))
        logits = crops[:, 3] * (_LIMIT / 2) + self.mask(at_2)[:, 0]
        means = at_4.mean((2, 3)), at_8.mean((2, 3)), scores[:, None]
        score = self.score(torch.cat(means, 1))
        return logits, score[:, 0].sigmoid()


def features_at(
    features: Features, rows: Tensor, rects: Tensor, side: int, px: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The features of images `rows` (N,) within rectangles (N, 4), canvas px, for crops of R =
    `side` px: (N, AT_4, R/2, R/2), (N, AT_8, R/4, R/4), (N, E, R/8, R/8)."""
    maps = features.at_4, features.at_8, features.embedding
    grids = (grid_of(rects, side // 2), grid_of(rects, side // 4), grid_of(rects, side // 8))
    at_4, at_8, embedding = (
        sample(of_images(each, rows), grid, px) for each, grid in zip(maps, grids, strict=True)
    )
    return at_4, at_8, embedding


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
    return widened(around, first, first + size)


def widened(around: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """Boxes (N, 4) with room around them, between the corners x, y of the content: (2,) or (N, 2).
    An empty box means all of the content."""
    whole = torch.cat([first.expand_as(last), last], -1).expand_as(around)
    empty = (around[:, 2] <= around[:, 0])[:, None]
    around = torch.where(empty, whole, around)
    centre = (around[:, :2] + around[:, 2:]) / 2
    half = (around[:, 2:] - around[:, :2]) / 2 * _REACH
    return torch.cat([torch.maximum(centre - half, first), torch.minimum(centre + half, last)], 1)


def snap(rects: Tensor, canvas: Canvas) -> tuple[Tensor, Tensor]:
    """Widens rectangles (N, 4) on the canvas to whole pixels of the frame.

    Returns them in frame px, (N, 4) int64, and in canvas px, (N, 4). None of them is empty.
    """
    size, content, corner = (
        rects.new_tensor(each[::-1]) for each in (canvas.frame, canvas.content, canvas.corner)
    )
    spans, snapped_rects = snapped(rects, size, content / size, corner)
    return spans.long(), snapped_rects


def snapped(rects: Tensor, size: Tensor, scale: Tensor, corner: Tensor) -> tuple[Tensor, Tensor]:
    """As `snap`, for a frame of `size`, its `scale` on the canvas and the content's `corner`; each
    x, y, (2,) or (N, 2)."""
    in_frame = (rects.unflatten(1, (2, 2)) - corner[..., None, :]) / scale[..., None, :]
    least = torch.minimum(in_frame[:, 0].floor(), size - 1)
    most = torch.maximum(torch.minimum(in_frame[:, 1].ceil(), size), least + 1)
    spans = torch.stack([least, most], 1)
    on_canvas = spans * scale[..., None, :] + corner[..., None, :]
    return spans.flatten(1), on_canvas.flatten(1)


def cutting(image: Tensor, spans: Tensor, side: int) -> Making[Tensor]:
    """Cuts spans (N, 4), whole px, out of (C, H, W): (N, C, side, side) float32, antialiased.

    Yields whenever many pixels have been read: spans of a large image take long.
    """
    parts = torch.empty(len(spans), len(image), side, side, device=spans.device)
    corners, read_px = spans.tolist(), 0
    for i, (x0, y0, x1, y1) in enumerate(corners):
        if i and corners[i] == corners[i - 1]:  # as the three masks for a box have it
            parts[i] = parts[i - 1]
            continue
        if read_px > _PX_AT_ONCE:
            yield
            read_px = 0
        read_px += (x1 - x0) * (y1 - y0)
        whole = image[None, :, y0:y1, x0:x1].float()  # freed before the next one
        parts[i] = F.interpolate(whole, (side, side), mode='bilinear', antialias=True)[0]
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


def _conv(a: int, b: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(a, b, 3, 1, 1, bias=False), nn.GroupNorm(b // 16, b), nn.ReLU())


class _Deeper(nn.Sequential):
    def __init__(self, channels: int) -> None:
        first = nn.GroupNorm(channels // 16, channels), nn.ReLU()
        super().__init__(*first, _conv(channels, channels))
