"""Composes training scenes: cut-outs pasted on photographs, with a label for each object."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pedsam_ros.core.types import Pixels
from pedsam_ros.learn.appearance import (
    as_camera,
    blurred,
    cast_shadow,
    colour_matched,
    dressed,
    recoloured,
    wavy_ramp,
)
from pedsam_ros.learn.asset_pack import AssetPack

LONG_PX = 384
_ASPECTS = (1.0, 4 / 3, 4 / 3, 3 / 2, 16 / 9)  # long side / short side
_MOST = 14  # objects in a scene
_CLIPART = 0.1  # share of objects that are drawings
_PATCH = 0.12  # share of objects that are textures cut to a random shape
_CAMOUFLAGED = 0.35  # share of objects disguised, so that seams of pasting do not betray objects
_DRESSED = 0.35  # share of objects with coloured parts, like clothes; the whole is asked for
_GROUNDED = 0.5  # share of scenes with ground, walls or sky, which count as objects
_LEAST_AREA = 0.0015  # of an object that may be asked for, as a share of the image
_LEAST_SIDE, _MOST_SIDE = 0.06, 0.95  # side of an object / the scene's short side


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """An image, (H, W, 3) uint8 RGB, and its labels, (H, W) uint8.

    Label 0 is background; objects are numbered from 1.
    """

    rgb: Pixels
    labels: Pixels


def compose(pack: AssetPack, rng: Generator) -> Scene:
    """A random scene. Equal states of `rng` give equal scenes."""
    height, width = _size(rng)
    canvas = _cluttered(_background(pack, rng, height, width), rng)
    labels = np.zeros((height, width), np.uint8)
    grounds = _grounds(canvas, labels, pack, rng) if rng.random() < _GROUNDED else 0
    count = int(rng.integers(1, _MOST + 1))
    sides = np.exp(rng.uniform(np.log(_LEAST_SIDE), np.log(_MOST_SIDE), count))
    repeated = _random_object(pack, rng)
    for number, side in enumerate(sorted(sides, reverse=True), start=1 + grounds):
        picture = repeated if rng.random() < 0.2 else _random_object(pack, rng)
        cutout = _posed(picture, side * min(height, width), rng)
        if rng.random() < _DRESSED:
            cutout = dressed(cutout, rng)
        if rng.random() < _CAMOUFLAGED:
            cutout = _with_stickers(cutout, pack, rng)
        _paste(canvas, labels, cutout, number, rng)
    return Scene(as_camera(canvas, rng), labels)


def visible(scene: Scene) -> list[int]:
    """The numbers of the objects that are visible enough."""
    areas = np.bincount(scene.labels.ravel())
    least = _LEAST_AREA * scene.labels.size
    return [number for number in range(1, len(areas)) if areas[number] >= least]


def _size(rng: Generator) -> tuple[int, int]:
    short = round(LONG_PX / rng.choice(_ASPECTS))
    return (LONG_PX, short) if rng.random() < 0.3 else (short, LONG_PX)


def _background(pack: AssetPack, rng: Generator, height: int, width: int) -> Pixels:
    """(height, width, 3): a random part of a photograph, or rarely of a texture."""
    kind = 'texture' if pack.pictures['texture'] and rng.random() < 0.15 else 'background'
    picture = _random_picture(pack.pictures[kind], rng)
    fit = min(picture.shape[0] / height, picture.shape[1] / width)
    part = fit * rng.uniform(0.5, 1.0)
    h, w = int(height * part), int(width * part)
    y = rng.integers(0, picture.shape[0] - h + 1)
    x = rng.integers(0, picture.shape[1] - w + 1)
    cut = cv2.resize(picture[y : y + h, x : x + w], (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cut[:, ::-1] if rng.random() < 0.5 else cut, np.uint8)


def _cluttered(picture: Pixels, rng: Generator) -> NDArray[np.float32]:
    """The background as (H, W, 3), perhaps out of focus, with pieces of itself pasted on it.

    The pieces make seams where there is no object.
    """
    canvas = picture.astype(np.float32)
    if rng.random() < 0.3:
        canvas = blurred(canvas, rng.uniform(0.5, 2.5))
    height, width = canvas.shape[:2]
    for _ in range(int(rng.integers(0, 5)) if rng.random() < 0.6 else 0):
        h, w = (int(side * rng.uniform(0.05, 0.4)) + 4 for side in (height, width))
        (y, v), (x, u) = rng.integers(0, height - h, 2), rng.integers(0, width - w, 2)
        piece = canvas[y : y + h, x : x + w, :] * rng.uniform(0.7, 1.3)
        alpha = _blob(h, w, rng)[..., None]
        canvas[v : v + h, u : u + w] += alpha * (piece - canvas[v : v + h, u : u + w])
    return canvas


def _grounds(canvas: NDArray[np.float32], labels: Pixels, pack: AssetPack, rng: Generator) -> int:
    """Paints and labels a texture on one or two sides of the scene; returns their number.

    Without textures in the pack it paints nothing.
    """
    height, width = labels.shape
    count = int(rng.integers(1, 3)) if pack.pictures['texture'] else 0
    for number in range(1, count + 1):
        texture = _random_picture(pack.pictures['texture'], rng)
        texture = np.asarray(cv2.resize(texture, (width, height)), np.uint8)
        colours = recoloured(texture, rng).astype(np.float32)
        level = wavy_ramp(height, width, rng)
        inside = (level > rng.uniform(0.3, 0.8)).astype(np.float32)
        alpha = blurred(inside, rng.uniform(0.4, 2.0))[..., None]
        canvas += alpha * (colours * rng.uniform(0.6, 1.0) + 60 * level[..., None] - canvas)
        labels[inside > 0] = number
    return count


def _with_stickers(cutout: Pixels, pack: AssetPack, rng: Generator) -> Pixels:
    """The cut-out with pieces of other pictures on it, which make seams within the object."""
    out: Pixels = cutout.copy()
    height, width = out.shape[:2]
    for _ in range(int(rng.integers(1, 4))):
        h, w = (max(2, int(side * rng.uniform(0.15, 0.6))) for side in (height, width))
        kind = 'texture' if pack.pictures['texture'] and rng.random() < 0.5 else 'background'
        piece = cv2.resize(
            _random_picture(pack.pictures[kind], rng), (w, h), interpolation=cv2.INTER_AREA
        )
        y, x = int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1))
        alpha = _blob(h, w, rng)[..., None] * rng.uniform(0.4, 1.0)
        part = out[y : y + h, x : x + w, :3]
        out[y : y + h, x : x + w, :3] = part + alpha * (piece.astype(np.float32) - part)
    return out


def _blob(height: int, width: int, rng: Generator) -> NDArray[np.float32]:
    """(height, width) 0..1: opacity of a random piece with a smooth or a sharp edge."""
    alpha = np.asarray(_polygon(height, width, rng), np.float32) / np.float32(255)
    if rng.random() < 0.5:
        alpha = blurred(alpha, max(0.5, 0.06 * min(height, width)))
    return alpha


def _random_object(pack: AssetPack, rng: Generator) -> Pixels:
    """An RGBA picture: a cut-out, clip art, or a shape cut out of a texture."""
    chance = rng.random()
    if chance < _CLIPART and pack.pictures['clipart']:
        return _random_picture(pack.pictures['clipart'], rng)
    if chance < _CLIPART + _PATCH and pack.pictures['texture']:
        return _patch(_random_picture(pack.pictures['texture'], rng), rng)
    return _random_picture(pack.pictures['cutout'], rng)


def _random_picture(pictures: list[Pixels], rng: Generator) -> Pixels:
    return pictures[int(rng.integers(len(pictures)))]


def _patch(texture: Pixels, rng: Generator) -> Pixels:
    """(h, w, 4): the texture in the shape of a random polygon or of a smooth blob."""
    height, width = texture.shape[:2]
    alpha = _polygon(height, width, rng)
    if rng.random() < 0.5:
        smooth = cv2.GaussianBlur(alpha, (0, 0), 0.06 * width)
        alpha = np.where(smooth > 127, 255, 0).astype(np.uint8)
    return np.dstack([texture, alpha])


def _polygon(height: int, width: int, rng: Generator) -> Pixels:
    """(height, width) uint8: 255 inside a random polygon around the middle, 0 outside."""
    count = int(rng.integers(3, 10))
    angles = np.sort(rng.uniform(0, 2 * np.pi, count))
    radii = rng.uniform(0.4, 1.0, count)
    points = np.stack([np.cos(angles) * radii, np.sin(angles) * radii], 1) / 2 + 0.5
    alpha: Pixels = np.zeros((height, width), np.uint8)
    cv2.fillPoly(alpha, [(points * (width - 1, height - 1)).astype(np.int32)], 255, cv2.LINE_AA)
    return alpha


def _posed(picture: Pixels, side: float, rng: Generator) -> Pixels:
    """The picture scaled to about `side` px, and stretched, turned, mirrored, recoloured."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    stretch = np.exp(rng.uniform(-0.2, 0.2, 2))
    angle = rng.normal(0, 12) if rng.random() < 0.8 else rng.uniform(-180, 180)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(angle), 1.0)
    flip = -1.0 if rng.random() < 0.5 else 1.0
    matrix = np.diag([scale * stretch[0] * flip, scale * stretch[1]]) @ turn
    corners = matrix[:, :2] @ np.array([[0, width, 0, width], [0, 0, height, height]], float)
    size = np.maximum(3, np.ceil(np.ptp(corners, axis=1))).astype(int)
    matrix[:, 2] = -corners.min(axis=1)
    small = _shrunk(picture, min(1.0, 2 * scale))
    larger = np.array([width / small.shape[1], height / small.shape[0]])
    matrix[:, :2] = matrix[:, :2] * larger
    posed = cv2.warpAffine(small, matrix, [int(s) for s in size], flags=cv2.INTER_LINEAR)
    return recoloured(np.asarray(posed, np.uint8), rng)


