"""Average recall of automatic masks, and what they are compared with."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import fakes
from drawn_label_maps import labels, write_folder
from pedsam_ros.core.model import checkpoint, loading
from pedsam_ros.core.types import Frame, FrameKey
from pedsam_ros.evaluation import automatic_recall, rle
from pedsam_ros.evaluation.automatic_recall import Outcome, figures_of, measured, table, ways_of
from pedsam_ros.evaluation.label_maps import read_label_maps
from pedsam_ros.evaluation.samples import Rules


@pytest.fixture
def samples(tmp_path):
    """An image with five segments."""
    return list(read_label_maps(write_folder(tmp_path), Rules(min_share=0)))


@pytest.fixture
def few_points(monkeypatch):
    """A grid of 3x3 points; all masks pass."""
    settings = replace(
        automatic_recall.SETTINGS,
        points_per_side=3,
        pred_iou_thresh=0.0,
        stability_score_thresh=0.0,
        box_nms_thresh=1.0,
    )
    monkeypatch.setattr(automatic_recall, 'SETTINGS', settings)
    monkeypatch.setattr(automatic_recall, '_FEW', 1)


def model(arch=fakes.TINY):
    return loading.load_monolithic(checkpoint.random_weights(arch, 0))


def test_average_recall_is_the_mean_over_ten_thresholds(samples):
    """Of five segments one is met exactly, one with an IoU of .72, the others not at all."""
    best = [1.0, 0.72, 0.49, 0.0, 0.0]
    outcome = Outcome(best=best, best_of_100=best, masks=[7], seconds=[2.0])
    (way,) = figures_of({'one': outcome}, samples)['ways'].values()
    assert way['ar']['all'] == pytest.approx((10 + 5) / 50)
    assert way['ar']['small'] == pytest.approx((10 + 5) / 50)
    assert way['ar']['large'] is None
    assert way['ar']['here things'] == pytest.approx(10 / 30)
    assert (way['masks'], way['cpu_s']) == (7, 2.0)


def test_two_masks_alike_have_an_iou_of_one():
    """Each mask with each other."""
    one, two = (rle.mask_of(labels() == number) for number in (1, 2))
    size = labels().shape
    overlaps = rle.ious([one, two], [rle.packed(two, size), rle.packed(one, size)])
    assert overlaps.tolist() == [[0, 1], [1, 0]]
    assert rle.ious([], [rle.packed(two, size)]).shape == (0, 1)


@pytest.mark.parametrize('arch', [fakes.TINY, fakes.FINE], ids=lambda arch: arch.name)
def test_our_grid_gives_sams_masks_on_the_same_embedding(few_points, arch):
    """Its generator gets the model's own mask decoder, and no second look."""
    pipeline = model(arch)
    ways = ways_of(pipeline)
    assert ('ours_refined' in ways) == bool(arch.refine_px)
    encoded = pipeline.encode(Frame(FrameKey(0, ''), fakes.frame().rgb))
    sams = ways['sam'](encoded)
    (decoder, config), _ = ways['ours'].args, None
    ours = automatic_recall._ours(decoder, replace(config, search='grid'), encoded)
    assert len(sams) == len(ours) == 27
    for one, other in zip(sams, ours, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-4)
        assert abs(one.area - other.area) <= 3


def test_the_figures_hold_every_way_and_what_it_is_compared_with(few_points, samples):
    """A way that finds the very masks of the other finds all of them again."""
    with torch.inference_mode():
        figures = measured(model(), samples)
    ours = figures['ways']['ours']
    assert ours['finds_again'] == {'0.75': 1.0, '0.9': 1.0}
    assert ours['ar_lost'] == pytest.approx(0, abs=1e-9)
    assert ours['speedup'] > 0
    assert figures['segments']['all'] == 5
    lines = table(figures).splitlines()
    assert len(lines) == 1 + len(figures['ways'])
    assert not np.isnan(ours['ar']['all'])
