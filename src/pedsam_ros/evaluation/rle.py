"""Masks as COCO run lengths, and how far two of them agree: the one place that compares masks.

pycocotools packs run lengths into a string; ours (core.types.Mask) are plain numbers.
"""

from __future__ import annotations

import warnings
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from pedsam_ros.core.pictures import tight_box
from pedsam_ros.core.types import Mask

Rle: TypeAlias = 'dict[str, Any]'  # size: [H, W], counts: bytes, as pycocotools has it


def encode(shape: NDArray[np.bool_]) -> Rle:
    """(H, W) bool -> packed run lengths."""
    packed: Rle = coco.encode(np.asfortranarray(shape, np.uint8))
    return packed


def decode(rle: Rle) -> NDArray[np.bool_]:
    """Inverse of `encode`."""
    with warnings.catch_warnings():  # pycocotools 2.0.11 speaks to numpy 2 in numpy 1's way
        warnings.filterwarnings('ignore', '__array__', DeprecationWarning)
        return np.asarray(coco.decode(rle), bool)


def iou(found: Mask, true: Rle) -> float:
    """Intersection over union, 0..1; both masks of the same image, `true` not empty.

    The rule is that of COCO for objects that are no crowd. Source: pycocotools mask.py.
    """
    plain = {'size': true['size'], 'counts': list(found.counts)}
    packed = coco.frPyObjects(plain, *true['size'])
    return float(coco.iou([packed], [true], [0])[0, 0])


def mask_of(shape: NDArray[np.bool_], prompt: int = -1) -> Mask:
    """(H, W) bool -> a mask of ours, as certain as can be; inverse of core.pictures.binary."""
    flat = shape.T.reshape(-1)
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    bounds = [0, *changes.tolist(), flat.size]
    if flat[0]:
        bounds = [0, *bounds]
    counts = tuple(np.diff(bounds).tolist())
    return Mask(prompt, 1.0, 1.0, tight_box(shape), int(flat.sum()), counts)
