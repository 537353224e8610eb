"""Draws textured meshes as cut-outs: a small renderer in numpy that needs no GPU and no window.

It covers each triangle with sample points that lie closer than a pixel; at each pixel the point
nearest to the eye wins. Equal inputs give equal bytes on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pedsam_ros.assets.cutouts import Image
from pedsam_ros.assets.wavefront import Floats, Indices, Material, Part

SPACING_PX = 0.7  # of the sample points
CHUNK = 1 << 19  # sample points computed at once
AMBIENT, DIFFUSE, GLINT = 0.5, 0.62, 110  # strengths of the light
EYE = 3.2  # distance of the eye, in radii of the model


@dataclass(frozen=True, slots=True)
class View:
    """Yaw and pitch of the eye, and a unit vector, (3,), from the model to the light."""

    yaw_rad: float
    pitch_rad: float
    light: Floats


def some_views(seed: int, count: int, pitch_deg: tuple[float, float]) -> list[View]:
    """Views from all around, `pitch_deg` (from, to) above the horizon, each lit from above.

    Equal seeds give equal views.
    """
    rng = np.random.default_rng(seed)
    turns = (np.arange(count) + rng.uniform(-0.35, 0.35, count) + rng.uniform()) / count
    views = []
    for turn in turns:
        light = np.array([rng.normal(0, 0.6), rng.uniform(0.3, 1), rng.uniform(0.2, 1)])
        pitch_rad = np.deg2rad(rng.uniform(*pitch_deg))
        light = (light / np.linalg.norm(light)).astype(np.float32)
        views.append(View(float(2 * np.pi * turn), float(pitch_rad), light))
    return views


def render(parts: list[Part], view: View, side_px: int) -> Image:
    """(side, side, 4) BGRA picture of the model, which fills the square up to a small margin."""
    canvas = _Canvas(side_px)
    parts = _seen(parts, view, side_px)
    for number, part in enumerate(parts):
        for chosen, weights in _samples(part.corners):
            canvas.add(part, number, chosen, weights)
    for number, part in enumerate(parts):
        canvas.paint(part, number, view.light)
    return canvas.picture.reshape(side_px, side_px, 4)


class _Canvas:
    """The nearest point at each pixel, as part, triangle and weights; and the picture."""

    def __init__(self, side_px: int) -> None:
        self._side_px, count = side_px, side_px * side_px
        self._depth = np.full(count, np.inf, np.float32)
        self._part = np.full(count, -1, np.int32)
        self._triangle = np.zeros(count, np.int32)
        self._weights = np.zeros((count, 3), np.float32)
        self.picture = np.zeros((count, 4), np.uint8)

    def add(self, part: Part, number: int, chosen: Indices, weights: Floats) -> None:
        """Adds sample points: on each `chosen` triangle, (P, 3) `weights` of its corners."""
        points = np.einsum('pc,tcd->tpd', weights, part.corners[chosen]).reshape(-1, 3)
        pixel = points[:, 1].astype(np.int32) * self._side_px + points[:, 0].astype(np.int32)
        far = points[:, 2]
        keep = np.flatnonzero(far < self._depth[pixel])
        triangle, weight = chosen[keep // len(weights)], weights[keep % len(weights)]
        solid = _painted(part.material, _mixed(part.uv, triangle, weight), alpha=True) > 127
        order = np.argsort(-far[keep[solid]], kind='stable')  # the last point of a pixel stays
        nearest = pixel[keep[solid]][order]
        self._depth[nearest] = far[keep[solid]][order]
        self._part[nearest] = number
        self._triangle[nearest] = triangle[solid][order]
        self._weights[nearest] = weight[solid][order]

    def paint(self, part: Part, number: int, light: Floats) -> None:
        """Colours the pixels where this part is nearest. Both sides of a face look alike."""
        pixel = np.flatnonzero(self._part == number)
        triangle, weights = self._triangle[pixel], self._weights[pixel]
        normal = _mixed(part.normals, triangle, weights)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
        normal *= np.where(normal[:, 2:] < 0, -1, 1)
        half = light + np.array([0, 0, 1], np.float32)
        glint = np.maximum(normal @ (half / np.linalg.norm(half)), 0) ** 40
        lit = AMBIENT + DIFFUSE * np.maximum(normal @ light, 0) + 0.1 * normal[:, 1]
        bgr = _painted(part.material, _mixed(part.uv, triangle, weights)) * lit[:, None]
        bgr += GLINT * min(part.material.shine, 0.5) * glint[:, None]
        self.picture[pixel, :3] = np.clip(bgr, 0, 255)
        self.picture[pixel, 3] = 255


def _mixed(values: Floats, triangle: Indices, weights: Floats) -> Floats:
    """(n, D) weighted means of the corners' values, (N, 3, D), for n triangles and n weights."""
    mixed: Floats = np.einsum('nc,ncd->nd', weights, values[triangle])
    return mixed


