"""What a step learns from: scenes of a pool on a device, flipped and laid on the canvas, with
prompts for their objects."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.model import preprocess, refiner
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.windows import pixel_grid
from pedsam_ros.learn.scene_pool import NO_LABEL, PLACES, ScenePool

_EXACT = 0.5  # share of prompts that are exact; the others are moved a little
_SHAKE = 0.04  # how far a box's sides move: standard deviation, as a share of their length
_SAMPLES = 4  # along each side of a pixel of a crop


@dataclass(frozen=True, slots=True, eq=False)
class SceneBatch:
    """B scenes, and O objects of each: the first half is asked for by boxes, the rest by points.

    Places are x, y in canvas px.
    """

    arch: Architecture
    shift: Shift  # of all
    pixels: Tensor  # (B, 3, P, P) normalised canvases
    vacant: Tensor  # (B, T, T) bool: the tokens of windows without content
    labels: Tensor  # (B, 4T, 4T) int64, at the middle of each pixel of a mask; -1 for padding
    rgb: Tensor  # (B, 3, L, L) 0..255, the scenes
    scene_labels: Tensor  # (B, L, L) uint8
    sizes: Tensor  # (B, 2) height and width of the scenes, px
    content: Tensor  # (B, 2) the same of the contents, canvas px
    numbers: Tensor  # (B, O) uint8
    coarse: Tensor  # (B, O, 4T, 4T) share of the object in each pixel of a mask
    boxes: Tensor  # (B, O, 4) tight ones
    box_prompts: Tensor  # (B, O / 2, 4)
    point_prompts: Tensor  # (B, O / 2, 1, 3) x, y, 1

    def crops(
        self, rows: Tensor, slots: Tensor, around: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What a refiner looks at, and what it should answer.

        `rows` and `slots` (N,) name objects, in the order of their scenes and equally many of
        each; `around` (N, 4) are boxes, canvas px. Returns images (N, 3, R, R) 0..255; the share
        of the object in each pixel, (N, R, R); rectangles (N, 4), canvas px; how much of the
        object is outside, (N,), px of the crop.
        """
        corner = around.new_tensor(self.shift.corner[::-1])
        content, size = (part.flip(1)[rows].to(around) for part in (self.content, self.sizes))
        rects = refiner.widened(around, corner, corner + content)
        spans, rects = refiner.snapped(rects, size, content / size, corner)
        side = self.arch.refine_px
        grid = refiner.grid_of(spans, side * _SAMPLES) / (self.rgb.shape[-1] / 2) - 1
        grid = grid.view(len(self.rgb), -1, *grid.shape[2:])
        sampled = partial(F.grid_sample, align_corners=False, padding_mode='border')
        images = sampled(self.rgb, grid)
        labels = sampled(self.scene_labels[:, None].float(), grid, mode='nearest')
        wanted = self.numbers[rows, slots]
        found = labels.view(len(rows), -1, grid.shape[2]).round() == wanted[:, None, None]
        target = F.avg_pool2d(found.float()[:, None], _SAMPLES)[:, 0]
        whole = (self.scene_labels[:, None] == self.numbers[..., None, None]).sum((2, 3))
        scale = side**2 / (spans[:, 2:] - spans[:, :2]).prod(1)
        outside = (whole[rows, slots] * scale - target.sum((1, 2))).clamp(min=0)
        small = F.avg_pool2d(images, _SAMPLES).unflatten(2, (-1, side)).transpose(1, 2)
        return small.flatten(0, 1), target, rects, outside


def batch_of(
    pool: ScenePool,
    chosen: NDArray[np.int64],
    objects: int,
    arch: Architecture,
    shift: Shift | None,
    rng: np.random.Generator,
    device: str,
) -> SceneBatch:
    """The scenes `chosen`, (B,), with prompts for `objects` of each; some repeat an object."""
    flipped = torch.from_numpy(rng.random(len(chosen)) < 0.5)
    rgb, labels = (_taken(part, chosen, device) for part in (pool.rgb, pool.labels))
    sizes = torch.from_numpy(pool.sizes[chosen].astype(np.int64)).to(device)
    columns = torch.arange(rgb.shape[2], device=device).expand(len(chosen), -1)
    mirrored = (sizes[:, 1:] - 1 - columns).clamp(min=0)
    inside = flipped.to(device)[:, None] & (columns < sizes[:, 1:])
    columns = torch.where(inside, mirrored, columns)
    rgb = rgb.permute(0, 3, 1, 2).gather(3, columns[:, None, None].expand(-1, 3, *rgb.shape[1:3]))
    labels = labels.gather(2, columns[:, None].expand_as(labels))
    return _laid(
        arch, shift, rgb.float(), labels, sizes, _asked(pool, chosen, flipped, objects, rng)
    )


def _taken(part: NDArray[np.uint8], chosen: NDArray[np.int64], device: str) -> Tensor:
    some = torch.from_numpy(part[chosen])
    return (some.pin_memory() if device != 'cpu' else some).to(device, non_blocking=True)


