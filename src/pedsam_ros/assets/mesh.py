"""Textured meshes of Wavefront .obj files, as arrays; and people among them who take a step."""

from __future__ import annotations

import itertools
import posixpath
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pedsam_ros.assets.files import Tree
from pedsam_ros.assets.masks import Image
from pedsam_ros.core.errors import BadImage

Floats = NDArray[np.float32]

CLEAR = 0.3  # materials with less opacity are left out
HIP, KNEE = 0.5, 0.27  # heights, as parts of a standing person's
BLEND = 0.06  # half the height over which a joint bends, likewise
SLICE = 0.04  # of legs, likewise
SEAM = 0.008  # half the width of what is neither left nor right, likewise
CREASE = 0.5  # cosine of the angle up to which faces count as one round surface


@dataclass(frozen=True, slots=True)
class Material:
    """What one `newmtl` says."""

    colour: Floats  # (3,) BGR, 0..1
    opacity: float = 1.0
    shine: float = 0.0  # of highlights, 0..1
    texture: Image | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Triangles of one material: (N, 3, 3) corners, (N, 3, 3) normals, (N, 3, 2) texture u, v."""

    corners: Floats
    normals: Floats
    uv: Floats
    material: Material


@dataclass(slots=True)
class _Lists:
    """What the lines of an .obj add up to."""

    v: list[list[float]] = field(default_factory=list)
    vt: list[list[float]] = field(default_factory=lambda: [[0.0, 0.0]])
    vn: list[list[float]] = field(default_factory=lambda: [[0.0, 0.0, 0.0]])
    faces: dict[str, list[list[tuple[int, int, int]]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    libraries: list[str] = field(default_factory=list)


def read_obj(tree: Tree, path: str) -> list[Part]:
    """The parts of a model that can be seen. Raises BadImage if there is none."""
    lists = _parsed(tree.read(path).decode('utf-8', 'replace'))
    folder = posixpath.dirname(path)
    materials: dict[str, Material] = {}
    for library in lists.libraries:
        materials.update(_materials(tree, f'{folder}/{library}'))
    default = Material(np.full(3, 0.7, np.float32))
    parts = [_part(lists, tri, materials.get(n, default)) for n, tri in lists.faces.items()]
    seen = [part for part in parts if part.material.opacity >= CLEAR]
    if not seen:
        raise BadImage('a model without triangles')
    return seen


def step(parts: list[Part], swing_rad: float) -> list[Part]:
    """A standing person (y up, facing z) in mid-stride: one leg ahead, the other behind, bent."""
    corners = np.concatenate([part.corners.reshape(-1, 3) for part in parts])
    floor, height = corners[:, 1].min(), np.ptp(corners[:, 1])
    low = corners[corners[:, 1] < floor + 0.4 * height]
    middle = np.array([np.median(low[:, 0]), floor, np.median(low[:, 2])], np.float32)
    legs = _legs((low - middle) / height)
    return [
        replace(part, corners=_stepped((part.corners - middle) / height, legs, swing_rad) * height)
        for part in parts
    ]


def _legs(low: Floats) -> Floats:
    """(slices, 4) of the legs' points: x and z of the middles of the right and the left leg."""
    found = []
    for bottom in np.arange(0, 0.4, SLICE):
        xz = low[(low[:, 1] >= bottom) & (low[:, 1] < bottom + 2 * SLICE)][:, [0, 2]]
        right, left = xz[xz[:, 0].argmin()], xz[xz[:, 0].argmax()]
        for _ in range(8):  # two means
            first = np.linalg.norm(xz - right, axis=1) < np.linalg.norm(xz - left, axis=1)
            right, left = xz[first].mean(axis=0), xz[~first].mean(axis=0)
        found.append([*right, *left])
    return np.asarray(found, np.float32)


def _stepped(body: Floats, legs: Floats, swing_rad: float) -> Floats:
    slice_ = np.clip(body[..., 1] / SLICE, 0, len(legs) - 1).astype(int)
    right, left = legs[slice_][..., :2], legs[slice_][..., 2:]
    apart = (left - right) / np.linalg.norm(left - right, axis=-1, keepdims=True)
    offset = ((body[..., [0, 2]] - (left + right) / 2) * apart).sum(axis=-1)
    side = np.clip(offset / SEAM, -1, 1)  # legs swing in opposite ways, the crotch not at all
    knee = _bend(body, KNEE, np.where(side * swing_rad < 0, -1.2 * abs(swing_rad), 0))
    return _bend(knee, HIP, side * swing_rad).astype(np.float32)


