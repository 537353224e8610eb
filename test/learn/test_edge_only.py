"""A rival that no worker helps never sees an image in its embedding; every run keeps its mean."""

import pytest
import torch

import fakes
from drawn_assets import SMALL, write_assets
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.evaluation.variants import Conditions, open_model
from pedsam_ros.learn.from_pool import FromPool, filled_pool
from pedsam_ros.learn.source import Share
from pedsam_ros.learn.trainee import Trainee
from pedsam_ros.learn.trainer import Recipe, Trainer

pytestmark = pytest.mark.timeout(900)  # a step takes a second on a busy machine


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp('pool')
    pool = filled_pool(folder / 'pool', 4, write_assets(folder / 'assets.zip'), 1)
    return FromPool(pool, SMALL, seed=0, stage=1, shift=False)


@pytest.fixture(scope='module')
def batch(source):
    return next(iter(source.batches(Share(first=0, steps=1, batch=2))))


def trainee(edge_only):
    return Trainee(SMALL, 'ped', seed=0, stage='masks', edge_only=edge_only)


def test_no_image_reaches_the_embedding_of_the_rival(batch):
    """All images have one embedding, which learns; the worker's half gets no gradient."""
    rng = torch.Generator().manual_seed(0)
    model = trainee(edge_only=True)
    assert len(model._see(batch, rng, 0).features.embedding) == 1
    assert len(trainee(edge_only=False)._see(batch, rng, 0).features.embedding) == 2
    told = model(batch, 0)
    shares = model.loss_weights.items()
    sum(share * told[name] for name, share in shares if name in told).backward()
    learning = {n for n, p in model.encoder.named_parameters() if p.grad is not None}
    assert learning
    assert all(name.startswith(('neck.', 'blocks.1.', 'blocks.3.')) for name in learning)


def test_the_rival_is_evaluated_as_it_was_trained(source, tmp_path):
    """Its file holds the token that stood for every image."""
    recipe = Recipe(steps=2, batch=2, rate=1e-3, warmup=1, shift=False)
    run = Trainer(trainee(edge_only=True), recipe, tmp_path)
    assert len(list(run.run(source))) == 2
    weights = checkpoint.read(str(tmp_path / 'model.safetensors'))
    assert not loading.mean_token(weights).any()
    conditions = Conditions(sigma=10.0, domains=(), device='cpu', threads=1)
    with open_model('edge_only', {'edge_only': weights}, conditions) as model:
        found = [model.encode(fakes.frame(seed=seed)).embedding for seed in (0, 1)]
    assert torch.equal(*found)


def test_a_run_keeps_a_running_mean_of_the_tokens_with_content(batch):
    """It begins as the mean of the first batch."""
    model = trainee(edge_only=False)
    tokens = model.encoder.tokens(batch.pixels, batch.shift.offset, batch.vacant)
    model(batch, 0)
    assert torch.allclose(model.mean_token, tokens[~batch.vacant].mean(0), atol=1e-5)
    before = model.mean_token.clone()
    model(batch, 1)
    assert torch.allclose(model.mean_token, before, atol=1e-5)
