"""What one training step reads of one scene: the image, some of its objects, a prompt for each."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.model import preprocess
from pedsam_ros.core.pictures import tight_box
from pedsam_ros.core.types import Pixels
from pedsam_ros.core.windows import Canvas
from pedsam_ros.learn.asset_pack import Assets
from pedsam_ros.learn.scenes import Scene, compose

OBJECTS = 8  # of a scene, with repetition where it has fewer; the first half is asked for by a box
BOXES = OBJECTS // 2
_LEAST_AREA = 0.0015  # of the image
_EXACT = 0.5  # of boxes and points; the others are shaken
_SHAKE = 0.08  # of a box's side


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One scene. Prompts lie in canvas px."""

    canvas: Canvas
    pixels: Tensor  # (3, P, P) float32, normalised canvas
    rgb: Tensor  # (3, H, W) uint8
    masks: Tensor  # (OBJECTS, H, W) uint8, 0 or 1
    coarse: Tensor  # (OBJECTS, 4T, 4T) float32: share of object in each pixel of a decoder's mask
    boxes: Tensor  # (OBJECTS, 4) tight boxes
    asked: Tensor  # (BOXES, 4) boxes given as prompts, of the first objects
    points: Tensor  # (OBJECTS - BOXES, 1, 3) x, y, 1: points given, of the others


class Examples(Dataset[Example]):
    """Endless: example i is a function of the seed and of i, so that a run can be resumed."""

    def __init__(self, assets: Assets, arch: Architecture, seed: int) -> None:
        self.assets, self.arch, self.seed = assets, arch, seed

    def __getitem__(self, index: int) -> Example:
        cv2.setNumThreads(0)
        rng = np.random.default_rng((self.seed, index))
        while True:
            scene = compose(self.assets, rng)
            numbers = visible(scene)
            if numbers:
                return make_example(scene, numbers, self.arch, rng)


def visible(scene: Scene) -> list[int]:
    """Numbers of the objects of which enough is to be seen."""
    areas = np.bincount(scene.labels.ravel())
    least = _LEAST_AREA * scene.labels.size
    return [number for number in range(1, len(areas)) if areas[number] >= least]


def make_example(scene: Scene, numbers: list[int], arch: Architecture, rng: Generator) -> Example:
    """Chooses objects of a scene, and prompts for them."""
    canvas = Canvas.fit(arch, *scene.labels.shape)
    chosen = rng.permutation(numbers)[np.arange(OBJECTS) % len(numbers)]
    chosen = rng.permutation(chosen)
    masks = [(scene.labels == number).astype(np.uint8) for number in chosen]
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in map(tight_box, masks)])
    asked = [_shaken(box, canvas.frame, rng) for box in boxes[:BOXES]]
    points = [(*_point(mask, rng), 1) for mask in masks[BOXES:]]
    scale = np.array(canvas.content[::-1]) / canvas.frame[::-1]
    return Example(
        canvas=canvas,
        pixels=preprocess.on_canvas(preprocess.resize(scene.rgb, canvas.content), arch.image_px),
        rgb=torch.from_numpy(scene.rgb).permute(2, 0, 1),
        masks=torch.from_numpy(np.stack(masks)),
        coarse=torch.from_numpy(np.stack([_coarse(mask, canvas, arch) for mask in masks])),
        boxes=torch.tensor(boxes * np.tile(scale, 2)).float(),
        asked=torch.tensor(np.array(asked) * np.tile(scale, 2)).float(),
        points=torch.tensor(np.array(points) * [*scale, 1]).float()[:, None],
    )


def _coarse(mask: Pixels, canvas: Canvas, arch: Architecture) -> NDArray[np.float32]:
    """On the canvas, at the size of a decoder's masks."""
    whole = np.zeros((arch.image_px, arch.image_px), np.float32)
    height, width = canvas.content
    whole[:height, :width] = cv2.resize(
        mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA
    )
    side = 4 * arch.tokens
    return np.asarray(cv2.resize(whole, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def _shaken(box: NDArray[np.int64], frame: tuple[int, int], rng: Generator) -> NDArray[np.float64]:
    if rng.random() < _EXACT:
        return box.astype(float)
    sides = np.tile(box[2:] - box[:2], 2)
    moved = box + rng.normal(0, _SHAKE / 2, 4) * sides
    return np.clip(moved, 0, np.tile(frame[::-1], 2))


def _point(mask: Pixels, rng: Generator) -> tuple[float, float]:
    """x, y of a pixel: the deepest inside the object, or any of it, rather deep than not."""
    depth = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    if rng.random() < _EXACT:
        index = int(depth.argmax())
    else:
        weight = depth.ravel().astype(np.float64)
        index = int(rng.choice(weight.size, p=weight / weight.sum()))
    row, column = divmod(index, mask.shape[1])
    return float(column), float(row)
