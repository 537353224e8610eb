"""A model to which the workers contribute nothing: all their tokens are one and the same.

What another model scores above it is what the workers' embeddings contribute.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pedsam_ros.core.files import read_image
from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.model import preprocess
from pedsam_ros.core.model.monolithic import MonolithicPipeline, vacant_tokens
from pedsam_ros.core.types import Frame, Masks, Prompt
from pedsam_ros.core.windows import Canvas


@dataclass(frozen=True, slots=True, eq=False)
class WithoutImage:
    """A model in which `token`, (C,), is the result of the window blocks everywhere.

    A second look still sees the image's pixels, as the robot does.
    """

    model: MonolithicPipeline
    token: Tensor

    def encode(self, frame: Frame) -> Encoded:
        """The same embedding for every frame. Raises BadImage if the frame is empty."""
        canvas = Canvas.fit(self.model.arch, *frame.rgb.shape[:2])
        with torch.inference_mode():
            token = self.token.to(self.model.encoder.pos_embed)
            embedding = self.model.encoder.without_image(token).float()
        return Encoded(frame.key, canvas, embedding, frame.rgb)

    def decode(self, encoded: Encoded, prompts: Sequence[Prompt]) -> Masks:
        """Decodes as the model does."""
        return self.model.decode(encoded, prompts)


@torch.inference_mode()
def mean_token(model: MonolithicPipeline, photos: Iterable[Path]) -> Tensor:
    """(C,): the mean token after the last window block, over the windows with content of photos.

    Raises BadImage if a photo cannot be read.
    """
    weight, found = model.encoder.pos_embed, []
    for photo in photos:
        rgb = read_image(photo)
        canvas = Canvas.fit(model.arch, *rgb.shape[:2])
        content = preprocess.resize(rgb, canvas.content)
        pixels = preprocess.on_canvas(content, model.arch.image_px).to(weight)
        found.append(model.encoder.tokens(pixels[None])[0][~vacant_tokens(model.arch, canvas)])
    return torch.cat(found).float().mean(0)
