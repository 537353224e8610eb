"""SAM's own automatic generator, on an embedding that is there already."""

from __future__ import annotations

from types import ModuleType
from typing import Any, cast

import torch
from torch import Tensor, nn

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.automatic_config import AutomaticConfig
from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.model import sam
from pedsam_ros.core.model.decoder import Decoder
from pedsam_ros.core.model.filters import NO_PROMPT, best_boxes
from pedsam_ros.core.types import Mask

_OPS, _TRANSFORMS = 'torchvision.ops', 'torchvision.transforms'


class SamsGenerator:
    """SamAutomaticMaskGenerator with the weights of a decoder and our settings, which must hold no
    -1. It knows neither a second look nor a largest number of masks."""

    def __init__(self, decoder: Decoder, arch: Architecture, config: AutomaticConfig) -> None:
        parts: tuple[nn.Module, ...] = decoder.prompt_encoder, decoder.mask_decoder
        if decoder.fine:
            parts = _Prompts(), _Masks(decoder)
        self._generator = sam.automatic_generator(_torchvision())(
            sam.modeling.Sam(_Side(arch), *parts).eval(),
            points_per_side=config.points_per_side,
            points_per_batch=config.points_per_batch,
            pred_iou_thresh=config.pred_iou_thresh,
            stability_score_thresh=config.stability_score_thresh,
            stability_score_offset=config.stability_score_offset,
            box_nms_thresh=config.box_nms_thresh,
            min_mask_region_area=config.min_area_px,
            output_mode='uncompressed_rle',
        )

    def __call__(self, encoded: Encoded) -> tuple[Mask, ...]:
        """The masks of a frame, the one of highest score first. Its content must begin at the
        canvas's corner, as SAM has it."""
        predictor, canvas = self._generator.predictor, encoded.canvas

        def set_image(image: object) -> None:
            """Takes the embedding instead of making it."""
            predictor.original_size, predictor.input_size = canvas.frame, canvas.content
            predictor.features, predictor.is_image_set = encoded.embedding, True

        predictor.set_image = set_image
        found = [_mask(each) for each in self._generator.generate(encoded.rgb)]
        return tuple(sorted(found, key=lambda mask: -mask.score))


class _Side(nn.Module):
    """All that the generator asks an image encoder for."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.img_size = arch.image_px


class _Prompts(nn.Module):
    """In the place of SAM's prompt encoder: leaves the points as they are, for `_Masks`."""

    def forward(self, points: tuple[Tensor, Tensor], boxes: None, masks: None) -> Any:
        """Points x, y (B, n, 2) and labels (B, n) -> (B, n, 3), and no dense prompts."""
        return torch.cat([points[0].float(), points[1][..., None]], 2), None

    def get_dense_pe(self) -> None:
        """No positions."""


class _Masks(nn.Module):
    """In the place of SAM's mask decoder: ours, which encodes prompts in its own way."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(
        self, image_embeddings: Tensor, sparse_prompt_embeddings: Tensor, **_: object
    ) -> tuple[Tensor, Tensor]:
        """Logits (B, 3, 4T, 4T) and predicted IoU (B, 3) of the points (B, n, 3)."""
        made = self.decoder(image_embeddings, sparse_prompt_embeddings, None)
        return cast(tuple[Tensor, Tensor], made)


def _torchvision() -> dict[str, ModuleType]:
    """Stand-ins for the modules of torchvision that the generator imports."""
    names = ('torchvision', _OPS, f'{_OPS}.boxes', _TRANSFORMS, f'{_TRANSFORMS}.functional')
    made: dict[str, Any] = {name: ModuleType(name) for name in names}
    made[f'{_OPS}.boxes'].batched_nms = _batched_nms
    made[f'{_OPS}.boxes'].box_area = None  # for crops, which are not used
    made[f'{_TRANSFORMS}.functional'].resize = None  # for images, which are embedded already
    made[f'{_TRANSFORMS}.functional'].to_pil_image = None
    return made


def _batched_nms(boxes: Tensor, scores: Tensor, _: Tensor, iou_threshold: float) -> Tensor:
    """torchvision's suppression within one category; `boxes` are x0, y0, x1, y1."""
    sizes = torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2] + 1], 1)  # whole pixels
    return torch.tensor(best_boxes(sizes.tolist(), scores.tolist(), iou_threshold)).long()


def _mask(found: dict[str, Any]) -> Mask:
    x, y, width, height = (int(side) for side in found['bbox'])
    score, stability = found['predicted_iou'], found['stability_score']
    counts = tuple(found['segmentation']['counts'])
    return Mask(NO_PROMPT, score, stability, (x, y, width + 1, height + 1), found['area'], counts)