def _shrunk(picture: Pixels, scale: float) -> Pixels:
    """The picture scaled down before it is turned, because turning would alias."""
    if scale > 0.7:
        return picture
    size = [max(2, round(s * scale)) for s in picture.shape[1::-1]]
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _paste(
    canvas: NDArray[np.float32], labels: Pixels, cutout: Pixels, number: int, rng: Generator
) -> None:
    """Pastes and labels the cut-out at a random place, which may lie partly outside."""
    height, width = labels.shape
    h, w = cutout.shape[:2]
    y = int(rng.integers(-h // 4, max(height - 3 * h // 4, -h // 4 + 1)))
    x = int(rng.integers(-w // 4, max(width - 3 * w // 4, -w // 4 + 1)))
    rows, columns = slice(max(0, y), min(height, y + h)), slice(max(0, x), min(width, x + w))
    part = cutout[rows.start - y : rows.stop - y, columns.start - x : columns.stop - x]
    if not part.size:
        return
    if rng.random() < 0.3:
        cast_shadow(canvas, part[..., 3], rows, columns, rng)
    alpha = np.asarray(part[..., 3], np.float32) / np.float32(255)
    colours = part[..., :3].astype(np.float32)
    if rng.random() < 0.5:
        alpha = blurred(alpha, rng.uniform(0.4, 1.4))
        colours = blurred(colours, rng.uniform(0.3, 1.2))
    if rng.random() < _CAMOUFLAGED:
        colours = colour_matched(colours, alpha, canvas[rows, columns], rng)
    canvas[rows, columns] += alpha[..., None] * (colours - canvas[rows, columns])
    labels[rows, columns][part[..., 3] > 127] = number
