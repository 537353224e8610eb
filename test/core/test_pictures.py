"""Masks become pictures, and measurements become figures."""

import cv2
import numpy as np
import pytest

from pedsam_ros.core import pictures
from pedsam_ros.core.edge_compute import finished
from pedsam_ros.core.errors import BadMasks
from pedsam_ros.core.metrics import Metrics
from pedsam_ros.core.types import FrameKey, Mask, Masks


def mask(shape):
    """A mask whose run lengths are counted pixel by pixel."""
    counts, value = [0], False
    for pixel in shape.T.flatten():
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    return Mask(-1, 1.0, 1.0, (0, 0, 0, 0), int(shape.sum()), tuple(counts))


def masks(*shapes):
    return Masks(FrameKey(0, ''), *shapes[0].shape, 'id', tuple(map(mask, shapes)))


def rectangle(rows, columns):
    shape = np.zeros((6, 9), bool)
    shape[rows, columns] = True
    return shape


LARGE, SMALL = rectangle(slice(0, 5), slice(0, 5)), rectangle(slice(1, 3), slice(1, 3))


@pytest.mark.parametrize('shape', [LARGE, SMALL, LARGE & False, LARGE | True, ~LARGE])
def test_run_lengths_become_pixels(shape):
    """Runs are column-major and begin with zeros, as in COCO."""
    assert (pictures.binary(mask(shape), *shape.shape) == shape).all()


@pytest.mark.parametrize(('first', 'second'), [(LARGE, SMALL), (SMALL, LARGE)])
def test_small_masks_lie_on_large_ones(first, second):
    """This holds for any order of the masks; ids count from 1."""
    labels = pictures.label_image(masks(first, second))
    small_id = 2 if second is SMALL else 1
    assert labels.dtype == np.uint16
    assert (labels[SMALL] == small_id).all()
    assert (labels[LARGE & ~SMALL] == 3 - small_id).all()
    assert (labels[~LARGE] == 0).all()


def test_the_binary_picture_is_black_and_white():
    """It is 255 inside any mask and 0 elsewhere."""
    picture = pictures.any_mask(pictures.label_image(masks(LARGE, SMALL)))
    assert (picture == np.where(LARGE, 255, 0)).all()
    assert picture.dtype == np.uint8


def test_the_overlay_changes_only_what_lies_under_masks():
    """The given image itself does not change."""
    rgb = np.full((60, 90, 3), 100, np.uint8)
    shape = np.zeros((60, 90), bool)
    shape[10:20, 10:20] = True
    painted = pictures.overlay(rgb, masks(shape))
    assert (rgb == 100).all()
    assert (painted[30:] == 100).all()
    assert (painted[12:18, 12:18] != 100).any(-1).all()


@pytest.mark.parametrize('counts', [(), (53,), (55,), (0, 2**32 - 1), (10, 44, 2**32 - 1)])
def test_run_lengths_that_do_not_fit_the_size_are_refused(counts):
    """They are added up before any memory is taken for them."""
    wrong = Mask(-1, 1.0, 1.0, (0, 0, 0, 0), 0, counts)
    with pytest.raises(BadMasks, match=f'run lengths of {sum(counts)} px: a mask of 9x6 px'):
        pictures.binary(wrong, 6, 9)


def test_an_overlay_that_would_take_long_is_refused(monkeypatch):
    """What counts are the boxes that are painted; the error names both numbers."""
    monkeypatch.setattr(pictures, 'MOST_PAINTED_PX', 28)
    with pytest.raises(BadMasks, match='boxes have 29 px: at most 28 px'):
        pictures.overlay(np.zeros((6, 9, 3), np.uint8), masks(LARGE, SMALL))
    pictures.overlay(np.zeros((6, 9, 3), np.uint8), masks(LARGE))


def test_masks_of_another_size_are_not_painted():
    """The error names both sizes."""
    with pytest.raises(BadMasks, match='masks of 9x6 px: the image has 9x7 px'):
        pictures.overlay(np.zeros((7, 9, 3), np.uint8), masks(LARGE))


def test_every_mask_is_tinted_within_its_outline():
    """Masks at the border, one that fills the image, one of a pixel and an empty one."""
    full = np.ones((40, 50), bool)
    for rows, columns in [(slice(0, 9), slice(0, 9)), (slice(30, 40), slice(9, 50)), (20, 20)]:
        shape = full & False
        shape[rows, columns] = True
        painted = pictures.overlay(np.zeros((40, 50, 3), np.uint8), masks(shape))
        assert painted[shape].any(-1).all()
        assert not painted[~cv2.dilate(shape.astype(np.uint8), np.ones((5, 5))).astype(bool)].any()
    black = np.zeros((40, 50, 3), np.uint8)
    assert pictures.overlay(black, masks(full)).any(-1).all()
    assert not pictures.overlay(black, masks(full & False)).any()


def test_opacity_mixes_image_and_colour():
    """At 0 only the outline is seen, at 1 only the colour."""
    rgb = np.full((60, 90, 3), 100, np.uint8)
    shape = np.zeros((60, 90), bool)
    shape[10:50, 10:50] = True
    inner = [pictures.overlay(rgb, masks(shape), opacity)[30, 30] for opacity in (0.0, 0.5, 1.0)]
    assert inner[0].tolist() == [100, 100, 100]
    assert np.abs((inner[0].astype(int) + inner[2]) / 2 - inner[1]).max() <= 1


def test_summaries_name_median_and_95th_percentile():
    """Both are taken over the last thousand values."""
    metrics = Metrics(lambda: 0.0)
    for value in range(2001):
        metrics.record('stage_s', value)
    assert metrics.summary() == {'stage_s_p50': 1500.5, 'stage_s_p95': pytest.approx(1950, abs=1)}


def test_a_stage_is_timed_unless_it_fails():
    """The time is that of the clock it was given."""
    metrics = Metrics(iter([1.0, 3.5, 9.0]).__next__)
    with metrics.timed('stage_s'):
        pass
    with pytest.raises(KeyError), metrics.timed('stage_s'):
        raise KeyError
    assert metrics.summary() == {'stage_s_p50': 2.5, 'stage_s_p95': 2.5}


def test_a_stage_in_batches_is_timed_without_the_pauses():
    """The caller does something else between two batches."""
    metrics = Metrics(iter([1.0, 3.0, 50.0, 51.5]).__next__)

    def making():
        yield
        return 'made'

    assert finished(metrics.timed_in('stage_s', making())) == 'made'
    assert metrics.summary() == {'stage_s_p50': 3.5, 'stage_s_p95': 3.5}


@pytest.mark.parametrize(
    ('shape', 'box'),
    [
        (LARGE, (0, 0, 5, 5)),
        (rectangle(slice(1, 3), slice(2, 9)), (2, 1, 7, 2)),
        (rectangle(5, 8), (8, 5, 1, 1)),
        (LARGE & False, (0, 0, 0, 0)),
    ],
)
def test_a_tight_box_holds_all_of_a_shape_and_no_empty_row_or_column(shape, box):
    """x, y, width, height; zeros for an empty shape; numbers count as true if not zero."""
    assert pictures.tight_box(shape) == box
    assert pictures.tight_box(shape.astype(np.uint8) * 7) == box
