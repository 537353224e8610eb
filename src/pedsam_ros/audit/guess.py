"""From a view to what the network of the learned attack is given, and back to a picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pedsam_ros.audit import laplace
from pedsam_ros.audit.attack import Picture, Seen
from pedsam_ros.audit.unet import CANVAS_PX

_FADE_PX = 1.5  # the network has its full say a few times as far from what was seen
_LEAST_SPREAD = 8.0  # grey levels: below it a picture counts as flat


@dataclass(frozen=True, slots=True, eq=False)
class Guess:
    """A harmonic fill and what the network needs beside it, at any size."""

    fill: Picture  # (H, W, 3), 0..255
    seen: Seen
    distance: NDArray[np.float32]  # (H, W): to the nearest seen pixel, in px of CANVAS_PX
    centre: NDArray[np.float32]  # (3,): the mean seen colour
    spread: float  # of the seen colours around it

    @classmethod
    def of(
        cls, view: NDArray[np.generic], seen: Seen, canvas_px: int, tolerance: float = 0.5
    ) -> Guess:
        """Fills a view, (H, W, 3) of 0..255, of which something was seen.

        `canvas_px` is the long side of the canvas it lies on; `tolerance` that of `laplace.fill`.
        """
        picture = view.astype(np.float32)
        colours = picture[seen]
        centre = colours.mean(0)
        spread = max(_LEAST_SPREAD, float((colours - centre).std()))
        distance = cv2.distanceTransform((~seen).astype(np.uint8), cv2.DIST_L2, 5)
        scaled = np.asarray(distance, np.float32) * np.float32(CANVAS_PX / canvas_px)
        return cls(laplace.fill(picture, seen, tolerance), seen, scaled, centre, spread)

    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """(3, h, w) fill, (1, h, w) seen, (1, h, w) distance, as `UNet` takes them."""
        even = (self.fill - self.centre) / self.spread
        return (
            torch.from_numpy(np.ascontiguousarray(even.transpose(2, 0, 1))),
            torch.from_numpy(self.seen[None].astype(np.float32)),
            torch.from_numpy(self.distance[None]),
        )

    def shrunk(self, scale: float) -> Guess:
        """The same at another size; itself if `scale` is 1."""
        if scale == 1:
            return self
        size = [max(1, round(side * scale)) for side in self.seen.shape[::-1]]
        fill, seen, distance = (
            np.asarray(cv2.resize(each, size, interpolation=cv2.INTER_AREA), np.float32)
            for each in (self.fill, self.seen.astype(np.float32), self.distance)
        )
        return replace(self, fill=fill, seen=seen >= 0.5, distance=distance)


def fade(distance: Tensor) -> Tensor:
    """How much of the network's word counts, 0..1: nothing at what was seen."""
    return 1 - torch.exp(-distance / _FADE_PX)
