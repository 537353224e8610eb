"""Training lowers the loss and can stop anywhere; a student comes nearer to its teacher."""

import json
from dataclasses import replace

import pytest
import torch

import fakes
from drawn_assets import SMALL, write_assets
from pedsam_ros.core.errors import ConfigError, PedsamError
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.model.monolithic import vacant_tokens
from pedsam_ros.core.types import Frame, FrameKey, Prompt
from pedsam_ros.learn import losses
from pedsam_ros.learn.asset_pack import AssetPack
from pedsam_ros.learn.curves import draw_curves
from pedsam_ros.learn.examples import Examples
from pedsam_ros.learn.from_pool import FromPool, filled_pool
from pedsam_ros.learn.learner import Batch
from pedsam_ros.learn.shifts import Shifts
from pedsam_ros.learn.source import Share
from pedsam_ros.learn.student import Student
from pedsam_ros.learn.trainee import Trainee
from pedsam_ros.learn.trainer import Recipe, Trainer

QUICK = Recipe(steps=4, batch=2, rate=1e-3, warmup=2)
HANGS_S = 900  # a step takes a second where four other processes want the same core

pytestmark = pytest.mark.timeout(HANGS_S)


@pytest.fixture(autouse=True)
def _one_thread():
    """Threads of torch that wait for each other starve on a busy machine."""
    torch.set_num_threads(1)


@pytest.fixture(scope='module')
def assets(tmp_path_factory):
    return AssetPack.open(write_assets(tmp_path_factory.mktemp('assets') / 'assets.zip'))


@pytest.fixture(scope='module')
def examples(assets):
    """Examples for batches of two, shifted as in any run that is not told otherwise."""
    return Examples(assets, SMALL, 0, Shifts(SMALL, seed=0, batch=2))


@pytest.fixture(scope='module')
def pool(tmp_path_factory):
    """Six scenes, which two processes have composed."""
    folder = tmp_path_factory.mktemp('pool')
    return filled_pool(folder / 'pool', 6, write_assets(folder / 'assets.zip'), 2)


@pytest.fixture(scope='module')
def scenes(pool):
    return FromPool(pool, SMALL, seed=0, stage=1, shift=True)


def batch_of(source, steps=1):
    """The batch of the last of some steps."""
    return list(source.batches(Share(first=steps - 1, steps=steps, batch=2)))[-1]


def trainer(folder, order='ped', recipe=QUICK):
    return Trainer(Trainee(SMALL, order, seed=0, stage='masks'), recipe, folder, 'cpu')


@pytest.mark.parametrize(
    ('order', 'precision'), [('ped', 'float32'), ('sam', 'float32'), ('ped', 'bfloat16')]
)
def test_fifty_steps_on_a_fixed_batch_lower_its_loss(tmp_path, scenes, order, precision):
    """This holds in either block order, and in bfloat16."""
    recipe = Recipe(steps=50, batch=2, rate=2e-3, warmup=5, precision=precision)
    run = trainer(tmp_path, order, recipe)
    batch = batch_of(scenes)
    told = [run.learn(batch) for _ in range(50)]
    first, last = (sum(t['loss'] for t in part) / 5 for part in (told[:5], told[-5:]))
    assert last < 0.8 * first
    assert told[-1]['iou'] > told[0]['iou']


@pytest.mark.parametrize('shift', [True, False])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, pool, shift):
    """The losses and the weights are equal to the last bit."""
    source = FromPool(pool, SMALL, seed=0, stage=1, shift=shift)
    whole = trainer(tmp_path / 'whole')
    expected = [told['loss'] for told in whole.run(source)]
    broken = trainer(tmp_path / 'broken')
    found = []
    for told in broken.run(source):
        found.append(told['loss'])
        broken.save()
        if len(found) == 2:
            break  # whatever is not saved is lost, as after kill -9
    resumed = trainer(tmp_path / 'broken')
    assert resumed.step == 2
    found += [told['loss'] for told in resumed.run(source)]
    assert found == expected
    assert resumed.weights().model_id == whole.weights().model_id


def test_bfloat16_costs_little_and_keeps_the_weights_in_float32(tmp_path, scenes):
    """The loss differs only by rounding, and the averaged weights stay in float32."""
    batch = batch_of(scenes)
    exact = trainer(tmp_path / 'exact').learn(batch)
    rounded = trainer(tmp_path / 'rounded', recipe=replace(QUICK, precision='bfloat16'))
    found = rounded.learn(batch)
    assert found['loss'] != exact['loss']
    assert found['loss'] == pytest.approx(exact['loss'], rel=0.01)
    assert {value.dtype for value in rounded.average.values()} == {torch.float32}


def test_a_state_of_another_run_is_refused(tmp_path):
    """Another recipe or block order would continue the run as neither of the two."""
    trainer(tmp_path).save()
    for other in (
        lambda: trainer(tmp_path, order='sam'),
        lambda: trainer(tmp_path, recipe=replace(QUICK, steps=5)),
        lambda: trainer(tmp_path, recipe=replace(QUICK, shift=False)),
    ):
        with pytest.raises(ConfigError, match='of another run'):
            other()


