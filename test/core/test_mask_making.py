"""Masks are made in batches, and scaled to the frame one after the other."""

import weakref

import pytest
import torch

import fakes
from pedsam_ros.core.automatic_config import AutomaticConfig
from pedsam_ros.core.edge_compute import finished
from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.model.decoder import Candidates
from pedsam_ros.core.model.masks import to_masks
from pedsam_ros.core.types import FrameKey, Prompt
from pedsam_ros.core.windows import Canvas

SIZE = (96, 128)
ALL = AutomaticConfig(points_per_side=5, pred_iou_thresh=0.0, stability_score_thresh=0.0)


@pytest.fixture
def encoded():
    """A frame with a random embedding."""
    canvas = Canvas.fit(fakes.TINY, *SIZE)
    embedding = torch.randn(1, 32, 18, 18, generator=torch.Generator().manual_seed(0))
    return Encoded(FrameKey(0, ''), canvas, embedding, fakes.frame(*SIZE).rgb)


def pauses(making):
    """How often a generator yields."""
    return sum(1 for _ in making)


@pytest.mark.parametrize(('count', 'batches'), [(7, 1), (8, 2), (45, 7)])
def test_many_prompts_are_answered_in_batches(encoded, monkeypatch, count, batches):
    """So their logits do not fill the memory. Each gets the mask that it gets alone."""
    model, prompts = fakes.edge_half(), [Prompt(points=((i + 5.0, 9.0, 1),)) for i in range(count)]
    monkeypatch.setattr(model.decoder, 'most_prompts', 7)
    assert pauses(model.segment(encoded, prompts, ALL)) == batches - 1
    masks = finished(model.segment(encoded, prompts, ALL)).masks.masks
    assert [mask.prompt for mask in masks] == list(range(count))
    for mask in masks[::11]:
        (alone,) = finished(model.segment(encoded, [prompts[mask.prompt]], ALL)).masks.masks
        assert mask.score == pytest.approx(alone.score, abs=1e-5)
        assert abs(mask.area - alone.area) <= 3


def test_the_grid_is_decoded_in_batches(encoded, monkeypatch):
    """Of no more points than the memory allows, whatever `points_per_batch` says."""
    model = fakes.edge_half()
    assert pauses(model.segment(encoded, (), ALL)) == 0
    monkeypatch.setattr(model.decoder, 'most_prompts', 7)
    assert pauses(model.segment(encoded, (), ALL)) == 3


def test_between_batches_torch_is_as_it_was(encoded, monkeypatch):
    """Others may use it meanwhile."""
    model = fakes.edge_half()
    monkeypatch.setattr(model.decoder, 'most_prompts', 7)
    for _ in model.segment(encoded, (), ALL):
        assert not torch.is_inference_mode_enabled()


def test_masks_are_scaled_to_a_large_frame_one_after_the_other():
    """All at once, 25 of a frame of 3000x4000 px would take 1.2 GB."""
    canvas = Canvas.fit(fakes.TINY, 3000, 4000)
    candidates = Candidates(torch.randn(25, 72, 72), torch.ones(25), torch.arange(25))
    scaled, alive = [], []

    def note(shape):
        scaled.append(weakref.ref(shape.logits))
        alive.append(sum(logits() is not None for logits in scaled))

    assert pauses(to_masks(candidates, canvas, fakes.TINY.image_px, note)) > 5
    assert len(scaled) == 25
    assert max(alive) <= 2


def test_a_bad_prompt_is_refused_alone(encoded):
    """The masks of the others have their own indices."""
    prompts = (Prompt(), *fakes.prompt(500.0, 5.0), Prompt(box=(40.0, 10.0, 128.4, 96.0)))
    answer = finished(fakes.edge_half().segment(encoded, prompts, ALL))
    assert [each.prompt for each in answer.refused] == [0, 1]
    assert [mask.prompt for mask in answer.masks.masks] == [2]


def test_if_no_prompt_fits_there_is_no_mask(encoded):
    """The grid is for frames without prompts only."""
    answer = finished(fakes.edge_half().segment(encoded, fakes.prompt(500.0, 5.0), ALL))
    assert (answer.masks.masks, len(answer.refused)) == ((), 1)
