"""Automatic masks, coarse points first: how the search ends, and what it gives."""

import re
from dataclasses import replace
from itertools import combinations, count

import numpy as np
import pytest
import torch

import fakes
from pedsam_ros.core.automatic_config import AutomaticConfig
from pedsam_ros.core.edge_compute import finished
from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.model.automatic import automatic
from pedsam_ros.core.model.promising import promising
from pedsam_ros.core.pictures import binary
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.types import Frame, FrameKey, Search
from pedsam_ros.core.windows import Canvas

SIZE = (96, 128)
LOUD = 300.0  # random decoders whisper; stability wants logits far from zero
SEARCHES = ('coarse_to_fine', 'grid')
EASY = AutomaticConfig(
    points_per_side=9, points_per_batch=32, pred_iou_thresh=0.0, stability_score_thresh=0.0
)


KINDS = {
    'SAM': fakes.TINY,
    'our own': replace(fakes.FINE, refine_px=0),
    'our own, second look': fakes.FINE,
}
LAST = re.compile(r'mask_decoder\.(output_upscaling\.3\.weight|weights\.\d\.2\..*)')


@pytest.fixture(scope='module', params=[*KINDS.values()], ids=[*KINDS])
def decoder(request):
    """A random decoder of each kind, whose logits are as large as trained ones."""
    weights = checkpoint.random_weights(request.param, 0)
    loud = {
        name: tensor * LOUD if LAST.fullmatch(name) else tensor
        for name, tensor in weights.tensors.items()
    }
    return loading.load_edge(checkpoint.Weights(weights.arch, loud, weights.hashes)).decoder


def encoded(decoder, shift=None):
    canvas, channels = Canvas.fit(fakes.TINY, *SIZE, shift=shift), 64 if decoder.fine else 32
    embedding = torch.randn(1, channels, 18, 18, generator=torch.Generator().manual_seed(0))
    return Encoded(FrameKey(0, ''), canvas, embedding, fakes.frame(*SIZE).rgb)


def found(decoder, config=EASY, late=lambda: False, shift=None):
    with torch.inference_mode():
        return finished(automatic(decoder, encoded(decoder, shift), config, late))


def overlap(one, other):
    """IoU of two boxes whose sides are last minus first pixel."""
    (ax, ay, aw, ah), (bx, by, bw, bh) = (np.subtract(m.box, (0, 0, 1, 1)) for m in (one, other))
    width, height = min(ax + aw, bx + bw) - max(ax, bx), min(ay + ah, by + bh) - max(ay, by)
    shared = max(0, width) * max(0, height)
    return shared / (aw * ah + bw * bh - shared)


def test_masks_that_promise_enough_are_those_of_the_whole_decoder(decoder):
    """SAM's decoder only does not draw the others."""
    points = torch.tensor([[[20.0, 30.0, 1]], [[200.0, 100.0, 1]], [[9.0, 9.0, 1]]])
    embedding = encoded(decoder).embedding
    with torch.inference_mode():
        logits, scores = decoder(embedding, points, None)
        least = float(scores.median())
        some, every = promising(decoder, embedding, points, least)
        none, _ = promising(decoder, embedding, points, 2.0)
    assert torch.allclose(every, scores, atol=1e-5)
    chosen = scores > least
    assert 0 < len(some.scores) == int(chosen.sum()) < scores.numel()
    assert torch.allclose(some.logits, logits[chosen], atol=1e-3)
    assert some.prompts.tolist() == torch.nonzero(chosen)[:, 0].tolist()
    assert len(none.scores) == 0


def test_a_complete_search_gives_the_best_mask_first_and_none_twice():
    """No two masks have boxes of a higher IoU than `box_nms_thresh`, 0.7: vit_tiny, of blocks."""
    rgb = np.full((120, 160, 3), 40, np.uint8)
    for top, left, colour in ((10, 10, 250), (60, 20, 200), (20, 90, 160), (70, 100, 120)):
        rgb[top : top + 40, left : left + 45] = colour
    pipeline = loading.load_monolithic(checkpoint.read('vit_tiny'))
    scene = pipeline.encode(Frame(FrameKey(0, ''), rgb))
    config = replace(EASY, stability_score_thresh=0.5)
    with torch.inference_mode():
        masks, ended = finished(automatic(pipeline.decoder, scene, config))
    assert ended is Search.COMPLETE
    assert len(masks) > 2
    scores = [mask.score for mask in masks]
    assert scores == sorted(scores, reverse=True)
    assert {mask.prompt for mask in masks} == {-1}
    assert min(mask.stability for mask in masks) >= 0.5
    assert max(overlap(*pair) for pair in combinations(masks, 2)) <= EASY.box_nms_thresh + 1e-6


def test_what_is_found_is_what_the_whole_grid_finds_too(decoder):
    """Only the number of points differs: without suppression each mask is one of the grid's."""
    config = replace(EASY, box_nms_thresh=1.0, max_masks=1024)
    some, _ = found(decoder, config)
    every, _ = found(decoder, replace(config, search='grid'))
    whole = {(round(mask.score, 3), mask.box) for mask in every}
    assert 0 < len(some) <= len(every)
    same = [(round(mask.score, 3), mask.box) in whole for mask in some]
    assert np.mean(same) > 0.9


@pytest.mark.parametrize('search', SEARCHES)
def test_no_more_masks_than_may_be(decoder, search):
    """The best of those found are there, and that there were more is said."""
    config = replace(EASY, search=search, box_nms_thresh=1.0)
    every, _ = found(decoder, config)
    masks, ended = found(decoder, replace(config, max_masks=2))
    assert len(every) > 2
    assert (len(masks), ended) == (2, Search.FULL)
    assert masks[0].score >= masks[1].score
    exactly = found(decoder, replace(config, max_masks=len(every)))
    assert (len(exactly[0]), exactly[1]) == (len(every), Search.COMPLETE)


@pytest.mark.parametrize('search', SEARCHES)
def test_when_it_is_late_what_was_found_is_there(decoder, search):
    """At least of the first points, however late it is; and that it was cut short is said."""
    config = replace(EASY, search=search, points_per_batch=8)
    first, ended = found(decoder, config, late=lambda: True)
    assert ended is Search.LATE
    assert len(first) > 0
    asked = count()
    later, ended = found(decoder, config, late=lambda: next(asked) >= 2)
    assert (ended, next(asked)) == (Search.LATE, 3)
    assert len(later) >= len(first)


def test_thresholds_that_nothing_reaches_leave_no_masks(decoder):
    """Then only coarse points are asked, and the search is complete."""
    assert found(decoder, replace(EASY, pred_iou_thresh=1.0)) == ((), Search.COMPLETE)
    assert found(decoder, replace(EASY, stability_score_thresh=1.0)) == ((), Search.COMPLETE)


def test_masks_lie_in_the_frame_wherever_the_content_lies(decoder):
    """Box and area agree with the pixels, also where partition and content are shifted."""
    masks, _ = found(decoder, shift=Shift((1, 2), (3, 14)))
    assert masks
    for mask in masks:
        shape = binary(mask, *SIZE)
        assert mask.area == shape.sum() > 0
        rows, columns = np.nonzero(shape)
        x, y, width, height = mask.box
        assert (x, y, x + width, y + height) == (
            columns.min(),
            rows.min(),
            columns.max() + 1,
            rows.max() + 1,
        )
