"""Makes a standing person of a mesh walk: swings the legs about the hips and bends the knees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pedsam_ros.assets.wavefront import Floats, Part

# Lengths are parts of the standing person's height.
HIP, KNEE = 0.5, 0.27  # heights of the joints
BLEND = 0.06  # half the height over which a joint bends
SLICE = 0.04  # height of the slices in which the legs are told apart
SEAM = 0.008  # half the width of the strip between the legs, which does not move


def step(parts: list[Part], swing_rad: float) -> list[Part]:
    """The person in mid-stride: one leg ahead, the other behind and bent.

    The model must stand upright along y and face z. A negative swing puts the other leg ahead.
    """
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
    """(slices, 4) from the points of the legs: x, z of the right leg's middle, then the left's."""
    found = []
    for bottom in np.arange(0, 0.4, SLICE):
        xz = low[(low[:, 1] >= bottom) & (low[:, 1] < bottom + 2 * SLICE)][:, [0, 2]]
        right, left = xz[xz[:, 0].argmin()], xz[xz[:, 0].argmax()]
        for _ in range(8):  # two-means clustering
            first = np.linalg.norm(xz - right, axis=1) < np.linalg.norm(xz - left, axis=1)
            right, left = xz[first].mean(axis=0), xz[~first].mean(axis=0)
        found.append([*right, *left])
    return np.asarray(found, np.float32)


def _stepped(body: Floats, legs: Floats, swing_rad: float) -> Floats:
    slice_ = np.clip(body[..., 1] / SLICE, 0, len(legs) - 1).astype(int)
    right, left = legs[slice_][..., :2], legs[slice_][..., 2:]
    apart = (left - right) / np.linalg.norm(left - right, axis=-1, keepdims=True)
    offset = ((body[..., [0, 2]] - (left + right) / 2) * apart).sum(axis=-1)
    side = np.clip(offset / SEAM, -1, 1)  # the legs swing opposite ways, the crotch stays
    knee = _bend(body, KNEE, np.where(side * swing_rad < 0, -1.2 * abs(swing_rad), 0))
    return _bend(knee, HIP, side * swing_rad).astype(np.float32)


def _bend(body: Floats, joint: float, angle: Floats) -> Floats:
    """Turns everything below the joint's height around the x axis through the joint."""
    weight = np.clip((joint + BLEND - body[..., 1]) / (2 * BLEND), 0, 1)
    cos, sin = np.cos(angle * weight), np.sin(angle * weight)
    y, z = body[..., 1] - joint, body[..., 2]
    return np.stack([body[..., 0], joint + cos * y + sin * z, cos * z - sin * y], axis=-1)
