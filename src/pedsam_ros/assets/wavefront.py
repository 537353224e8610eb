"""Reads textured meshes of Wavefront .obj and .mtl files into arrays."""

from __future__ import annotations

import itertools
import posixpath
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pedsam_ros.assets.cutouts import Image
from pedsam_ros.assets.files import Tree
from pedsam_ros.core.errors import BadImage

Floats = NDArray[np.float32]
Indices = NDArray[np.int32] | NDArray[np.int64]
Corner = tuple[int, int, int]  # indices into v, vt and vn
Triangle = tuple[Corner, Corner, Corner]

CLEAR = 0.3  # parts whose material is less opaque than this are left out
CREASE = 0.5  # cosine of the largest angle between faces that count as one round surface
GREY = (0.7, 0.7, 0.7)  # BGR of a material without a colour


@dataclass(frozen=True, slots=True)
class Material:
    """One `newmtl` section of a .mtl file."""

    colour: Floats  # (3,) BGR, 0..1
    opacity: float = 1.0
    shine: float = 0.0  # strength of highlights, 0..1
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
    """The contents of an .obj file. The first entries of vt and vn stand for "not given"."""

    v: list[list[float]] = field(default_factory=list)
    vt: list[list[float]] = field(default_factory=lambda: [[0.0, 0.0]])
    vn: list[list[float]] = field(default_factory=lambda: [[0.0, 0.0, 0.0]])
    triangles: dict[str, list[Triangle]] = field(default_factory=lambda: defaultdict(list))
    libraries: list[str] = field(default_factory=list)


def read_obj(tree: Tree, path: str) -> list[Part]:
    """The visible parts of a model, one for each material.

    Raises BadImage if the model has no visible triangle, ConfigError if a file is missing.
    """
    lists = _parsed(tree.read(path).decode('utf-8', 'replace'))
    folder = posixpath.dirname(path)
    materials: dict[str, Material] = {}
    for library in lists.libraries:
        materials.update(_materials(tree, f'{folder}/{library}'))
    default = Material(np.asarray(GREY, np.float32))
    parts = [_part(lists, tri, materials.get(n, default)) for n, tri in lists.triangles.items()]
    seen = [part for part in parts if part.material.opacity >= CLEAR]
    if not seen:
        raise BadImage('a model without triangles')
    return seen


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
            lists.triangles[material].extend(_fan([_corner(each, lists) for each in rest]))
        elif word == 'usemtl':
            material = ' '.join(rest)
        elif word == 'mtllib':
            lists.libraries.append(' '.join(rest))
    return lists


def _corner(text: str, lists: _Lists) -> Corner:
    """Reads 'v/vt/vn'; an index of vt or vn that is not given is 0."""
    v, vt, vn = ([int(each or 0) for each in text.split('/')] + [0, 0])[:3]
    v = v - 1 if v > 0 else len(lists.v) + v
    return v, (vt if vt >= 0 else len(lists.vt) + vt), (vn if vn >= 0 else len(lists.vn) + vn)


def _fan(corners: list[Corner]) -> Iterator[Triangle]:
    """Splits a polygon into triangles that share its first corner."""
    for second, third in itertools.pairwise(corners[1:]):
        yield corners[0], second, third


def _part(lists: _Lists, triangles: list[Triangle], material: Material) -> Part:
    index = np.asarray(triangles).reshape(-1, 3, 3)
    corners = np.asarray(lists.v, np.float32)[index[..., 0]]
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    given = np.asarray(lists.vn, np.float32)[index[..., 2]]
    normals = np.where(index[..., 2:] > 0, given, _smooth(flat, index[..., 0])).astype(np.float32)
    return Part(corners, normals, np.asarray(lists.vt, np.float32)[index[..., 1]], material)


def _smooth(flat: Floats, index: Indices) -> Floats:
    """(N, 3, 3) normals of corners from the normals of faces, (N, 3).

    A corner gets the mean over the faces that meet there where these are nearly parallel, and its
    own face's normal elsewhere.
    """
    total = np.zeros((index.max() + 1, 3), np.float32)
    for corner in range(3):
        np.add.at(total, index[:, corner], flat)
    mean = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
    own = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    corners = mean[index]
    is_round = (corners * own[:, None]).sum(axis=-1, keepdims=True) > CREASE
    return np.where(is_round, corners, own[:, None])


def _materials(tree: Tree, path: str) -> dict[str, Material]:
    """The materials of a .mtl file by name."""
    found: dict[str, Material] = {}
    name = ''
    for line in tree.read(path).decode('utf-8', 'replace').splitlines():
        word, *rest = line.split() or ['']
        if word == 'newmtl':
            name = ' '.join(rest)
            found[name] = Material(np.asarray(GREY, np.float32))
        elif name:
            found[name] = _with_property(tree, path, found[name], word, rest)
    return found


def _with_property(
    tree: Tree, path: str, material: Material, word: str, rest: list[str]
) -> Material:
    """The material after one more line of its section; lines that we do not use change nothing."""
    if word == 'Kd':
        return replace(material, colour=np.asarray(rest[:3], np.float32)[::-1])
    if word == 'Ks':
        return replace(material, shine=float(np.mean(np.asarray(rest[:3], np.float32))))
    if word == 'd':
        return replace(material, opacity=float(rest[-1]))
    if word == 'map_Kd':
        texture = tree.image(f'{posixpath.dirname(path)}/{" ".join(rest)}')
        return replace(material, texture=texture)
    return material
