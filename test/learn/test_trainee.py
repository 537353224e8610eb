"""What a model learns that is trained from scratch, stage by stage."""

from dataclasses import replace

import pytest
import torch

from drawn_assets import SMALL, write_assets
from pedsam_ros.core.edge_compute import finished
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.model.decoder import Candidates
from pedsam_ros.core.types import FrameKey
from pedsam_ros.core.windows import Canvas
from pedsam_ros.learn.from_pool import FromPool, filled_pool
from pedsam_ros.learn.source import Share
from pedsam_ros.learn.trainee import Trainee
from pedsam_ros.learn.trainer import Recipe, Trainer

QUICK = Recipe(steps=4, batch=2, rate=1e-3, warmup=2)
AROUND = ((32, 2), (64, 4), (SMALL.embedding_dim, 8))  # channels and strides of features

pytestmark = pytest.mark.timeout(900)  # a step takes a second on a busy machine


@pytest.fixture(scope='module')
def pool(tmp_path_factory):
    folder = tmp_path_factory.mktemp('pool')
    return filled_pool(folder / 'pool', 6, write_assets(folder / 'assets.zip'), 1)


@pytest.fixture(scope='module')
def scenes(pool):
    return FromPool(pool, SMALL, seed=0, stage=1, shift=True)


def trainee(order='ped', stage='masks', edge_only=False):
    return Trainee(SMALL, order, 0, stage, edge_only)


def batch_of(source, step):
    return next(iter(source.batches(Share(first=step, steps=step + 1, batch=2))))


def test_training_shows_the_refiner_what_the_decoder_shows_it(scenes):
    """From the same image, mask and prompt, training makes nearly the crops of inference: it
    samples them, where inference filters."""
    model = trainee().eval()
    batch, read = batch_of(replace(scenes, shift=False), 1), []
    model.decoder.refiner.register_forward_pre_hook(lambda _, given: read.append(given))
    with torch.inference_mode():
        seen = model._see(batch, torch.Generator().manual_seed(0), 0)
        by_box = model._rounds(batch, seen, torch.Generator(), 0)[0]
        model._refine(batch, seen, by_box, torch.Generator().manual_seed(0))
        one = by_box.rows == 0
        (height, width), content = batch.sizes[0].tolist(), tuple(batch.content[0].tolist())
        rgb = batch.rgb[0, :, :height, :width].permute(1, 2, 0).byte().numpy()
        canvas = Canvas.fit(SMALL, height, width)
        assert canvas.content == content
        tokens = model.encoder.tokens(batch.pixels, batch.shift.offset, batch.vacant)
        encoded = Encoded(FrameKey(0, ''), canvas, model.encoder.embedding(tokens)[:1], rgb)
        count = int(one.sum())
        found = Candidates(by_box.logits[one, 0], by_box.scores[one, 0], torch.arange(count))
        finished(model.decoder.refine(encoded, found, None, by_box.boxes[one]))
    (sampled, *_), (filtered, *_) = read
    apart = (sampled[: len(filtered), :3] - filtered[:, :3]).abs().mean()
    assert apart < 0.15 * filtered[:, :3].std()
    assert torch.allclose(sampled[: len(filtered), 4], filtered[:, 4], atol=1e-4)


def test_the_second_look_learns_alone_from_the_weights_of_a_run(tmp_path, pool, scenes):
    """Nothing else changes, and it may begin as a rival's, which ignores all embeddings."""
    first = Trainer(trainee(), QUICK, tmp_path / 'masks')
    first.learn(batch_of(scenes, 0))
    rival = Trainer(trainee(edge_only=True), QUICK, tmp_path / 'rival')
    rival.learn(batch_of(scenes, 0))
    model = trainee(stage='look')
    model.begin_with(first.average)
    model.borrow_look(rival.average)
    look = model.decoder.refiner
    crops, scores = torch.randn(1, 5, 32, 32), torch.rand(1)
    some, other = (
        [scale * torch.randn(1, n, 32 // k, 32 // k) for n, k in AROUND] for scale in (1, 9)
    )
    with torch.inference_mode():
        assert torch.equal(look(crops, some, scores)[0], look(crops, other, scores)[0])
    before = {name: value.clone() for name, value in model.state_dict().items()}
    run = Trainer(model, replace(QUICK, steps=2), tmp_path / 'look')
    list(run.run(FromPool(pool, SMALL, seed=0, stage=2, shift=True)))
    changed = {n for n, value in model.state_dict().items() if not torch.equal(value, before[n])}
    assert changed
    assert all(name.startswith('decoder.refiner.') for name in changed)


def test_a_step_reads_the_embeddings_once(scenes):
    """For all prompts, and the second round of them."""
    model, calls = trainee(), []
    model.decoder.mask_decoder.image_8.register_forward_hook(lambda *_: calls.append(1))
    model(batch_of(scenes, 0), 3)
    assert len(calls) == 1


def test_no_gradient_explodes_in_windows_without_content(scenes):
    """Normalising a window of zeros would multiply gradients by hundreds in each layer."""
    for order in ('ped', 'sam'):
        model = trainee(order)
        told = model(batch_of(scenes, 0), 0)
        sum(share * told[k] for k, share in model.loss_weights.items() if k in told).backward()
        norms = [float(p.grad.norm()) for p in model.parameters() if p.grad is not None]
        assert max(norms) < 100


def test_a_pool_that_has_lost_bytes_is_refused(tmp_path):
    """Scenes would be black, and nothing would say so."""
    assets = write_assets(tmp_path / 'assets.zip')
    filled_pool(tmp_path / 'pool', 2, assets, 1)
    (tmp_path / 'pool' / 'rgb').write_bytes(b'0' * 1000)
    with pytest.raises(ConfigError, match='1000 bytes'):
        filled_pool(tmp_path / 'pool', 2, assets, 1)


def test_a_damaged_state_is_refused(tmp_path):
    """In one line, whatever is wrong with it."""
    for wrong in (b'', b'text', b'PK'):
        (tmp_path / 'state.pt').write_bytes(wrong)
        with pytest.raises(ConfigError, match='not the state of a run'):
            Trainer(trainee(), QUICK, tmp_path)