def _seen(parts: list[Part], view: View, side_px: int) -> list[Part]:
    """The parts as the eye sees them: corners as x, y in pixels and depth, normals turned.

    Corner 0 of each triangle becomes the one across from its shortest edge.
    """
    turn = _turn(view)
    corners = [part.corners for part in parts]
    every = np.concatenate([each.reshape(-1, 3) for each in corners])
    centre = (every.min(axis=0) + every.max(axis=0)) / 2
    distance = EYE * float(np.linalg.norm(every - centre, axis=1).max())
    flat = [_projected((each - centre) @ turn.T, distance) for each in corners]
    xy = np.concatenate([each[..., :2].reshape(-1, 2) for each in flat])
    low, high = xy.min(axis=0), xy.max(axis=0)
    scale = np.array([(side_px - 5) / (high - low).max()] * 2 + [1], np.float32)
    shift = np.append(2.5 - low * scale[:2], 0).astype(np.float32)
    return [
        _ordered(replace(part, corners=each * scale + shift, normals=part.normals @ turn.T))
        for part, each in zip(parts, flat, strict=True)
    ]


def _projected(eye: Floats, distance: float) -> Floats:
    depth = distance - eye[..., 2:]
    return np.concatenate([eye[..., :1] / depth, -eye[..., 1:2] / depth, depth], axis=-1)


def _ordered(part: Part) -> Part:
    across = np.linalg.norm(
        np.roll(part.corners, -1, axis=1)[..., :2] - np.roll(part.corners, -2, axis=1)[..., :2],
        axis=-1,
    )
    order = ((across.argmin(axis=1)[:, None] + np.arange(3)) % 3)[..., None]
    corners, normals, uv = (
        np.take_along_axis(each, order, axis=1) for each in (part.corners, part.normals, part.uv)
    )
    return replace(part, corners=corners, normals=normals, uv=uv)


def _turn(view: View) -> Floats:
    """(3, 3) matrix from the model's axes to the eye's: x right, y up, z towards the eye."""
    cy, sy = np.cos(view.yaw_rad), np.sin(view.yaw_rad)
    cp, sp = np.cos(view.pitch_rad), np.sin(view.pitch_rad)
    yaw = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    return np.asarray(pitch @ yaw, np.float32)


def _samples(corners: Floats) -> Iterator[tuple[Indices, Floats]]:
    """Yields triangles of similar size, as indices, with the weights (P, 3) of points on them."""
    along = np.linalg.norm(corners[:, 1:, :2] - corners[:, :1, :2], axis=-1).max(axis=1)
    across = np.linalg.norm(corners[:, 1, :2] - corners[:, 2, :2], axis=-1)
    size = np.stack([_octave(along), _octave(across)], axis=1)
    for each in np.unique(size, axis=0):
        same = np.flatnonzero((size == each).all(axis=1))
        weights = _grid(*np.ceil(2 ** (each / 2)).astype(int))
        count = max(1, CHUNK // len(weights))
        for start in range(0, len(same), count):
            yield same[start : start + count], weights


def _octave(length_px: Floats) -> NDArray[np.int64]:
    """The number of steps along a length, in half octaves, rounded up."""
    octaves = np.log2(np.maximum(length_px / SPACING_PX, 1)) * 2
    return np.asarray(np.ceil(octaves), np.int64)


def _grid(along: int, across: int) -> Floats:
    """(P, 3) weights: `along` steps away from corner 0, `across` steps from corner 1 to 2."""
    far, side = np.meshgrid(np.linspace(0, 1, along + 1), np.linspace(0, 1, across + 1))
    weights = np.stack([1 - far, far * (1 - side), far * side], axis=-1)
    return weights.reshape(-1, 3).astype(np.float32)


def _painted(material: Material, uv: Floats, alpha: bool = False) -> Floats:
    """(n, 3) BGR of the unlit material at `uv`, (n, 2); or its alpha, (n,). Both 0..255."""
    texture = material.texture
    if alpha and (texture is None or texture.ndim < 3 or texture.shape[2] < 4):
        return np.full(len(uv), 255, np.float32)
    if texture is None:  # the root brightens the colour: the light will darken it
        return np.tile(np.sqrt(material.colour) * 235, (len(uv), 1)).astype(np.float32)
    height, width = texture.shape[:2]
    row = np.floor((1 - uv[:, 1]) % 1 * height).astype(int) % height
    column = np.floor(uv[:, 0] % 1 * width).astype(int) % width
    texel: Floats = texture[row, column].astype(np.float32)
    if alpha:
        return texel[:, 3]
    return texel[:, :3] if texel.ndim == 2 else np.repeat(texel[:, None], 3, axis=1)