def test_what_was_trained_is_a_checkpoint_like_any_other(tmp_path, scenes):
    """Trained weights can be written, read, and run in one piece."""
    run = trainer(tmp_path)
    run.learn(batch_of(scenes))
    read = checkpoint.read(str(checkpoint.write(run.weights(), tmp_path / 'model.safetensors')))
    assert read.model_id == run.weights().model_id
    pipeline = loading.load_monolithic(read)
    encoded = pipeline.encode(Frame(FrameKey(1, 'camera'), fakes.frame(90, 120).rgb))
    (mask,) = pipeline.decode(encoded, [Prompt(box=(10.0, 10.0, 60.0, 60.0))]).masks
    x, y, width, height = mask.box
    assert 0 <= x <= x + width <= 120
    assert 0 <= y <= y + height <= 90


def test_distillation_brings_the_reordered_model_nearer_to_its_teacher(tmp_path, examples):
    """The distance of the embedding falls, and the decoder stays as it was."""
    weights = checkpoint.random_weights(SMALL, 0)
    run = Trainer(Student(weights), Recipe(steps=40, batch=2, warmup=2), tmp_path, 'cpu')
    batch = Batch.of([examples[i] for i in range(2)])
    told = [run.learn(batch) for _ in range(40)]
    assert told[-1]['embedding'] < 0.7 * told[0]['embedding']
    name = 'mask_decoder.iou_token.weight'
    assert torch.equal(run.weights().tensors[name], weights.tensors[name].half())


def test_a_batch_is_encoded_under_its_partition(examples):
    """As a shifted frame is; examples of two partitions are no batch."""
    model = Student(checkpoint.random_weights(SMALL, 0)).eval()
    batch = Batch.of([examples[2], examples[3]])
    assert any(batch.offset)
    with torch.inference_mode():
        found, unshifted = model.encode(batch), model.encoder(batch.pixels)
        expected = [
            model.encoder(e.pixels[None], e.canvas.offset, vacant_tokens(SMALL, e.canvas)[None])
            for e in batch.examples
        ]
    assert torch.allclose(found, torch.cat(expected), atol=1e-4)
    assert not torch.allclose(found, unshifted, atol=0.01)
    other = next(
        e for e in map(examples.__getitem__, (4, 6, 8)) if e.canvas.offset != batch.offset
    )
    with pytest.raises(ValueError, match='one partition'):
        Batch.of([examples[2], other])


def test_curves_are_drawn_from_a_log(tmp_path):
    """A step may be logged twice, because a resumed run repeats the steps after its last save."""
    rows = [{'step': s, 'loss': 1 / s, 'coarse': 0.5, 'box': 0.1} for s in (1, 2, 2, 3)]
    (tmp_path / 'log.jsonl').write_text('\n'.join(map(json.dumps, rows)))
    draw_curves(tmp_path / 'log.jsonl', tmp_path / 'curves.png')
    assert (tmp_path / 'curves.png').read_bytes().startswith(b'\x89PNG')


def test_losses_know_a_good_mask_from_a_bad_one():
    """Losses rank perfect, empty and inverted masks, of an object of one pixel too."""
    target = torch.zeros(2, 24, 24)
    target[0, 4:20, 4:20] = 1
    target[1, 10, 10] = 1
    boxes = torch.tensor([[4.0, 4, 20, 20], [10, 10, 11, 11]])
    near = losses.near_box(boxes, side=24, px=24)
    good, empty = (target * 2 - 1) * 8, torch.full_like(target, -8.0)
    perfect, missed = (losses.mask_loss(x, target, near) for x in (good, empty))
    assert (perfect < 0.1).all()
    assert (missed > 0.9).all()
    assert losses.iou(good, target).tolist() == [1, 1]
    assert losses.iou(empty, target).tolist() == [0, 0]
    assert (losses.mask_loss(-good, target, near) > missed).all()


def test_the_iou_of_a_crop_counts_what_lies_outside():
    """A perfect mask of a crop that shows half the object has an IoU of one half."""
    target = torch.ones(1, 8, 8)
    assert losses.iou(target * 8, target, torch.tensor([64.0])).tolist() == [0.5]


def test_recipes_and_runs_that_cannot_be_are_refused(tmp_path, scenes):
    """The value is named before anything is computed; a loss that is not finite stops the run."""
    for wrong in (
        {'batch': 0},
        {'warmup': 0},
        {'seed': -1},
        {'average': 1.5},
        {'precision': 'int8'},
    ):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            Recipe(**wrong)
    with pytest.raises(ConfigError, match="order='ped'"):
        Student(trainer(tmp_path).weights())
    run = trainer(tmp_path)
    with torch.no_grad():
        run.learner.encoder.pos_embed.fill_(float('nan'))
    with pytest.raises(PedsamError, match='not finite'):
        run.learn(batch_of(scenes))
