"""The encoder that runs in one process gives the same embedding as SAM's own code."""

import pytest
import torch

import fakes
from pedsam_ros.core.model import loading, preprocess
from pedsam_ros.core.types import Frame, FrameKey
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
