"""Turns scenes into examples: an image, some of its objects, and a prompt for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.model import preprocess
from pedsam_ros.core.model.monolithic import vacant_tokens
from pedsam_ros.core.pictures import tight_box
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.types import Pixels
from pedsam_ros.core.windows import Canvas
from pedsam_ros.learn.asset_pack import AssetPack
from pedsam_ros.learn.scenes import Scene, compose, visible
from pedsam_ros.learn.shifts import Shifts

OBJECTS = 8  # in an example; a scene with fewer objects repeats some
BOX_PROMPTS = OBJECTS // 2  # the first objects are asked for by a box
POINT_PROMPTS = OBJECTS - BOX_PROMPTS  # the others are asked for by a point
_EXACT = 0.5  # share of prompts that are exact; the others are moved a little
_SHAKE = 0.08  # how far a box's sides move, as a share of their length


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One scene, OBJECTS of its objects, and a prompt for each. Boxes and points in canvas px."""

    canvas: Canvas
    pixels: Tensor  # (3, P, P) float32, normalised canvas
    vacant: Tensor  # (T, T) bool: the tokens of windows without content
    rgb: Tensor  # (3, H, W) uint8
    masks: Tensor  # (OBJECTS, H, W) uint8, 0 or 1
    coarse: Tensor  # (OBJECTS, 4T, 4T) float32: the object's share of each pixel of coarse masks
    boxes: Tensor  # (OBJECTS, 4) tight boxes x0, y0, x1, y1
    box_prompts: Tensor  # (BOX_PROMPTS, 4), of the first objects
    point_prompts: Tensor  # (POINT_PROMPTS, 1, 3) x, y, 1; of the other objects


class Examples(Dataset[Example]):
    """Endless examples: example i depends only on the seed and i, so that a run can be resumed.

    With `shifts` its content and the partition are shifted; the scene stays the same.
    """

    def __init__(
        self, pack: AssetPack, arch: Architecture, seed: int, shifts: Shifts | None = None
    ) -> None:
        self.pack, self.arch, self.seed, self.shifts = pack, arch, seed, shifts

    def __getitem__(self, index: int) -> Example:
        cv2.setNumThreads(0)
        rng = np.random.default_rng((self.seed, index))
        shift = self.shifts.of(index) if self.shifts else None
        while True:
            scene = compose(self.pack, rng)
            numbers = visible(scene)
            if numbers:
                return make_example(scene, numbers, self.arch, rng, shift)


def make_example(
    scene: Scene,
    numbers: list[int],
    arch: Architecture,
    rng: Generator,
    shift: Shift | None = None,
) -> Example:
    """Chooses OBJECTS of the objects `numbers` of a scene, and a prompt for each of them."""
    canvas = Canvas.fit(arch, *scene.labels.shape, shift=shift)
    chosen = rng.permutation(numbers)[np.arange(OBJECTS) % len(numbers)]
    chosen = rng.permutation(chosen)
    masks = [(scene.labels == number).astype(np.uint8) for number in chosen]
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in map(tight_box, masks)])
    shaken = [_shaken(box, canvas.frame, rng) for box in boxes[:BOX_PROMPTS]]
    points = [_point(mask, rng) for mask in masks[BOX_PROMPTS:]]
    content = preprocess.resize(scene.rgb, canvas.content)
    return Example(
        canvas=canvas,
        pixels=preprocess.on_canvas(content, arch.image_px, canvas.corner),
        vacant=vacant_tokens(arch, canvas),
        rgb=torch.from_numpy(scene.rgb).permute(2, 0, 1),
        masks=torch.from_numpy(np.stack(masks)),
        coarse=torch.from_numpy(np.stack([_coarse(mask, canvas, arch) for mask in masks])),
        boxes=_on_canvas(boxes, canvas),
        box_prompts=_on_canvas(np.array(shaken), canvas),
        point_prompts=F.pad(_on_canvas(np.array(points), canvas), (0, 1), value=1.0)[:, None],
    )


def _on_canvas(places: NDArray[Any], canvas: Canvas) -> Tensor:
    """(N, 2n) x, y, ... in image px -> (N, 2n) float32 in canvas px."""
    pairs = places.shape[1] // 2
    scale = np.array(canvas.content[::-1]) / canvas.frame[::-1]
    moved = places * np.tile(scale, pairs) + np.tile(canvas.corner[::-1], pairs)
    return torch.tensor(moved).float()


def _coarse(mask: Pixels, canvas: Canvas, arch: Architecture) -> NDArray[np.float32]:
    """(4T, 4T) share of the object in each pixel of a decoder's mask, which covers the canvas."""
    whole = np.zeros((arch.image_px, arch.image_px), np.float32)
    (height, width), (top, left) = canvas.content, canvas.corner
    whole[top : top + height, left : left + width] = cv2.resize(
        mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA
    )
    side = 4 * arch.tokens
    return np.asarray(cv2.resize(whole, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def _shaken(box: NDArray[np.int64], frame: tuple[int, int], rng: Generator) -> NDArray[np.float64]:
    """The box with its sides moved at random, or, at a chance of _EXACT, the box itself."""
    if rng.random() < _EXACT:
        return box.astype(float)
    sides = np.tile(box[2:] - box[:2], 2)
    moved = box + rng.normal(0, _SHAKE / 2, 4) * sides
    return np.clip(moved, 0, np.tile(frame[::-1], 2))


def _point(mask: Pixels, rng: Generator) -> tuple[float, float]:
    """x, y of a pixel in the object: the deepest one, or a random one, deep ones more often."""
    depth = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    if rng.random() < _EXACT:
        index = int(depth.argmax())
    else:
        weight = depth.ravel().astype(np.float64)
        index = int(rng.choice(weight.size, p=weight / weight.sum()))
    row, column = divmod(index, mask.shape[1])
    return float(column), float(row)
