"""Models that are shifted or packed are the same model, and runs can be repeated."""

from dataclasses import replace
from types import SimpleNamespace

import fakes
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.types import FrameKey
from pedsam_ros.evaluation.embedding_error import embedding_errors
from pedsam_ros.evaluation.variants import Conditions, open_model, why_impossible

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


def test_the_codec_changes_an_embedding_and_the_more_the_tighter_it_is():
    """By one in one process; without it the embedding is that of the whole model, nearly."""
    weights = {'ped': fakes.coded_weights()}
    found = {}
    for name in ('ped', 'ped_codec4', 'ped_codec16'):
        with open_model(name, weights, CONDITIONS) as model:
            found[name] = model.encode(fakes.frame()).embedding
    errors = [float((found[name] - found['ped']).norm()) for name in ('ped_codec4', 'ped_codec16')]
    assert 0 < errors[0] < errors[1]


def test_models_that_need_a_codec_are_named():
    """So that the others of a run can go on."""
    plain, coded = {'ped': fakes.weights()}, {'ped': fakes.coded_weights()}
    for name in ('ped_codec8', 'ped_distributed_codec'):
        assert 'no codec' in why_impossible(name, plain, CONDITIONS)
        assert not why_impossible(name, coded, CONDITIONS)
    assert not why_impossible('ped_distributed_int8', plain, CONDITIONS)


def test_embeddings_are_off_by_more_the_fewer_bytes_they_have():
    """float32 not at all, the mean token most of all."""
    rgb = fakes.frame().rgb
    sample = SimpleNamespace(rgb=lambda: rgb)
    found = embedding_errors(fakes.coded_weights(), [sample], 'cpu')
    order = ('float32', 'float16', 'int8', 'codec4', 'codec8', 'codec16')
    errors = [found[name]['of_values'] for name in order]
    assert errors == sorted(errors)
    assert errors[0] == 0.0 < errors[1]
    assert set(found) == {*order, 'codec_mean'}
    assert set(embedding_errors(fakes.weights(), [sample], 'cpu')) == set(order[:3])
