"""The model whose images are shifted is the same model, and a run of it can be repeated."""

from dataclasses import replace

import fakes
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.types import FrameKey
from pedsam_ros.evaluation.variants import Conditions, open_model

CONDITIONS = Conditions(sigma=10.0, domains=(), device='cpu', threads=1)


def shift_of(model, name, number=1):
    """The shift that a model gives to an image of this name."""
    frame = replace(fakes.frame(), key=FrameKey(number, name))
    canvas = model.encode(frame).canvas
    return canvas.shift


def test_an_image_has_the_same_shift_in_every_run():
    """Its name alone decides, so that --limit changes nothing. Other images have other shifts."""
    with open_model('ped_shifted', {'ped': fakes.weights()}, CONDITIONS) as model:
        assert shift_of(model, 'one') == shift_of(model, 'one', number=7)
        assert shift_of(model, 'one') == Shift((3, 0), (5, 8))  # in any process
        assert len({shift_of(model, str(i)) for i in range(8)}) > 6


def test_shifted_images_go_through_the_same_model():
    """The embedding is the one that the model gives with the same shift."""
    weights = {'ped': fakes.weights()}
    with (
        open_model('ped_shifted', weights, CONDITIONS) as shifted,
        open_model('ped', weights, CONDITIONS) as plain,
    ):
        found = shifted.encode(fakes.frame())
        shift = found.canvas.shift
        assert (found.embedding == plain.encode(fakes.frame(), shift).embedding).all()
        assert (found.embedding != plain.encode(fakes.frame()).embedding).any()
