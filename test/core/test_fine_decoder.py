"""Our own mask decoder: what it reads of prompts and images, what it computes once and keeps."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

import fakes
from pedsam_ros.core.architecture import ARCHITECTURES
from pedsam_ros.core.automatic_config import AutomaticConfig
from pedsam_ros.core.edge_compute import finished
from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.model.automatic import automatic
from pedsam_ros.core.model.decoder import Decoder
from pedsam_ros.core.model.fine_decoder import named_by
from pedsam_ros.core.types import FrameKey, Prompt
from pedsam_ros.core.windows import Canvas

SIZE = (96, 128)
POINTS = torch.tensor([[[30.0, 40.0, 1]], [[200.0, 100.0, 1]], [[9.0, 9.0, 1]], [[99.0, 50.0, 1]]])
BOXES = torch.tensor([[20.0, 20, 90, 80], [150, 60, 280, 210], [0, 0, 50, 20], [90, 30, 140, 70]])
POINT, BOX = Prompt(((30.0, 40.0, 1),)), Prompt(box=(9.0, 9.0, 90.0, 80.0))
ASKED = {'points': (POINTS, None), 'boxes': (None, BOXES), 'both': (POINTS, BOXES)}


@pytest.fixture(scope='module')
def decoder():
    return loading.load_edge(checkpoint.random_weights(fakes.FINE, 0)).decoder


def embeddings(count=1, arch=fakes.FINE):
    shape = count, arch.embedding_dim + 16 * arch.fine_dim, arch.tokens, arch.tokens
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def encoded(arch=fakes.FINE):
    rgb = fakes.frame(*SIZE).rgb
    return Encoded(FrameKey(0, ''), Canvas.fit(arch, *SIZE), embeddings(1, arch), rgb)


def some(prompts, which):
    return tuple(None if each is None else each[which] for each in prompts)


@pytest.mark.parametrize('asked', ASKED.values(), ids=ASKED)
def test_prompts_of_several_images_get_what_each_gets_alone(decoder, asked):
    """In training many images are decoded together, and `rows` says whose each prompt is."""
    images, rows = embeddings(3), [2, 0, 1, 0]
    with torch.inference_mode():
        logits, scores = decoder.fine_masks(decoder.features(images), torch.tensor(rows), *asked)
        for i, row in enumerate(rows):
            alone = decoder(images[row : row + 1], *some(asked, [i]))
            assert torch.allclose(logits[i], alone[0][0], atol=1e-5)
            assert torch.allclose(scores[i], alone[1][0], atol=1e-5)
    assert logits.shape == (4, 3, 72, 72)
    assert not torch.allclose(logits[1], logits[3], atol=1e-3)


def test_the_edge_and_training_ask_alike(decoder):
    """One image, whose maps are not copied for each prompt, as well as a batch of images."""
    features, rows = decoder.features(embeddings(2)), torch.ones(4, dtype=torch.int64)
    with torch.inference_mode():
        batch = decoder.fine_masks(features, rows, POINTS, BOXES)
        alone = decoder(embeddings(2)[1:], POINTS, BOXES)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(batch, alone, strict=True))


def test_a_point_beside_the_object_names_nothing(decoder):
    """But it changes the masks. If no point lies on the object, all are looked at."""
    beside = torch.tensor([[[60.0, 60.0, 0]]]).expand(4, -1, -1)
    points = torch.cat([POINTS, beside], 1)
    features, rows = decoder.features(embeddings()), torch.zeros(4, dtype=torch.int64)
    alike = decoder.mask_decoder.alike
    with torch.inference_mode():
        one, two = (alike(features, rows, named_by(each, None)) for each in (POINTS, points))
        masks, others = (decoder(embeddings(), each, None)[0] for each in (POINTS, points))
        lost, _ = decoder(embeddings(), beside, None)
    assert torch.allclose(one, two, atol=1e-6)
    assert not torch.allclose(masks, others, atol=1e-3)
    assert lost.isfinite().all()
    assert named_by(beside, None)[..., 2].eq(1).all()


def test_a_box_and_a_point_count_together(decoder):
    """25 places in the middle of a box weigh as much as one point, and lie within the box."""
    named = named_by(POINTS, BOXES)
    assert named.shape == (4, 26, 3)
    assert torch.equal(named[:, 0], POINTS[:, 0])
    assert torch.allclose(named[:, 1:, 2].sum(1), torch.ones(4))
    for places, box in zip(named[:, 1:, :2], BOXES, strict=True):
        assert (places >= box[:2]).all()
        assert (places <= box[2:]).all()
    with torch.inference_mode():
        point, box, both = (decoder(embeddings(), *asked)[0] for asked in ASKED.values())
    assert not torch.allclose(both, point, atol=1e-3)
    assert not torch.allclose(both, box, atol=1e-3)


def test_a_point_beside_the_object_names_nothing_of_a_box():
    """With a box, what is in its middle is named, and no place that the user excluded."""
    beside = POINTS * torch.tensor([1.0, 1.0, 0.0])
    assert not named_by(beside, BOXES)[:, : POINTS.shape[1], 2].any()


def test_the_place_that_is_named_is_like_itself(decoder):
    """Of all pixels that of the point is most like what it names."""
    points = torch.tensor([[[4 * 10 + 1.5, 4 * 20 + 1.5, 1]]])  # the middle of a pixel at stride 4
    features = decoder.features(embeddings())
    with torch.inference_mode():
        found = decoder.mask_decoder.alike(features, torch.tensor([0]), named_by(points, None))
    assert found.shape == (1, 1, 72, 72)
    assert found[0, 0, 20, 10] == pytest.approx(1)
    assert found.argmax() == 20 * 72 + 10
    assert (found >= 0).all()


def test_what_no_prompt_changes_is_computed_once(decoder):
    """For the masks of all prompts and their second look, and for a whole search of the view."""
    calls = []
    hook = decoder.mask_decoder.image_8.register_forward_hook(lambda *_: calls.append(1))
    with torch.inference_mode():
        finished(decoder.answer(encoded(), [POINT] * 3))
        assert len(calls) == 1
        for search in ('coarse_to_fine', 'grid'):
            rules = AutomaticConfig(search=search, points_per_side=4, points_per_batch=4)
            finished(automatic(decoder, encoded(), replace(rules, pred_iou_thresh=0.0)))
    hook.remove()
    assert len(calls) == 3


def peak_bytes(decoder, scene, prompts):
    """The most that torch has allocated while it answers."""
    watched = profile(activities=[ProfilerActivity.CPU], profile_memory=True)
    with torch.inference_mode(), watched:
        finished(decoder.answer(scene, prompts))
    events = watched.profiler.kineto_results.events()
    changes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == '[memory]')
    assert changes
    now = most = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


@pytest.mark.parametrize('refine_px', [0, 64, 128])
@pytest.mark.parametrize('prompt', [POINT, BOX], ids=['point', 'box'])
def test_as_many_prompts_as_are_decoded_together_fit_the_memory(prompt, refine_px):
    """256 MB are meant to be enough for them."""
    arch = replace(ARCHITECTURES['vit_tiny'], refine_px=refine_px)
    decoder, scene = Decoder(arch).eval(), encoded(arch)
    few, more = (peak_bytes(decoder, scene, [prompt] * count) for count in (2, 6))
    assert 2**26 < decoder.most_prompts * (more - few) / 4 < 2**28


def test_a_model_is_loaded_without_torchs_compiler():
    """Importing it would take a second or two of a robot's start."""
    program = (
        'import sys; from pedsam_ros.core.model import checkpoint, loading;'
        "loading.load_edge(checkpoint.read('random:vit_tiny:0'), worker_half=True);"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, '-c', program]).returncode == 0