def _asked(
    pool: ScenePool,
    chosen: NDArray[np.int64],
    flipped: Tensor,
    objects: int,
    rng: np.random.Generator,
) -> tuple[NDArray[Any], ...]:
    """Numbers (B, O), boxes (B, O, 4), moved boxes (B, O, 4) and places (B, O, 2), scene px."""
    numbers = pool.numbers[chosen]
    order = rng.random(numbers.shape) + (numbers == 0)  # those that are none come last
    counts = (numbers > 0).sum(1, keepdims=True)
    slots = np.take_along_axis(order.argsort(1), np.arange(objects)[None] % counts, 1)
    slots = rng.permuted(slots, axis=1)
    rows = np.arange(len(chosen))[:, None]
    boxes = pool.boxes[chosen[:, None], slots]
    which = rng.integers(1, PLACES, slots.shape) * (rng.random(slots.shape) >= _EXACT)
    places = pool.places[chosen[:, None], slots, which]
    height, width = np.moveaxis(pool.sizes[chosen].astype(np.float32)[:, None], -1, 0)
    mirror = flipped.numpy()[:, None]
    left, right = width - boxes[..., 2], width - boxes[..., 0]
    boxes[..., 0] = np.where(mirror, left, boxes[..., 0])
    boxes[..., 2] = np.where(mirror, right, boxes[..., 2])
    places[..., 0] = np.where(mirror, width - 1 - places[..., 0], places[..., 0])
    sides = np.tile(boxes[..., 2:] - boxes[..., :2], 2)
    moved = (rng.random(slots.shape) >= _EXACT)[..., None]
    shaken = boxes + rng.normal(0, _SHAKE, boxes.shape) * sides * moved
    most = np.stack([width, height] * 2, -1)
    return numbers[rows, slots], boxes, np.clip(shaken, 0, most).astype(np.float32), places


def _laid(
    arch: Architecture,
    shift: Shift | None,
    rgb: Tensor,
    scene_labels: Tensor,
    sizes: Tensor,
    asked: tuple[NDArray[Any], ...],
) -> SceneBatch:
    device, patch = rgb.device, arch.patch_px
    long_px = arch.image_px - (patch - 1 if shift else 0)  # as Canvas.fit
    own, scale = shift or Shift(), long_px / rgb.shape[-1]
    content = (sizes * scale + 0.5).long()
    small = F.interpolate(rgb, (long_px, long_px), mode='bilinear', antialias=True)
    top, left = own.corner
    after = [arch.image_px - long_px - each for each in own.corner]
    around = (left, after[1], top, after[0])
    along = torch.arange(long_px, device=device)
    inside = (along < content[:, :1])[:, :, None] & (along < content[:, 1:])[:, None]
    pixels = F.pad(preprocess.normalise(small) * inside[:, None], around)
    near = ((along + 0.5) / scale).long().clamp(max=rgb.shape[-1] - 1)
    labels = scene_labels[:, near][:, :, near].masked_fill(~inside, NO_LABEL)
    labels = F.pad(labels, around, value=NO_LABEL)
    numbers, boxes, shaken, places = (torch.from_numpy(each).to(device) for each in asked)
    corner = boxes.new_tensor([left, top])
    ratio = (content / sizes).flip(1)[:, None].float()
    boxes, shaken = (each * ratio.repeat(1, 1, 2) + corner.repeat(2) for each in (boxes, shaken))
    half = numbers.shape[1] // 2
    points = F.pad(places[:, half:] * ratio + corner, (0, 1), value=1.0)[:, :, None]
    pool = patch // 4
    coarse = (labels[:, None] == numbers[..., None, None]).float()
    middle = labels[:, pool // 2 :: pool, pool // 2 :: pool].long()
    return SceneBatch(
        arch=arch,
        shift=own,
        pixels=pixels,
        vacant=_vacant(arch, own, content),
        labels=middle.masked_fill(middle == NO_LABEL, -1),
        rgb=rgb,
        scene_labels=scene_labels,
        sizes=sizes,
        content=content,
        numbers=numbers,
        coarse=F.avg_pool2d(coarse, pool),
        boxes=boxes,
        box_prompts=shaken[:, :half],
        point_prompts=points,
    )


def _vacant(arch: Architecture, shift: Shift, content: Tensor) -> Tensor:
    """(B, T, T) bool: the tokens of windows without content, (B, 2) canvas px."""
    grid, patch = pixel_grid(arch, shift.offset), arch.patch_px
    parts = []
    for axis, count in enumerate((grid.rows, grid.columns)):
        along = torch.ones(len(content), arch.tokens, dtype=torch.bool, device=content.device)
        for number in range(count):
            index = number * grid.columns if axis == 0 else number
            span = grid.span(index)[axis]
            filled = (content[:, axis] + shift.corner[axis] > span.start) & (
                shift.corner[axis] < span.stop
            )
            along[:, span.start // patch : span.stop // patch] = ~filled[:, None]
        parts.append(along)
    return parts[0][:, :, None] | parts[1][:, None]
