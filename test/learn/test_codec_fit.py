"""A codec is fitted to what a model makes of images."""

import argparse

import cv2
import numpy as np
import pytest

import fakes
from pedsam_ros.core import codec
from pedsam_ros.core.codec import RATIOS
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model import checkpoint, fitted_codec, loading
from pedsam_ros.learn import codec_fit
from pedsam_ros.tools import fit_codec


def fitted(seed=0, count=6):
    """A codec of the tiny model, fitted to noise."""
    images = (fakes.frame(seed=number).rgb for number in range(count))
    return codec_fit.fit(fakes.worker(), images, count, np.random.default_rng(seed))


def command(*arguments):
    """The command as a user types it."""
    parser = argparse.ArgumentParser()
    fit_codec.add_arguments(parser)
    return fit_codec.run(parser.parse_args([*map(str, arguments)]))


def test_equal_images_and_seeds_give_equal_codecs():
    """So a command that is written down makes the same codec again."""
    assert fitted().codec.id == fitted().codec.id != fitted(seed=1).codec.id


def test_more_bytes_lose_less():
    """What is told to be lost is what tokens that were not fitted to lose, about."""
    fit, rng = fitted(), np.random.default_rng(9)
    other = codec_fit._tokens(fakes.worker(), fakes.frame(seed=99).rgb, rng)[None]
    variance = np.square(other - fit.codec.mean.numpy()).mean()
    lost = []
    for ratio in RATIOS:
        back = fitted_codec.repacked(other, fit.codec.dtype(ratio), fit.codec)
        lost.append(np.square(back - other).mean() / variance)
    assert lost[0] < lost[1] < lost[2] < 1
    assert list(fit.lost) == sorted(fit.lost)
    assert lost == pytest.approx(fit.lost, rel=0.3)


def test_bits_go_where_they_save_most():
    """Two directions that vary most get more bits than all others."""
    places = np.random.default_rng(0).normal(size=(500, 16)).astype(np.float32)
    places[:, :8] *= 10
    _, errors = codec_fit._tried(places)
    assert (errors[1:] < errors[:-1]).all()
    assert codec_fit._shared(errors, 6).tolist() == [5, 1]
    assert codec_fit._shared(errors, 16).tolist() == [8, 8]


def test_the_command_adds_a_codec_to_the_weights(tmp_path, monkeypatch):
    """Then `pedsam split` gives it to both halves, and the model is the same."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'photos').mkdir()
    for number in range(2):
        name = str(tmp_path / 'photos' / f'{number}.png')
        cv2.imwrite(name, fakes.frame(seed=number).rgb)
    (tmp_path / 'photos' / 'broken.jpg').write_bytes(b'no image')
    plain = checkpoint.write(fakes.weights(), tmp_path / 'plain.safetensors')
    told = ('--images', tmp_path / 'photos', '--views', 3, '--out', tmp_path / 'coded.safetensors')
    assert command(plain, *told) == 0
    coded = checkpoint.read(str(tmp_path / 'coded.safetensors'))
    assert coded.model_id == fakes.weights().model_id
    halves = loading.split(coded, tmp_path, 'tiny')
    assert {checkpoint.read(str(half)).codec.id for half in halves} == {coded.codec.id}
    assert (tmp_path / 'out' / 'fit_codec.json').is_file()


def test_images_that_cannot_be_read_end_the_fit(tmp_path):
    """With a message, not with an endless search."""
    path = tmp_path / 'broken.jpg'
    path.write_bytes(b'no image')
    with pytest.raises(ConfigError, match='none of 1 images'):
        list(codec_fit.shown([path], 2, np.random.default_rng(0)))


@pytest.mark.parametrize(
    ('words', 'told'),
    [
        (('--views', 0, '--out', 'a.safetensors'), '--views=0'),
        (('--out', 'a.pth'), '--out=a.pth'),
        (('--seed', -1, '--out', 'a.safetensors'), '--seed=-1'),
        (('--images', '/nowhere', '--out', 'a.safetensors'), '/nowhere'),
    ],
)
def test_arguments_that_break_a_rule_are_named(words, told):
    """Before any work."""
    with pytest.raises(ConfigError, match=told):
        command('random:vit_tiny:0', *words)


def test_the_model_that_comes_along_has_a_codec():
    """So every transport works with it, and `no_embedding` has its mean token."""
    edge = loading.load_edge(checkpoint.read('vit_tiny'))
    assert [codec.ratio_of(edge.reply_dtype('codec', ratio)) for ratio in RATIOS] == [*RATIOS]
