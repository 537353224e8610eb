"""Scenes and examples follow from their seed, and agree with their labels."""

import cv2
import numpy as np
import pytest

from drawn_assets import SMALL, write_assets
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.shift import Shift
from pedsam_ros.learn import appearance
from pedsam_ros.learn.asset_pack import AssetPack
from pedsam_ros.learn.examples import BOX_PROMPTS, OBJECTS, Examples, make_example
from pedsam_ros.learn.photo_folder import PhotoExamples
from pedsam_ros.learn.scenes import LONG_PX, Scene, compose
from pedsam_ros.learn.shifts import Shifts


@pytest.fixture(scope='module')
def assets(tmp_path_factory):
    return AssetPack.open(write_assets(tmp_path_factory.mktemp('assets') / 'assets.zip'))


def test_a_scene_is_a_function_of_its_seed(assets):
    """Equal seeds give equal pixels, other seeds give other pixels."""
    one, same, other = (compose(assets, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert (one.rgb == same.rgb).all()
    assert (one.labels == same.labels).all()
    assert one.rgb.shape != other.rgb.shape or (one.rgb != other.rgb).any()


def test_scenes_have_objects_of_all_sizes(assets):
    """Scenes have the promised long side, few or many objects, and small and large ones."""
    counts, areas = set(), []
    for seed in range(40):
        scene = compose(assets, np.random.default_rng(seed))
        assert max(scene.labels.shape) == LONG_PX
        assert scene.rgb.shape == (*scene.labels.shape, 3)
        numbers, sizes = np.unique(scene.labels[scene.labels > 0], return_counts=True)
        counts.add(len(numbers))
        areas += list(sizes / scene.labels.size)
    assert len(counts) > 5
    assert min(areas) < 0.01 < 0.2 < max(areas)


def test_examples_ask_for_what_their_masks_show(assets):
    """Points lie on their object, boxes enclose it, and the coarse mask shows the same object."""
    examples = Examples(assets, SMALL, seed=0)
    for index in range(10):
        example = examples[index]
        height, width = example.masks.shape[1:]
        scale = width / example.canvas.content[1]
        points = example.point_prompts[:, 0]
        for mask, point in zip(example.masks[BOX_PROMPTS:], points, strict=True):
            x, y = (point[:2] * scale).long().tolist()
            assert mask[min(y, height - 1), min(x, width - 1)] == 1
        for mask, box in zip(example.masks, example.boxes, strict=True):
            x, y, w, h = cv2.boundingRect(mask.numpy())
            assert np.allclose((box * scale).numpy(), [x, y, x + w, y + h], atol=2.0)
        share = example.coarse.mean((1, 2)) * SMALL.image_px**2
        content = example.canvas.content[0] * example.canvas.content[1]
        expected = example.masks.float().mean((1, 2)) * content
        assert np.allclose(share.numpy(), expected.numpy(), rtol=0.05, atol=4)


@pytest.mark.parametrize('shift', [None, Shift(), Shift((3, 1), (15, 4)), Shift((0, 2), (0, 9))])
@pytest.mark.parametrize('size', [(60, 96), (90, 40)])
def test_masks_and_prompts_lie_where_the_object_is_on_the_canvas(size, shift):
    """This holds wherever the content begins: the object is white, everything else is black."""
    labels = np.zeros(size, np.uint8)
    labels[20:44, 10:36] = 1
    scene = Scene(np.repeat(labels[..., None] * np.uint8(255), 3, 2), labels)
    example = make_example(scene, [1], SMALL, np.random.default_rng(0), shift)
    light = example.pixels[0].numpy()
    white = (light > 0.1).astype(np.float32)  # normalised: black is -2.1, padding 0, white 2.2
    shown = cv2.resize(white, example.coarse.shape[1:], interpolation=cv2.INTER_AREA)
    assert np.abs(example.coarse.numpy() - shown).mean() < 0.01
    rows, columns = np.nonzero(white)
    around = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    assert np.allclose(example.boxes, around, atol=1.0)
    assert np.allclose(example.box_prompts, around, atol=0.3 * max(size))
    for x, y, label in example.point_prompts[:, 0].tolist():
        assert white[round(y), round(x)] == label == 1
    height, width = np.ptp(np.nonzero(light), axis=1) + 1
    assert (height, width) == example.canvas.content
    begins = np.argwhere(light).min(0)
    assert tuple(begins) == example.canvas.corner == (shift.corner if shift else (0, 0))


def test_a_batch_has_one_partition_and_each_example_its_own_corner(assets):
    """They depend on the seed and the example's number alone; the scene stays the same."""
    shifts = Shifts(SMALL, seed=1, batch=4)
    all_of = [shifts.of(index) for index in range(80)]
    assert all_of == [Shifts(SMALL, seed=1, batch=4).of(index) for index in range(80)]
    assert all_of != [Shifts(SMALL, seed=2, batch=4).of(index) for index in range(80)]
    by_batch = [{each.offset for each in all_of[i : i + 4]} for i in range(0, 80, 4)]
    assert {len(offsets) for offsets in by_batch} == {1}
    assert len(set().union(*by_batch)) > 8
    assert len({each.corner for each in all_of}) > 60
    moved, still = Examples(assets, SMALL, 1, shifts)[5], Examples(assets, SMALL, 1)[5]
    assert (moved.canvas.offset, moved.canvas.corner) == (all_of[5].offset, all_of[5].corner)
    assert (moved.rgb == still.rgb).all()
    assert (moved.masks == still.masks).all()


def test_dressed_objects_keep_their_shape():
    """Colours change in parts, the opacity stays, and the original is not touched."""
    picture = np.full((60, 40, 4), 90, np.uint8)
    parts = appearance.dressed(picture, np.random.default_rng(1))
    assert (parts[..., 3] == 90).all()
    assert (picture == 90).all()
    assert 2 <= len(np.unique(parts[..., :3].reshape(-1, 3), axis=0)) <= 4


def test_a_wavy_ramp_leads_from_one_side_to_the_other():
    """It rises from about 0 to about 1."""
    for seed in range(20):
        level = appearance.wavy_ramp(30, 50, np.random.default_rng(seed))
        assert level.shape == (30, 50)
        assert np.ptp(level) > 0.8


def test_an_example_is_a_function_of_its_index(assets):
    """So a run can be resumed, and several processes can share it."""
    one, same = (Examples(assets, SMALL, seed=1)[5] for _ in range(2))
    assert (one.pixels == same.pixels).all()
    assert (one.point_prompts == same.point_prompts).all()
    other = Examples(assets, SMALL, seed=2)[5]
    assert (one.pixels != other.pixels).any()


def test_photographs_give_examples_without_labels(tmp_path):
    """Distillation takes any folder of images; files that are not images are skipped."""
    rng = np.random.default_rng(0)
    cv2.imwrite(str(tmp_path / 'a.png'), rng.integers(0, 256, (90, 160, 3), dtype=np.uint8))
    (tmp_path / 'broken.jpg').write_bytes(b'nothing')
    shifts = Shifts(SMALL, seed=0, batch=2)
    example = PhotoExamples(tmp_path, SMALL, 0, shifts)[1]
    assert example.canvas.corner == shifts.of(1).corner
    assert example.pixels.shape == (3, SMALL.image_px, SMALL.image_px)
    assert len(example.masks) == OBJECTS
    assert (example.masks.flatten(1).sum(1) > 0).all()


@pytest.mark.parametrize('drop', ['cutout', 'background'])
def test_packs_without_what_a_scene_needs_are_refused(tmp_path, drop):
    """A pack needs cut-outs and backgrounds."""
    with pytest.raises(ConfigError, match='needs cut-outs and backgrounds'):
        AssetPack.open(write_assets(tmp_path / 'assets.zip', drop={drop}))


def test_what_is_not_a_pack_is_refused(tmp_path):
    """The error names a missing file, a file that is not a zip, or a folder without images."""
    (tmp_path / 'text').write_text('text')
    for name in ('missing.zip', 'text'):
        with pytest.raises(ConfigError, match=name):
            AssetPack.open(tmp_path / name)
    with pytest.raises(ConfigError, match='no image'):
        PhotoExamples(tmp_path, SMALL, seed=0)
