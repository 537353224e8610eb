"""A model without an image answers as if the workers had sent nothing, and is measured against."""

from dataclasses import replace

import cv2
import pytest
import torch

import fakes
from pedsam_ros.core.errors import WeightsError
from pedsam_ros.core.model import checkpoint, loading, preprocess
from pedsam_ros.core.model.monolithic import ORDERS
from pedsam_ros.core.types import Prompt
from pedsam_ros.evaluation import tables
from pedsam_ros.evaluation.variants import (
    VARIANTS,
    Conditions,
    open_model,
    parse_models,
    why_impossible,
)
from pedsam_ros.evaluation.without_image import mean_token

CONDITIONS = Conditions(sigma=10.0, domains=(), device='cpu', threads=1)
PROMPTS = [Prompt(box=(20.0, 10.0, 90.0, 70.0)), Prompt(((40.0, 30.0, 1),))]


def with_mean(weights):
    """The weights with a lively mean token; they count as trained reordered."""
    token = torch.linspace(-1, 1, weights.arch.dim)
    return loading.with_mean(replace(weights, order='ped'), token)


def runs(model, seed):
    """Run lengths of the masks of an image of noise."""
    masks = model.decode(model.encode(fakes.frame(seed=seed)), PROMPTS).masks
    return [mask.counts for mask in masks]


def test_every_image_gets_the_same_masks():
    """They differ as soon as the image reaches the embedding."""
    weights = {'ped': with_mean(fakes.weights())}
    with open_model('no_embedding', weights, CONDITIONS) as model:
        assert runs(model, 0) == runs(model, 1)
    with open_model('ped', weights, CONDITIONS) as model:
        assert runs(model, 0) != runs(model, 1)


def test_the_second_look_sees_the_image_unless_it_is_off():
    """So `no_embedding` scores what the edge's own pixels are worth."""
    weights = {'ped': with_mean(checkpoint.random_weights(fakes.FINE, 0))}
    with open_model('no_embedding', weights, CONDITIONS) as model:
        assert runs(model, 0) != runs(model, 1)
    off = replace(CONDITIONS, second_look=False)
    with open_model('no_embedding', weights, off) as model:
        assert runs(model, 0) == runs(model, 1)
    assert 'second look' in why_impossible('ped_distributed_int8', weights, off)


@pytest.mark.parametrize('order', ORDERS)
def test_only_what_follows_the_last_window_block_runs(order):
    """With an image's own tokens in place of the mean one, the embedding is the image's own."""
    encoder = loading.load_monolithic(fakes.weights(), order).encoder
    pixels = torch.randn(1, 3, 288, 288)
    tokens = encoder.tokens(pixels)
    assert torch.equal(encoder.embedding(tokens), encoder(pixels))
    token = torch.linspace(-1, 1, 32)
    same = encoder.embedding(token.expand(1, 18, 18, 32))
    assert torch.equal(encoder.without_image(token), same)
    assert not torch.allclose(same, encoder(pixels))


def test_the_mean_token_of_photographs(tmp_path):
    """Tokens of padding do not count; two photographs count by their content."""
    photo = tmp_path / 'photo.png'
    cv2.imwrite(str(photo), fakes.frame(288, 256).rgb[..., ::-1])
    model = loading.load_monolithic(fakes.weights())
    frame = fakes.frame(288, 256)
    encoded = model.encode(frame)
    assert encoded.canvas.content == (288, 256)
    found = mean_token(model, [photo, photo])
    assert found.shape == (32,)
    pixels = torch.zeros(1, 3, 288, 288)

    pixels[0] = preprocess.on_canvas(frame.rgb, 288)
    assert torch.allclose(found, model.encoder.tokens(pixels)[0, :, :16].mean((0, 1)), atol=1e-5)


def test_a_stored_mean_token_is_kept_and_changes_no_model_id(tmp_path):
    """The file of a model says it; a damaged one is refused."""
    weights = with_mean(fakes.weights())
    assert weights.model_id == fakes.weights().model_id
    read = checkpoint.read(str(checkpoint.write(weights, tmp_path / 'model.safetensors')))
    assert torch.equal(loading.mean_token(read), weights.tensors[checkpoint.MEAN])
    assert loading.mean_token(fakes.weights()) is None
    loading.load_edge(read)
    with pytest.raises(WeightsError, match=r'mean_token of \(3,\)'):
        loading.mean_token(loading.with_mean(weights, torch.zeros(3)))
    with pytest.raises(WeightsError, match='finite'):
        loading.mean_token(loading.with_mean(weights, torch.full((32,), torch.nan)))


def test_a_mean_token_of_another_block_order_is_not_taken():
    """Without photographs to compute one, the model is left out with its reason."""
    weights = {'ped': with_mean(fakes.weights()), 'sam': with_mean(fakes.weights())}
    assert why_impossible('no_embedding', weights, CONDITIONS) == ''
    assert 'no mean token' in why_impossible('sam_no_embedding', weights, CONDITIONS)
    bare = {'edge_only': fakes.weights()}
    assert '--edge-only' in why_impossible('edge_only', bare, CONDITIONS)
    helped = {
        'edge_only': loading.with_mean(fakes.weights(), torch.ones(fakes.weights().arch.dim))
    }
    assert '--edge-only' in why_impossible('edge_only', helped, CONDITIONS)


def test_what_a_model_is_measured_against_is_always_asked():
    """So no table comes without its row."""
    assert parse_models('ped') == ['ped', 'no_embedding']
    assert parse_models('sam,box') == ['sam', 'sam_no_embedding', 'box']
    with_weights = [name for name, v in VARIANTS.items() if v.role and not v.bare]
    assert all(VARIANTS[name].against in VARIANTS for name in with_weights)


def test_contributions_and_their_ratio():
    """None stays None, and a ratio of what is not above 0 means nothing."""

    def cells(box, point):
        return {tables.ALL: {'box': box, 'point': point}}

    ped, sam, none = cells(0.7, 0.5), cells(0.6, 0.4), cells(0.6, None)
    assert tables.above(ped, none)[tables.ALL] == {'box': pytest.approx(0.1), 'point': None}
    overall = {'ped': ped, 'sam': sam}
    assert tables.ratio(overall, 'ped', 'sam') == {
        'box': pytest.approx(7 / 6),
        'point': pytest.approx(5 / 4),
    }
    worse = {'ped': cells(0.1, -0.1), 'sam': cells(0.2, 0.2)}
    assert tables.ratio(worse, 'ped', 'sam') == {'box': pytest.approx(0.5), 'point': None}
    assert tables.ratio({'ped': ped}, 'ped', 'sam') == {'box': None, 'point': None}
