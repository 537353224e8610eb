"""Changes how a training scene looks: colours, shadows, focus, and the marks of a camera."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pedsam_ros.core.types import Pixels


def recoloured(picture: Pixels, rng: Generator) -> Pixels:
    """(h, w, 4) RGBA: the picture in another light, rarely with its colours exchanged."""
    out: Pixels = picture.copy()
    gain = np.exp(rng.normal(0, 0.12, 3) + rng.normal(0, 0.25))
    if rng.random() < 0.15:
        out[..., :3] = out[..., rng.permutation(3)]
    light = out[..., :3] * gain + rng.normal(0, 10)
    out[..., :3] = np.clip(light, 0, 255)
    return out


def dressed(picture: Pixels, rng: Generator) -> Pixels:
    """(h, w, 4) RGBA: parts of the picture in plain colours, like clothes or panels."""
    out: Pixels = picture.copy()
    cuts = np.sort(rng.uniform(0, 1, int(rng.integers(1, 4))))
    part = np.searchsorted(cuts, wavy_ramp(picture.shape[0], picture.shape[1], rng))
    for number in range(1, len(cuts) + 1):
        here = part == number
        bright = picture[here, :3].mean(1, keepdims=True, dtype=np.float32)
        plain = rng.uniform(20, 235, 3) * (0.4 + bright / np.float32(200))
        share = rng.uniform(0.5, 0.95)
        out[here, :3] = np.clip((1 - share) * picture[here, :3] + share * plain, 0, 255)
    return out


def wavy_ramp(height: int, width: int, rng: Generator) -> NDArray[np.float32]:
    """(height, width): rises from about 0 to 1 across the picture, mostly downwards.

    Lines of equal height are wavy.
    """
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(0, 1, width, dtype=np.float32)[None]
    along, over = (y, x) if rng.random() < 0.7 else (x, y)
    if rng.random() < 0.5:
        along = 1 - along
    wave = rng.normal(0, 0.05) * np.sin(2 * np.pi * (rng.uniform(0.5, 3) * over + rng.random()))
    return np.asarray(along + rng.normal(0, 0.15) * over + wave, np.float32)


def colour_matched(
    colours: NDArray[np.float32],
    alpha: NDArray[np.float32],
    behind: NDArray[np.float32],
    rng: Generator,
) -> NDArray[np.float32]:
    """(h, w, 3) colours, moved towards the mean and the contrast of what is behind them.

    `alpha` (h, w) is 0..1 and tells which pixels belong to the object; `behind` is (h, w, 3).
    """
    inside = alpha > 0.5
    if not inside.any():
        return colours
    own, other = colours[inside], behind.reshape(-1, 3)
    wanted = (colours - own.mean(0)) * (other.std(0) + 5) / (own.std(0) + 5) + other.mean(0)
    share = rng.uniform(0.3, 0.8)
    return np.asarray((1 - share) * colours + share * wanted, np.float32)


def cast_shadow(
    canvas: NDArray[np.float32], alpha: Pixels, rows: slice, columns: slice, rng: Generator
) -> None:
    """Darkens the canvas by a soft shadow, a little beside the object.

    `alpha` (h, w) uint8 is the object's opacity; `rows` and `columns` are its place on the canvas.
    """
    size = max(2.0, 0.08 * max(alpha.shape))
    move = np.array([[1, 0, rng.normal(0, size)], [0, 1, abs(rng.normal(0, size))]], np.float32)
    height, width = alpha.shape
    shadow = cv2.warpAffine(alpha.astype(np.float32) / 255, move, (width, height))
    dark = blurred(np.asarray(shadow, np.float32), size) * rng.uniform(0.2, 0.6)
    canvas[rows, columns] *= 1 - dark[..., None]


def as_camera(canvas: NDArray[np.float32], rng: Generator) -> Pixels:
    """(H, W, 3) uint8: the scene after random white balance, exposure, blur, noise and JPEG."""
    gain = np.exp(rng.normal(0, 0.06, 3) + rng.normal(0, 0.15))
    picture: NDArray[np.float32] = canvas * gain.astype(np.float32)
    if rng.random() < 0.1:
        picture[:] = picture.mean(2, keepdims=True)
    if rng.random() < 0.3:
        picture = blurred(picture, rng.uniform(0.3, 1.2))
    if rng.random() < 0.4:
        noise = rng.standard_normal(picture.shape, np.float32) * np.float32(rng.uniform(1, 8))
        picture = picture + noise
    rgb = np.clip(picture, 0, 255).astype(np.uint8)
    return _as_jpeg(rgb, int(rng.integers(40, 95))) if rng.random() < 0.4 else rgb


def _as_jpeg(rgb: Pixels, quality: int) -> Pixels:
    """The picture after JPEG compression; for this the order of channels does not matter."""
    packed = cv2.imencode('.jpg', rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def blurred(picture: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """The picture, (h, w) or (h, w, C), after a Gaussian blur."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), np.float32)
