"""Converts masks to and from COCO's run lengths, and computes the IoU of two masks.

pycocotools packs run lengths into bytes; those of core.types.Mask are plain numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from pedsam_ros.core.pictures import tight_box
from pedsam_ros.core.run_lengths import run_lengths
from pedsam_ros.core.types import Mask

Rle: TypeAlias = 'dict[str, Any]'  # of pycocotools: size [H, W] and counts, packed bytes


def encode(shape: NDArray[np.bool_]) -> Rle:
    """(H, W) bool -> packed run lengths."""
    packed: Rle = coco.encode(np.asfortranarray(shape, np.uint8))
    return packed


def decode(rle: Rle) -> NDArray[np.bool_]:
    """Inverse of `encode`."""
    with warnings.catch_warnings():  # pycocotools 2.0.11 uses an interface that numpy 2 deprecates
        warnings.filterwarnings('ignore', '__array__', DeprecationWarning)
        return np.asarray(coco.decode(rle), bool)


def iou(found: Mask, true: Rle) -> float:
    """Intersection over union, 0..1, of two masks of the same image; `true` must not be empty.

    The rule is COCO's for objects that are not crowds. Source: pycocotools mask.py.
    """
    return float(ious([found], [true])[0, 0])


def ious(found: Sequence[Mask], true: Sequence[Rle]) -> NDArray[np.float64]:
    """(n, m) `iou` of each of n masks with each of m others; all are of one image."""
    if not found or not true:
        return np.zeros((len(found), len(true)))
    size = true[0]['size']
    return np.asarray(coco.iou([packed(each, size) for each in found], true, [0] * len(true)))


def packed(mask: Mask, size: Sequence[int]) -> Rle:
    """A mask of an image of (height, width) px as packed run lengths."""
    plain = {'size': list(size), 'counts': list(mask.counts)}
    runs: Rle = coco.frPyObjects(plain, *size)
    return runs


def mask_of(shape: NDArray[np.bool_], prompt: int = -1) -> Mask:
    """(H, W) bool -> a mask with score and stability 1; inverse of core.pictures.binary."""
    counts = run_lengths(shape)
    return Mask(prompt, 1.0, 1.0, tight_box(shape), sum(counts[1::2]), counts)
