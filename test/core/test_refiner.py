"""The refiner looks at the right part of the image, and its answer lies in that part."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import fakes
from pedsam_ros.core.edge_compute import finished
from pedsam_ros.core.model import checkpoint, loading, refiner
from pedsam_ros.core.model.decoder import Candidates
from pedsam_ros.core.model.fine_decoder import Features
from pedsam_ros.core.model.worker_half import WorkerHalf
from pedsam_ros.core.pictures import binary
from pedsam_ros.core.types import Frame, FrameKey, Prompt
from pedsam_ros.core.windows import Canvas, Grid


@pytest.fixture(scope='module')
def pipeline():
    return loading.load_monolithic(checkpoint.random_weights(fakes.FINE, 0))


@pytest.mark.parametrize('size', [(96, 128), (480, 270), (77, 131), (1, 40)])
def test_masks_lie_within_the_box_that_was_looked_at(pipeline, size):
    """No mask reaches farther from the prompt's box than the crop does, for any frame size."""
    height, width = size
    frame = Frame(FrameKey(1, 'camera'), fakes.frame(*size).rgb)
    x0, y0, x1, y1 = box = (0.3 * width, 0.2 * height, 0.6 * width, 0.9 * height)
    (mask,) = pipeline.decode(pipeline.encode(frame), [Prompt(box=box)]).masks
    rows, columns = np.nonzero(binary(mask, height, width))
    if not len(rows):
        pytest.fail('an empty mask shows nothing')
    far_x, far_y = 0.2 * (x1 - x0) + 1, 0.2 * (y1 - y0) + 1
    assert columns.min() >= x0 - far_x - 1
    assert columns.max() <= x1 + far_x + 1
    assert rows.min() >= y0 - far_y - 1
    assert rows.max() <= y1 + far_y + 1


def test_without_a_box_it_looks_around_the_coarse_mask():
    """If that mask is empty, it looks at the whole content, and never outside of it."""
    logits = torch.full((2, 24, 24), -1.0)
    logits[0, 6:12, 3:9] = 1
    canvas = Canvas(Grid(96, 64), (72, 96), (72, 96))
    found = refiner.look_at(logits, None, canvas, px=96)
    assert torch.allclose(found[0], torch.tensor([7.2, 19.2, 40.8, 52.8]))
    assert found[1].tolist() == [0, 0, 96, 72]


def test_spans_are_whole_pixels_and_never_empty():
    """Even thin spans cover the rectangle that was asked for, on frame and canvas."""
    canvas = Canvas.fit(fakes.TINY, 480, 640)
    asked = torch.tensor([[10.3, 20.7, 10.4, 20.8], [0.0, 0.0, 288.0, 216.0]])
    spans, rects = refiner.snap(asked, canvas)
    assert ((spans[:, 2:] - spans[:, :2]) >= 1).all()
    assert spans[1].tolist() == [0, 0, 640, 480]
    assert (rects[:, :2] <= asked[:, :2] + 1e-4).all()
    assert (rects[:, 2:] >= asked[:, 2:] - 1e-4).all()


def test_prompts_are_drawn_where_they_are():
    """A box is filled; a point is a bump, negative beside the object; padding is not drawn."""
    grid = refiner.grid_of(torch.tensor([[0.0, 0, 96, 96]]), 24)
    drawn = refiner.draw(None, torch.tensor([[8.0, 16, 40, 48]]), grid)[0]
    assert drawn[4:12, 2:10].min() == 1
    assert drawn.sum() == 64
    points = torch.tensor([[[22.0, 22.0, 1.0], [70.0, 70.0, 0.0], [50.0, 20.0, -1.0]]])
    drawn = refiner.draw(points, None, grid)[0]
    assert drawn.max() == drawn[5, 5]
    assert drawn.min() == drawn[17, 17] < -0.9
    assert abs(float(drawn[5, 12])) < 1e-3


def test_the_refiner_changes_nothing_for_workers():
    """Its weights belong to the edge's half, and a worker's file has none of them."""
    weights = checkpoint.random_weights(fakes.FINE, 0)
    names = [name for name in weights.tensors if name.startswith('refiner.')]
    assert names
    assert not any(name in weights.half('worker').tensors for name in names)
    assert all(name in weights.half('edge').tensors for name in names)
    assert isinstance(loading.load_worker(weights.half('worker')), WorkerHalf)


def test_equal_spans_are_read_once(monkeypatch):
    """As the three masks for a box have them: of a large image each span takes long."""
    monkeypatch.setattr(refiner, '_PX_AT_ONCE', 1)  # so that it pauses before each further span
    image = torch.from_numpy(fakes.frame(40, 60).rgb).permute(2, 0, 1)
    spans = torch.tensor([[5, 5, 30, 30]] * 3 + [[0, 0, 60, 40]] * 2)
    assert sum(1 for _ in refiner.cutting(image, spans, 16)) == 1
    found = finished(refiner.cutting(image, spans, 16))
    expected = torch.cat([finished(refiner.cutting(image, span[None], 16)) for span in spans])
    assert torch.equal(found, expected)
    assert not torch.equal(found[2], found[3])


def test_nothing_outside_of_the_crop_is_seen(pipeline):
    """Neither pixels nor features there change what the second look says."""
    decoder, frame = pipeline.decoder, Frame(FrameKey(1, 'camera'), fakes.frame(96, 128).rgb)
    scene, box = pipeline.encode(frame), torch.tensor([[90.0, 67.5, 180, 135]])  # canvas px
    features = decoder.features(scene.embedding)
    with torch.inference_mode():
        logits, scores = decoder(scene.embedding, None, box)
        found = Candidates(logits[0, :1], scores[0, :1], torch.tensor([0]))

        def refined(scene, features):
            return finished(decoder.refine(scene, found, None, box, features))

        expected = refined(scene, features)
        x0, y0, x1, y1 = expected.spans[0].tolist()
        blind = np.zeros_like(scene.rgb)
        blind[y0:y1, x0:x1] = scene.rgb[y0:y1, x0:x1]
        near = Features(*map(_near, (features.embedding, features.at_8, features.at_4)))
        same = refined(replace(scene, rgb=blind), near)
        other = refined(replace(scene, rgb=255 - scene.rgb), near)
    assert torch.equal(same.logits, expected.logits)
    assert torch.equal(same.scores, expected.scores)
    assert not torch.equal(other.logits, expected.logits)


def _near(maps):
    """Zeros farther than a place from the crop, which is at 72..198 and 54..149 of 288 px."""
    step, kept = 288 / maps.shape[-1], torch.zeros_like(maps)
    rows, columns = (
        slice(int(first / step) - 1, int(last / step) + 3)
        for first, last in ((54, 149), (72, 198))
    )
    kept[..., rows, columns] = maps[..., rows, columns]
    assert not torch.equal(kept, maps)
    return kept
