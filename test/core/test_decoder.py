"""Prompts and the automatic grid give what segment_anything itself gives."""

from types import ModuleType

import numpy as np
import pytest
import torch

import fakes
from pedsam_ros.core.automatic_config import AutomaticConfig
from pedsam_ros.core.edge_compute import finished
from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.model import checkpoint, loading, sam
from pedsam_ros.core.model.automatic import automatic
from pedsam_ros.core.model.filters import without_duplicates
from pedsam_ros.core.model.masks import answered
from pedsam_ros.core.pictures import binary
from pedsam_ros.core.types import FrameKey, Mask, Prompt, Search
from pedsam_ros.core.windows import Canvas

SIZE = (216, 288)  # fits the canvas of TINY without resizing
SEARCHES = ('coarse_to_fine', 'grid')
LOUD = 300.0  # random decoders whisper; SAM's stability filter wants logits far from zero


@pytest.fixture(scope='module')
def model():
    """The edge's half with mask logits as large as a trained model's, and SAM with its weights."""
    weights = fakes.weights()
    name = 'mask_decoder.output_upscaling.3.weight'
    loud = {**weights.tensors, name: weights.tensors[name] * LOUD}
    weights = checkpoint.Weights(weights.arch, loud, weights.hashes)
    return loading.load_edge(weights), fakes.reference(weights, torch.float32)


@pytest.fixture(scope='module')
def scene(model):
    """An image encoded by SAM's own encoder."""
    rgb = fakes.frame(*SIZE).rgb
    image = torch.from_numpy(rgb).permute(2, 0, 1).float()
    with torch.inference_mode():
        embedding = model[1].image_encoder(model[1].preprocess(image)[None])
    return Encoded(FrameKey(0, ''), Canvas.fit(fakes.TINY, *SIZE), embedding, rgb)


def answer(model, scene, *prompts):
    with torch.inference_mode():
        return finished(answered(model[0].decoder, scene, dict(enumerate(prompts))))


def theirs(model, scene, **prompts):
    """The masks and scores of Sam.forward on the same image: the best of three per prompt."""
    image = torch.from_numpy(scene.rgb).permute(2, 0, 1).float()
    out = model[1]([{'image': image, 'original_size': SIZE, **prompts}], multimask_output=True)[0]
    best = out['iou_predictions'].argmax(1)
    each = torch.arange(len(best))
    return out['masks'][each, best].numpy(), out['iou_predictions'][each, best].tolist()


def test_points_give_sams_own_masks(model, scene):
    """Two prompts of two points each give SAM's masks; one point lies beside its object."""
    points = torch.tensor([[[20.0, 30.0], [200.0, 100.0]], [[250.0, 200.0], [9.0, 9.0]]])
    labels = torch.tensor([[1, 0], [1, 1]])
    masks, scores = theirs(model, scene, point_coords=points, point_labels=labels)
    ours = answer(
        model,
        scene,
        Prompt(points=((20.0, 30.0, 1), (200.0, 100.0, 0))),
        Prompt(points=((250.0, 200.0, 1), (9.0, 9.0, 1))),
    )
    assert [mask.prompt for mask in ours] == [0, 1]
    assert np.allclose([mask.score for mask in ours], scores)
    for mask, expected in zip(ours, masks, strict=True):
        assert 0 < mask.area < SIZE[0] * SIZE[1]
        assert (binary(mask, *SIZE) == expected).mean() > 0.9999


def test_boxes_give_sams_own_masks(model, scene):
    """A box prompt gives SAM's mask and score."""
    masks, scores = theirs(model, scene, boxes=torch.tensor([[10.0, 20.0, 200.0, 210.0]]))
    (ours,) = answer(model, scene, Prompt(box=(10.0, 20.0, 200.0, 210.0)))
    assert ours.score == pytest.approx(scores[0])
    assert (binary(ours, *SIZE) == masks[0]).mean() > 0.9999


def test_prompts_of_any_mixture_are_answered_in_order(model, scene):
    """Prompts are decoded in groups, and each gets the mask that it gets alone."""
    prompts = [
        Prompt(box=(10.0, 20.0, 200.0, 210.0)),
        Prompt(points=((20.0, 30.0, 1),)),
        Prompt(points=((60.0, 70.0, 1),), box=(50.0, 20.0, 90.0, 110.0)),
        Prompt(points=((20.0, 30.0, 1), (200.0, 100.0, 0))),
        Prompt(points=((100.0, 100.0, 1),)),
    ]
    together = answer(model, scene, *prompts)
    assert [mask.prompt for mask in together] == [0, 1, 2, 3, 4]
    for prompt, mask in zip(prompts, together, strict=True):
        (alone,) = answer(model, scene, prompt)
        assert mask.score == pytest.approx(alone.score, abs=1e-5)
        assert abs(mask.area - alone.area) <= 3


