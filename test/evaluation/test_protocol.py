"""Segments, prompts, IoU and tables, by which models are judged, agree with COCO's tools."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask

from drawn_label_maps import HEIGHT, THINGS, WIDTH, Parrot, judge, labels, write_folder
from fakes import frame
from pedsam_ros.core.errors import BadBatch, BadPrompt, ConfigError
from pedsam_ros.core.pictures import binary
from pedsam_ros.core.prompts import fitted
from pedsam_ros.core.types import Frame, FrameKey, Prompt
from pedsam_ros.evaluation import picture, points, rle, tables
from pedsam_ros.evaluation.baselines import Blurred, BoxItself, blurred
from pedsam_ros.evaluation.coco import PUBLISHED
from pedsam_ros.evaluation.label_maps import read_label_maps
from pedsam_ros.evaluation.protocol import answers, prompt_of, scores
from pedsam_ros.evaluation.results import Result, figures_of
from pedsam_ros.evaluation.samples import Rules, Sample, Shape, choose


@pytest.fixture
def sample(tmp_path):
    """Reads the label map of `labels` with all its segments."""
    (read,) = read_label_maps(write_folder(tmp_path), Rules(min_share=0))
    return read


def naive_iou(one, other):
    return np.count_nonzero(one & other) / np.count_nonzero(one | other)


# masks


def test_run_lengths_come_back_as_pixels():
    """Every pixel is kept in the packed runs of pycocotools and in our plain counts."""
    for shape in (labels() == 1, labels() == 4, labels() == 9, labels() < 9, labels() == 0):
        mask = rle.mask_of(shape)
        assert (binary(mask, HEIGHT, WIDTH) == shape).all()
        assert (rle.decode(rle.encode(shape)) == shape).all()
        assert mask.area == shape.sum()


def test_iou_is_that_of_pycocotools_and_of_counting_pixels():
    """This holds for each pair among the segments, noise, an empty mask and a full mask."""
    noise = np.random.default_rng(0).random((HEIGHT, WIDTH)) < 0.5
    shapes = [*(labels() == i for i in THINGS), noise, noise & False, noise | True]
    packed = [rle.encode(shape) for shape in shapes]
    for i, found in enumerate(shapes):
        for j, true in enumerate(shapes):
            if true.any():
                measured = rle.iou(rle.mask_of(found), packed[j])
                assert measured == coco_mask.iou([packed[i]], [packed[j]], [0])[0, 0]
                assert measured == pytest.approx(naive_iou(found, true), abs=1e-12)


def test_mean_iou_is_that_of_pycocotools(sample):
    """A cell of the table is the plain mean over the segments of one class."""
    answered = [np.roll(labels() == i, (2, 3), (0, 1)) for i in THINGS]
    cells = tables.by_source(judge(Parrot(*answered), sample), ['here'])['here']
    found = [coco_mask.encode(np.asfortranarray(shape, np.uint8)) for shape in answered]
    true = [coco_mask.encode(np.asfortranarray(labels() == i, np.uint8)) for i in THINGS]
    overlap = np.diag(coco_mask.iou(found, true, [0] * len(true)))
    for name, wanted in (('things', True), ('regions', False)):
        chosen = [value for value, i in zip(overlap, THINGS, strict=True) if THINGS[i] == wanted]
        assert 0 < np.mean(chosen) < 1
        assert cells[name] == {kind: pytest.approx(np.mean(chosen)) for kind in ('box', 'point')}


# segments and prompts


def test_the_point_is_in_its_segment_and_farthest_from_the_border(sample):
    """This holds for a ring too. The image's border counts as a border of its segments."""
    for segment, number in zip(sample.segments, THINGS, strict=True):
        shape = labels() == number
        depth = cv2.distanceTransform(np.pad(shape, 1).astype(np.uint8), cv2.DIST_L2, 0)
        x, y = segment.point
        assert shape[y, x]
        assert depth[y + 1, x + 1] == depth.max()
    below = sample.segments[2]  # 15 rows high, at three of the image's borders
    assert below.point[1] == 32
    assert 7 <= below.point[0] < WIDTH - 7


@pytest.mark.parametrize('rule', points.POINT_RULES)
def test_points_lie_in_any_segment(rule):
    """Both rules choose a pixel of the segment in noise, a single pixel and a whole image."""
    noise = np.random.default_rng(1).random((20, 30, 9)) < 0.3
    single = np.zeros((20, 30), bool)
    single[19, 29] = True
    for shape in (*noise.transpose(2, 0, 1), single, single | True):
        x, y = points.POINT_RULES[rule](shape)
        assert shape[y, x]


def test_the_centre_of_a_ring_is_not_in_it():
    """If the centre of mass lies outside the segment, the farthest pixel is taken instead."""
    assert points.centre(labels() == 2) == (37, 14)
    assert points.centre(labels() == 1) == points.farthest(labels() == 1)


def test_the_box_is_tight_and_within_the_rules(sample):
    """The box's far corner lies just outside the segment, so it may equal the image's size."""
    assert [s.box for s in sample.segments] == [
        (5, 5, 30, 25),
        (30, 5, 45, 25),
        (0, 25, 60, 40),
        (0, 0, 60, 3),
        (30, 30, 33, 31),
    ]
    for segment in sample.segments:
        for kind in ('box', 'point'):
            prompt = prompt_of(segment, kind)
            assert fitted(prompt, HEIGHT, WIDTH) == prompt


