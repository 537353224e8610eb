"""A rival that no worker helps never sees an image in its embedding; every run keeps its mean."""

import pytest
import torch

import fakes
from drawn_assets import SMALL, write_assets
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.evaluation.variants import Conditions, open_model
from pedsam_ros.learn.asset_pack import AssetPack
from pedsam_ros.learn.examples import Examples
from pedsam_ros.learn.learner import Batch
from pedsam_ros.learn.trainee import Trainee
from pedsam_ros.learn.trainer import Recipe, Trainer

pytestmark = pytest.mark.timeout(900)  # a step takes a second on a busy machine


@pytest.fixture(scope='module')
def assets(tmp_path_factory):
    return write_assets(tmp_path_factory.mktemp('assets') / 'assets.zip')


@pytest.fixture(scope='module')
def batch(assets):
    examples = Examples(AssetPack.open(assets), SMALL, 0)
    return Batch.of([examples[0], examples[1]])


def trainee(edge_only):
    return Trainee(SMALL, 'ped', seed=0, edge_only=edge_only)


def test_no_image_reaches_the_embedding_of_the_rival(batch):
    """All images have one embedding, which learns; the worker's half gets no gradient."""
    model = trainee(edge_only=True)
    embedding = model.encode(batch)
    assert torch.equal(embedding[0], embedding[1])
    assert not torch.equal(*trainee(edge_only=False).encode(batch))
    told = model(batch, 0)
    sum(model.loss_weights[name] * told[name] for name in model.loss_weights).backward()
    learning = {n for n, p in model.encoder.named_parameters() if p.grad is not None}
    assert learning
    assert all(name.startswith(('neck.', 'blocks.1.', 'blocks.3.')) for name in learning)


def test_the_rival_is_evaluated_as_it_was_trained(batch, assets, tmp_path):
    """Its file holds the token that stood for every image."""
    recipe = Recipe(steps=2, batch=2, rate=1e-3, warmup=1, shift=False)
    run = Trainer(trainee(edge_only=True), recipe, tmp_path)
    examples = Examples(AssetPack.open(assets), SMALL, 0)
    assert len(list(run.run(examples, loaders=0))) == 2
    weights = checkpoint.read(str(tmp_path / 'model.safetensors'))
    assert not loading.mean_token(weights).any()
    conditions = Conditions(sigma=10.0, domains=(), device='cpu', threads=1)
    with open_model('edge_only', {'edge_only': weights}, conditions) as model:
        found = [model.encode(fakes.frame(seed=seed)).embedding for seed in (0, 1)]
    assert torch.equal(*found)


def test_a_run_keeps_a_running_mean_of_the_tokens_with_content(batch):
    """It starts at zero, follows the batches of training, and rests otherwise."""
    model = trainee(edge_only=False)
    tokens = model.encoder.tokens(batch.pixels, batch.offset, batch.vacant)
    mean = tokens[~batch.vacant].mean(0)
    model.eval().encode(batch)
    assert not model.mean_token.any()
    model.train().encode(batch)
    assert torch.allclose(model.mean_token, 0.05 * mean, atol=1e-6)
    for _ in range(200):
        model.mean_token.lerp_(mean, 0.05)
    before = model.mean_token.clone()
    model.encode(batch)
    assert torch.allclose(before, model.mean_token, atol=1e-5)