def test_masks_have_the_size_of_the_camera(model):
    """This holds for any shape of frame, and box and area agree with the pixels."""
    for height, width in ((480, 640), (333, 97), (50, 801)):
        canvas = Canvas.fit(fakes.TINY, height, width)
        rgb = fakes.frame(height, width).rgb
        encoded = Encoded(FrameKey(0, ''), canvas, torch.randn(1, 32, 18, 18), rgb)
        (mask,) = answer(model, encoded, Prompt(points=((width / 2, height / 2, 1),)))
        shape = binary(mask, height, width)
        rows, columns = np.nonzero(shape)
        assert mask.area == shape.sum() == len(rows)
        x, y, w, h = mask.box
        assert (x, y) == (columns.min(), rows.min())
        assert (x + w, y + h) == (columns.max() + 1, rows.max() + 1)


@pytest.fixture
def stock_generator():
    """SAM's own SamAutomaticMaskGenerator, with stand-ins for what it takes from torchvision."""
    names = ('', '.ops', '.ops.boxes', '.transforms', '.transforms.functional')
    made = {f'torchvision{name}': ModuleType(f'torchvision{name}') for name in names}
    boxes, functional = made['torchvision.ops.boxes'], made['torchvision.transforms.functional']
    boxes.batched_nms, boxes.box_area = _greedy, None
    functional.resize, functional.to_pil_image = (lambda image, _: image), (lambda image: image)
    return sam.automatic_generator(made)


def _greedy(box, scores, _, iou_threshold):
    kept = []
    for i in scores.argsort(descending=True).tolist():
        if all(_iou(box[i], box[j]) <= iou_threshold for j in kept):
            kept.append(i)
    return torch.tensor(kept, dtype=torch.int64)


def _iou(a, b):
    width = (torch.minimum(a[2], b[2]) - torch.maximum(a[0], b[0])).clamp(min=0)
    height = (torch.minimum(a[3], b[3]) - torch.maximum(a[1], b[1])).clamp(min=0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return width * height / (areas - width * height)


def test_the_automatic_grid_gives_what_sams_own_generator_gives(model, scene, stock_generator):
    """Points, filters, order and masks are SAM's."""
    settings = {
        'points_per_side': 5,
        'pred_iou_thresh': 0.0,
        'stability_score_thresh': 0.9,
        'box_nms_thresh': 1.0,
    }
    generator = stock_generator(model[1], **settings)
    config = AutomaticConfig(**settings, search='grid')
    expected = sorted(generator.generate(scene.rgb), key=lambda m: -m['predicted_iou'])
    with torch.inference_mode():
        ours, ended = finished(automatic(model[0].decoder, scene, config))
    assert ended is Search.COMPLETE
    assert len(ours) == len(expected) > 1
    for mask, other in zip(ours, expected, strict=True):
        assert mask.score == pytest.approx(other['predicted_iou'], abs=1e-4)
        assert mask.stability == pytest.approx(other['stability_score'], abs=1e-3)
        assert (binary(mask, *SIZE) == other['segmentation']).mean() > 0.999


def test_of_masks_with_the_same_box_the_best_stays(model):
    """Suppression is greedy by falling score, also below 0, as in torchvision's batched_nms."""
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 60, (200, 2))
    sizes = rng.integers(20, 60, (200, 2))
    found = [
        Mask(-1, float(score), 1.0, (*map(int, corner), *map(int, size)), 1, (1,))
        for corner, size, score in zip(corners, sizes, rng.normal(size=200), strict=True)
    ]
    ends = np.hstack([corners, corners + sizes - 1]).astype(np.float32)
    scores = torch.tensor([mask.score for mask in found])
    expected = _greedy(torch.from_numpy(ends), scores, None, 0.5)
    kept = without_duplicates(found, 0.5)
    assert [mask.score for mask in kept] == [found[i].score for i in expected]
    assert 10 < len(kept) < 150


@pytest.mark.parametrize('search', SEARCHES)
def test_filters_may_leave_nothing(model, scene, search):
    """An answer without masks is valid."""
    config = AutomaticConfig(search=search, points_per_side=4, pred_iou_thresh=1.0)
    with torch.inference_mode():
        found = finished(automatic(model[0].decoder, scene, config))
    assert found == ((), Search.COMPLETE)


@pytest.mark.parametrize('search', SEARCHES)
def test_small_regions_are_removed(model, scene, search):
    """With min_area_px, no hole or island is smaller than that."""
    import cv2

    config = AutomaticConfig(
        search=search,
        points_per_side=4,
        pred_iou_thresh=0.0,
        stability_score_thresh=0.5,
        min_area_px=200,
    )
    with torch.inference_mode():
        masks, _ = finished(automatic(model[0].decoder, scene, config))
    assert masks
    for mask in masks:
        shape = binary(mask, *SIZE).astype(np.uint8)
        count, _, stats, _ = cv2.connectedComponentsWithStats(shape, connectivity=8)
        assert count == 2 or stats[1:, cv2.CC_STAT_AREA].min() >= 200