def _bend(body: Floats, joint: float, angle: Floats) -> Floats:
    """Turns what is below the joint around the joint's axis, x."""
    weight = np.clip((joint + BLEND - body[..., 1]) / (2 * BLEND), 0, 1)
    cos, sin = np.cos(angle * weight), np.sin(angle * weight)
    y, z = body[..., 1] - joint, body[..., 2]
    return np.stack([body[..., 0], joint + cos * y + sin * z, cos * z - sin * y], axis=-1)


def _parsed(text: str) -> _Lists:
    lists, material = _Lists(), ''
    for line in text.splitlines():
        word, *rest = line.split() or ['']
        if word == 'v':
            lists.v.append([float(number) for number in rest[:3]])
        elif word == 'vt':
            lists.vt.append([float(number) for number in rest[:2]])
        elif word == 'vn':
            lists.vn.append([float(number) for number in rest[:3]])
        elif word == 'f':
            lists.faces[material].extend(_fan([_corner(each, lists) for each in rest]))
        elif word == 'usemtl':
            material = ' '.join(rest)
        elif word == 'mtllib':
            lists.libraries.append(' '.join(rest))
    return lists


def _corner(text: str, lists: _Lists) -> tuple[int, int, int]:
    """Indices into v, vt and vn from 'v/vt/vn'; vt and vn are 0 where absent."""
    v, vt, vn = ([int(each or 0) for each in text.split('/')] + [0, 0])[:3]
    v = v - 1 if v > 0 else len(lists.v) + v
    return v, (vt if vt >= 0 else len(lists.vt) + vt), (vn if vn >= 0 else len(lists.vn) + vn)


def _fan(corners: list[tuple[int, int, int]]) -> Iterator[list[tuple[int, int, int]]]:
    for second, third in itertools.pairwise(corners[1:]):
        yield [corners[0], second, third]


def _part(lists: _Lists, faces: list[list[tuple[int, int, int]]], material: Material) -> Part:
    index = np.asarray(faces).reshape(-1, 3, 3)
    corners = np.asarray(lists.v, np.float32)[index[..., 0]]
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    given = np.asarray(lists.vn, np.float32)[index[..., 2]]
    normals = np.where(index[..., 2:] > 0, given, _smooth(flat, index[..., 0])).astype(np.float32)
    return Part(corners, normals, np.asarray(lists.vt, np.float32)[index[..., 1]], material)


def _smooth(flat: Floats, index: NDArray[np.int_]) -> Floats:
    """(N, 3, 3): normals of corners from those of faces, (N, 3), where the surface is round."""
    total = np.zeros((index.max() + 1, 3), np.float32)
    for corner in range(3):
        np.add.at(total, index[:, corner], flat)
    mean = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
    own = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    corners = mean[index]
    is_round = (corners * own[:, None]).sum(axis=-1, keepdims=True) > CREASE
    return np.where(is_round, corners, own[:, None])


def _materials(tree: Tree, path: str) -> dict[str, Material]:
    found: dict[str, Material] = {}
    name = ''
    for line in tree.read(path).decode('utf-8', 'replace').splitlines():
        word, *rest = line.split() or ['']
        if word == 'newmtl':
            name = ' '.join(rest)
            found[name] = Material(np.full(3, 0.7, np.float32))
        elif name:
            found[name] = replace(found[name], **_property(tree, path, word, rest))
    return found


def _property(tree: Tree, path: str, word: str, rest: list[str]) -> dict[str, object]:
    if word == 'Kd':
        return {'colour': np.asarray(rest[:3], np.float32)[::-1]}
    if word == 'Ks':
        return {'shine': float(np.mean(np.asarray(rest[:3], np.float32)))}
    if word == 'd':
        return {'opacity': float(rest[-1])}
    if word == 'map_Kd':
        return {'texture': tree.image(f'{posixpath.dirname(path)}/{" ".join(rest)}')}
    return {}