def test_small_and_crowd_segments_are_skipped_and_counted(tmp_path):
    """By default segments below 0.2 % of the image are skipped.

    The published COCO rules take all that are not empty.
    """
    shape = np.zeros((HEIGHT, WIDTH), bool)
    shape.reshape(-1)[:5] = True  # 0.2 % of 2400 px are 4.8 px
    small = shape.copy()
    small[0, 4] = False
    shapes = [Shape(shape, True), Shape(small, True), Shape(shape, True, crowd=True)]
    kept, skipped = choose(shapes, Rules())
    assert ([s.area for s in kept], skipped) == ([5], {'small': 1, 'crowd': 1})
    kept, skipped = choose([*shapes, Shape(shape & False, True)], PUBLISHED)
    assert ([s.area for s in kept], skipped) == ([5, 4, 5], {'empty': 1})


def test_more_prompts_than_fit_at_once_keep_their_order():
    """Each segment gets the answer to its own prompt."""
    shapes = [np.zeros((10, 40), bool) for _ in range(40)]
    for i, shape in enumerate(shapes):
        shape[:, i] = True
    segments, _ = choose([Shape(s, True) for s in shapes], Rules())
    sample = Sample('', '', None, 10, 40, segments, {})
    image = Frame(FrameKey(1, ''), np.zeros((10, 40, 3), np.uint8))
    found = answers(BoxItself(), image, sample, ['box'])
    assert [score.iou for score in scores(sample, found)] == [1.0] * 40


@pytest.mark.parametrize('shapes', [(), (np.ones((3, 3), bool),) * 4])
def test_a_model_that_leaves_prompts_unanswered_is_an_error(sample, shapes):
    """A model must give one mask for each prompt."""
    with pytest.raises(BadBatch, match='asked was'):
        judge(Parrot(*shapes), sample)


# what a model must beat


def test_the_box_itself_scores_its_share_and_answers_no_point(sample):
    """Its IoU is the area of the segment divided by the area of the box."""
    found = [score.iou for score in judge(BoxItself(), sample, ['box'])]
    assert found == pytest.approx([400 / 500, 1, (900 - 3) / 900, 60 / 180, 1])
    with pytest.raises(BadPrompt, match='without a box'):
        BoxItself().decode(frame(), [Prompt(points=((1.0, 1.0, 1),))])


def test_blur_hides_the_same_part_of_the_view_at_any_size():
    """An edge is blurred over the same share of the width in an image twice as large."""
    widths = []
    for side in (128, 256):
        edge = np.zeros((side // 2, side, 3), np.uint8)
        edge[:, side // 2 :] = 255
        row = blurred(edge, 32.0)[0, :, 0].astype(float)
        widths.append(np.count_nonzero((row > 25) & (row < 230)) / side)
    assert widths[0] == pytest.approx(widths[1], abs=0.02)
    assert 0.06 < widths[0] < 0.1  # 2.56 sigma / 1024


def test_blurred_models_see_blurred_images():
    """The model behind the blur gets the blurred image; sigma must be above 0."""
    model = Blurred(Parrot(), 10.0)
    assert (model.encode(frame()).rgb == blurred(frame().rgb, 10.0)).all()
    with pytest.raises(ConfigError, match='sigma=0'):
        Blurred(Parrot(), 0)


# results


def table(sample, **scores):
    """The lines of the table of some models' scores."""
    figures = figures_of({name: Result(found) for name, found in scores.items()}, [sample])
    return tables.table(figures, [sample]).splitlines()


def test_the_table_gives_the_gain_over_the_box_itself(sample):
    """The gain stands beside each score; a score that does not exist is shown as '-'."""
    perfect = judge(Parrot(*(labels() == i for i in THINGS)), sample)
    lines = table(sample, ped=perfect, box=judge(BoxItself(), sample, ['box']))
    assert lines[1] == 'here, 3 things'
    assert lines[2].split() == ['ped', '1.000', '(+0.068)', '1.000', '(+0.068)']
    assert lines[3].split() == ['box', '0.932', '-']
    assert lines[4] == 'here, 2 regions'
    assert lines[7] == 'all, 5'
    assert table(sample, ped=perfect)[2] == lines[2]


def test_the_table_gives_what_the_embedding_contributed(sample):
    """It stands in square brackets, and both orders are compared on it."""
    perfect = judge(Parrot(*(labels() == i for i in THINGS)), sample)
    box = [replace(score, iou=score.iou - 0.5) for score in perfect]
    lines = table(sample, ped=perfect, sam=perfect, no_embedding=box, sam_no_embedding=perfect)
    assert lines[2].split()[:4] == ['ped', '1.000', '(+0.068)', '[+0.500]']
    assert lines[3].split()[:4] == ['sam', '1.000', '(+0.068)', '[+0.000]']
    assert lines[4].split()[:3] == ['no_embedding', '0.500', '(-0.432)']
    assert [line.split()[:5] for line in lines[-1:]] == [['ped', '/', 'sam,', 'score', '1.000']]


def test_the_picture_has_a_tile_for_each_column(sample):
    """Tiles of one row differ by their prompts, and all have the same size."""
    rgb, masks = sample.rgb(), picture.truth(sample)
    row = [picture.tile(rgb, sample, masks, 'truth', kind) for kind in ('', 'box', 'point')]
    assert picture.grid([row, row]).shape == (2 * 262, 3 * 320, 3)
    assert len({tile.tobytes() for tile in row}) == 3
