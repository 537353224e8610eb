"""Attackers with a user's own weights, against the real libraries, with tiny random models."""

import sys

import numpy as np
import pytest
import torch

import fakes
from pedsam_ros.audit import local_weights
from pedsam_ros.audit.attack import History, Needs
from pedsam_ros.audit.attacks import attacks, diffusion, vit_mae
from pedsam_ros.core.errors import ConfigError

GREY = 128
NAMED = {'vit_mae': ('transformers', vit_mae), 'diffusion': ('diffusers', diffusion)}


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """Nothing may reach for the network."""
    monkeypatch.setattr('socket.socket.connect', _refuse)


def _refuse(*_):
    raise AssertionError('reached for the network')


def scene():
    """A view of 96x128 px of which the left half and a corner were seen."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 256, (96, 128, 3), dtype=np.uint8)
    seen = np.zeros((96, 128), bool)
    seen[:, :64] = True
    seen[80:, 100:] = True
    return np.where(seen[..., None], truth, GREY).astype(np.uint8), seen


@pytest.fixture(scope='module')
def mae(tmp_path_factory):
    """A folder with a random masked autoencoder of 32 px, patches of 8 px."""
    transformers = pytest.importorskip('transformers')
    small = {'num_hidden_layers': 1, 'num_attention_heads': 2, 'intermediate_size': 32}
    decoder = {'decoder_num_hidden_layers': 1, 'decoder_num_attention_heads': 2}
    sizes = {'decoder_hidden_size': 32, 'decoder_intermediate_size': 32, 'hidden_size': 32}
    config = transformers.ViTMAEConfig(
        image_size=32, patch_size=8, mask_ratio=0.75, **small, **decoder, **sizes
    )
    folder = tmp_path_factory.mktemp('mae')
    torch.manual_seed(0)
    transformers.ViTMAEForPreTraining(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope='module')
def painter(tmp_path_factory):
    """A folder with a random in-painting pipeline of 64 px."""
    diffusers, transformers = map(pytest.importorskip, ('diffusers', 'transformers'))
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp('painter')
    text = transformers.CLIPTextConfig(
        hidden_size=32,
        intermediate_size=37,
        num_attention_heads=4,
        num_hidden_layers=1,
        vocab_size=1000,
        bos_token_id=0,
        eos_token_id=2,
    )
    diffusers.StableDiffusionInpaintPipeline(
        vae=diffusers.AutoencoderKL(
            block_out_channels=(32, 64),
            down_block_types=('DownEncoderBlock2D', 'DownEncoderBlock2D'),
            up_block_types=('UpDecoderBlock2D', 'UpDecoderBlock2D'),
            latent_channels=4,
        ),
        text_encoder=transformers.CLIPTextModel(text),
        tokenizer=tokenizer(folder, transformers),
        unet=diffusers.UNet2DConditionModel(
            block_out_channels=(32, 64),
            layers_per_block=1,
            sample_size=32,
            in_channels=9,
            out_channels=4,
            down_block_types=('DownBlock2D', 'CrossAttnDownBlock2D'),
            up_block_types=('CrossAttnUpBlock2D', 'UpBlock2D'),
            cross_attention_dim=32,
        ),
        scheduler=diffusers.DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder / 'pipeline')
    return folder / 'pipeline'


def tokenizer(folder, transformers):
    """CLIP's tokenizer with a handful of words."""
    words = ['<|startoftext|>', 'a</w>', '<|endoftext|>']
    (folder / 'vocab.json').write_text(str({w: i for i, w in enumerate(words)}).replace("'", '"'))
    (folder / 'merges.txt').write_text('#version: 0.2\n')
    return transformers.CLIPTokenizer(
        str(folder / 'vocab.json'), str(folder / 'merges.txt'), model_max_length=77
    )


def test_they_run_only_when_asked_for():
    """Every audit runs the attacks that need nothing; these need weights."""
    assert set(attacks(Needs.WEIGHTS)) == set(NAMED)


def test_the_autoencoder_looks_at_the_seen_patches_only(mae):
    """Its guess depends on whole seen patches, and on nothing else."""
    view, seen = scene()
    history = History(fakes.TINY, weights=mae)
    guess = vit_mae.attack(view, seen, history)
    assert guess.shape == view.shape
    assert (guess[seen] == view[seen]).all()
    peeking = vit_mae.attack(np.where(seen[..., None], view, 7).astype(np.uint8), seen, history)
    np.testing.assert_array_equal(guess, peeking)


def test_a_patch_counts_only_if_all_of_it_was_seen():
    """4x4 patches: the left half; the corner of 16x28 px holds one whole patch of 24x32? none."""
    _, seen = scene()
    patches = vit_mae.seen_patches(seen, 32, 8)
    assert patches[:, :2].all()
    assert not patches[:, 2:].any()
    seen[72:, 96:] = True
    assert vit_mae.seen_patches(seen, 32, 8)[3, 3]


def test_the_models_own_mask_is_that_of_the_patches(mae):
    """The real class hides exactly the patches that were not seen."""
    model = vit_mae._model(mae)
    for kept in (1, 5, 15):
        patches = torch.zeros(16, dtype=torch.bool)
        patches[torch.randperm(16, generator=torch.manual_seed(kept))[:kept]] = True
        vit_mae._predicted(model, torch.zeros(1, 3, 32, 32), patches)  # raises if it differs


def test_the_pipeline_paints_and_keeps_what_was_seen(painter, monkeypatch):
    """Equal seeds give equal pictures."""
    view, seen = scene()
    history = History(fakes.TINY, weights=painter)
    monkeypatch.setattr(diffusion, '_STEPS', 2)
    first, second = (diffusion.attack(view, seen, history) for _ in range(2))
    assert (first[seen] == view[seen]).all()
    assert np.isfinite(first).all()
    assert first[~seen].std() > 0
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize('name', NAMED)
def test_a_missing_library_is_named_with_how_to_get_it(name, tmp_path, monkeypatch):
    """Robots do without them."""
    library, module = NAMED[name]
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigError, match=f'{library}.*{local_weights.INSTALL}'):
        module.attack(*scene(), History(fakes.TINY, weights=tmp_path))


@pytest.mark.parametrize('name', NAMED)
def test_a_folder_that_is_none_or_holds_no_model_is_an_error(name, tmp_path):
    """Nothing is fetched in its place."""
    pytest.importorskip(NAMED[name][0])
    module = NAMED[name][1]
    (tmp_path / 'empty').mkdir()
    for folder in (None, tmp_path / 'missing', tmp_path / 'empty'):
        with pytest.raises(ConfigError, match=name.replace('_', '-')):
            module.attack(*scene(), History(fakes.TINY, weights=folder))
