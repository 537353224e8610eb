"""The encoder that runs in one process gives the same embedding as SAM's own code."""

import numpy as np
import pytest
import torch

import fakes
from pedsam_ros.core.model import checkpoint, loading, preprocess
from pedsam_ros.core.model.monolithic import vacant_tokens
from pedsam_ros.core.pictures import binary
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.types import Frame, FrameKey, Prompt
from pedsam_ros.core.windows import Canvas


@pytest.mark.parametrize('order', ['ped', 'sam'])
def test_the_whole_encoder_is_sams_own_in_either_order(order):
    """With equal weights and an equal order of blocks, both give the same embedding."""
    weights, rgb = fakes.weights(), fakes.frame(90, 160).rgb
    whole = loading.load_monolithic(weights, order)
    theirs = fakes.reference(weights, torch.float32, order)
    canvas = Canvas.fit(weights.arch, *rgb.shape[:2])
    content = torch.from_numpy(preprocess.resize(rgb, canvas.content)).permute(2, 0, 1).float()
    with torch.inference_mode():
        expected = theirs.image_encoder(theirs.preprocess(content)[None])
    found = whole.encode(Frame(FrameKey(1, ''), rgb)).embedding
    assert expected.std() > 0.1
    assert (found - expected).abs().max() < 1e-4


@pytest.mark.parametrize(('order', 'offset'), [('ped', (0, 0)), ('sam', (0, 0)), ('sam', (3, 1))])
def test_constant_padding_changes_nothing_where_it_need_not(order, offset):
    """With SAM's own partition the padding is that already; SAM's own order does not know it."""
    weights = fakes.weights()
    encoder = loading.load_monolithic(weights, order).encoder
    pixels = torch.randn(1, 3, 288, 288, generator=torch.Generator().manual_seed(0))
    vacant = vacant_tokens(weights.arch, Canvas.fit(weights.arch, 90, 160))[None]
    assert vacant.any()
    with torch.inference_mode():
        assert torch.equal(encoder(pixels, offset, vacant), encoder(pixels, offset))


def test_the_encoder_makes_the_padding_that_an_edge_has():
    """To rounding: an edge's padding is made window by window."""
    weights = fakes.weights()
    with torch.inference_mode():
        made = loading.load_monolithic(weights).encoder.padding()[0]
    assert torch.allclose(made, loading.padding_tokens(weights), atol=1e-5)


@pytest.mark.parametrize('prompt', [Prompt(((210, 130, 1),)), Prompt(box=(150, 70, 270, 190))])
def test_a_shift_hardly_moves_a_mask(prompt):
    """The trained model finds a disc where it is, to two pixels, wherever the partition and the
    content begin."""
    rows, columns = np.mgrid[:240, :320]
    disc = (rows - 130) ** 2 + (columns - 210) ** 2 < 50**2
    rgb = np.where(disc[..., None], np.uint8([220, 60, 40]), np.uint8([90, 110, 120]))
    pipeline = loading.load_monolithic(checkpoint.read('vit_tiny'))
    frame = Frame(FrameKey(1, ''), rgb)
    for shift in (None, Shift(), Shift((3, 1), (15, 8)), Shift((0, 2), (0, 15))):
        (mask,) = pipeline.decode(pipeline.encode(frame, shift), [prompt]).masks
        found = binary(mask, 240, 320) > 0
        assert (found & disc).sum() / (found | disc).sum() > 0.92
