"""Improves the harmonic fill by a network that was fitted to this very layout of windows.

docs/audit_attacker.md says what it was fitted to.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch

from pedsam_ros.audit import attacker_file
from pedsam_ros.audit.attack import History, Needs, Picture, Seen
from pedsam_ros.audit.attacks import mean
from pedsam_ros.audit.guess import Guess, fade
from pedsam_ros.audit.unet import CANVAS_PX
from pedsam_ros.core.types import Pixels

NEEDS = Needs.FRAME


def attack(view: Pixels, seen: Seen, history: History) -> Picture:
    """Adds what the network says of the view and of its mirror image, on average.

    `history.weights` is the file of another network than the shipped one. A canvas larger than
    the network's is shrunk for it. Raises WeightsError if the file is not usable.
    """
    if not seen.any() or seen.all():
        return mean.filled(view, seen)
    net = attacker_file.read(history.weights or attacker_file.SHIPPED)
    guess = Guess.of(view, seen, history.arch.image_px)
    small = guess.shrunk(CANVAS_PX / history.arch.image_px)
    with torch.inference_mode():
        fill, near, distance = (each[None] for each in small.tensors())
        both = [torch.cat([each, each.flip(-1)]) for each in (fill, near, distance)]
        told = net(*both)
        told = (told[0] + told[1].flip(-1)) / 2
        strength = fade(torch.from_numpy(guess.distance))[..., None].numpy()
    small_change = np.ascontiguousarray(told.permute(1, 2, 0).numpy()) * guess.spread
    change = cv2.resize(small_change, view.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    out = np.clip(guess.fill + strength * change, 0, 255)
    return np.where(seen[..., None], view, out).astype(np.float32)
