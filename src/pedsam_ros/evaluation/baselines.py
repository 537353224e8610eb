"""Models that a real one must beat: the prompt's box as the mask, and SAM on a blurred image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from pedsam_ros.core.errors import BadPrompt, ConfigError
from pedsam_ros.core.types import Frame, Mask, Masks, Pixels, Prompt
from pedsam_ros.evaluation import rle
from pedsam_ros.evaluation.protocol import Segmenter

REFERENCE_PX = 1024  # long side of the image for which sigma is given: that of SAM's canvas


class BoxItself:
    """Answers a box with that box, and cannot answer a point."""

    def encode(self, frame: Frame) -> Frame:
        """The frame itself: there is nothing to encode."""
        return frame

    def decode(self, encoded: Frame, prompts: Sequence[Prompt]) -> Masks:
        """One mask for each prompt: its box. Raises BadPrompt for a prompt without a box."""
        height, width = encoded.rgb.shape[:2]
        masks = tuple(_filled(p, i, height, width) for i, p in enumerate(prompts))
        return Masks(encoded.key, height, width, 'box', masks)


@dataclass(frozen=True, slots=True, eq=False)
class Blurred:
    """A model that gets every image blurred. `sigma` is that of `blurred`. Raises ConfigError."""

    model: Segmenter
    sigma: float

    def __post_init__(self) -> None:
        if not 0 < self.sigma <= REFERENCE_PX:
            raise ConfigError(f'sigma={self.sigma}: above 0, at most {REFERENCE_PX} px')

    def encode(self, frame: Frame) -> Any:
        """Blurs the frame, then encodes it."""
        return self.model.encode(replace(frame, rgb=blurred(frame.rgb, self.sigma)))

    def decode(self, encoded: Any, prompts: Sequence[Prompt]) -> Masks:
        """Decodes as the model does."""
        return self.model.decode(encoded, prompts)


def blurred(rgb: Pixels, sigma: float) -> Pixels:
    """(H, W, 3) uint8: the image after a Gaussian blur, at its own size.

    `sigma` is in px of the image scaled to a long side of REFERENCE_PX, so that equal numbers hide
    equal details of the view in images of any size.
    """
    own_px = sigma * max(rgb.shape[:2]) / REFERENCE_PX
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), own_px), np.uint8)


def _filled(prompt: Prompt, number: int, height: int, width: int) -> Mask:
    if prompt.box is None:
        raise BadPrompt('prompt without a box: the box itself is no answer to it')
    x0, y0, x1, y1 = map(round, prompt.box)
    shape = np.zeros((height, width), bool)
    shape[y0:y1, x0:x1] = True
    return rle.mask_of(shape, number)
