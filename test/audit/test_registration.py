"""Pictures of one scene are registered to each other, or it is said that they cannot be."""

import numpy as np
import pytest

from fakes import TINY
from pedsam_ros.audit.attack import History, View
from pedsam_ros.audit.attacks import harmonic, panorama
from pedsam_ros.audit.motion import apart, carried, chained, pixels_of, plane
from pedsam_ros.audit.registration import Album, Film
from pedsam_ros.audit.scenes import pan, pan_step
from pedsam_ros.audit.scores import psnr
from pedsam_ros.core.planes import shift
from textured_photo import photo


def stripes(frames, width=3):
    """What one adversary sees: every `width`-th column of windows, shifted from row to row."""
    y, x = np.mgrid[: frames[0].shape[0], : frames[0].shape[1]]
    seen = (y // 64 + x // 64) % width == 0
    return [View(np.where(seen[..., None], each, 128).astype(np.uint8), seen) for each in frames]


@pytest.fixture(scope='module')
def frames():
    """An ideal pan of twelve frames."""
    return list(pan(photo(), TINY))[:12]


def exact(frames, count):
    return plane(shift(pan_step(TINY) * count, 0), frames[0].shape[:2])


def test_a_pan_is_registered_by_whole_frames(frames):
    """The edge's registration is right to less than a pixel, also over eleven frames."""
    maps = Film(frames).maps(11, range(10, -1, -1))
    assert list(maps) == list(range(10, -1, -1))
    for number, places in maps.items():
        true = exact(frames, 11 - number)
        known = np.isfinite(true[..., 0])
        assert np.isfinite(places[known][:, 0]).mean() > 0.95
        assert np.nanquantile(apart(places, true), 0.95) < 0.5


def test_a_pan_is_registered_by_windows_alone(frames):
    """A worker's registration is right to the pixel, because a shift is the simplest motion."""
    views = stripes(frames)
    motions = Album(views, TINY).motions(11, range(10, -1, -1))
    for number in range(11):
        np.testing.assert_allclose(motions[number], shift(9 * (11 - number), 0), atol=0.02)


@pytest.mark.parametrize('grey', [0, 128, 255])
def test_without_texture_a_worker_says_that_it_cannot_tell(grey):
    """Equal windows look as if nothing had moved; that must not count as registered."""
    views = stripes([np.full((216, 288, 3), grey, np.uint8)] * 3)
    album = Album(views, TINY)
    assert album.motion(2, 1) is None
    assert album.motions(2, [1, 0]) == {}


def test_two_scenes_are_not_registered():
    """Features of one scene that happen to look like those of another agree on no motion."""
    views = stripes([next(pan(photo(seed), TINY)) for seed in (1, 2)])
    assert Album(views, TINY).motion(1, 0) is None


def test_a_worker_registers_over_a_gap(frames):
    """A view that shows nothing is left out; those before it are still found."""
    views = stripes(frames[:4])
    nothing = View(np.full_like(frames[0], 128), np.zeros(frames[0].shape[:2], bool))
    views[2] = nothing
    motions = Album(views, TINY).motions(3, [2, 1, 0])
    assert sorted(motions) == [0, 1]
    np.testing.assert_allclose(motions[1], shift(18, 0), atol=0.02)


def test_the_panorama_is_the_truth_where_an_earlier_view_showed_it(frames):
    """It keeps the seen pixels, equals the truth on what was covered, and gains a lot."""
    views, truth = stripes(frames), frames[-1]
    present, history = views[-1], History(TINY, views[:-1])
    guess = panorama.attack(present.pixels, present.seen, history)
    covered = present.seen.copy()
    for number, view in enumerate(views[:-1]):
        covered |= carried(view.seen, exact(frames, 11 - number))
    assert 0.6 < covered.mean() < 0.95
    assert np.array_equal(guess[present.seen], present.pixels[present.seen])
    assert np.abs(guess[covered] - truth[covered]).max() <= 1
    one = harmonic.attack(present.pixels, present.seen, history)
    unseen = ~present.seen
    assert psnr(guess, truth, unseen) > psnr(one, truth, unseen) + 3


def test_the_panorama_without_earlier_views_is_the_guess_of_one_frame(frames):
    """It needs no history."""
    (view,) = stripes(frames[:1])
    guess = panorama.attack(view.pixels, view.seen, History(TINY))
    one = harmonic.attack(view.pixels, view.seen, History(TINY))
    np.testing.assert_allclose(guess, one, atol=1e-3)


def test_maps_chain_as_motions_multiply():
    """Two shifts after each other are their sum; what leaves the picture stays unknown."""
    size = (40, 50)
    both = chained(plane(shift(5, 3), size), plane(shift(-2, 7), size))
    known = np.isfinite(both[..., 0])
    np.testing.assert_allclose(both[known], pixels_of(size)[known] + np.array([3, 10]), atol=1e-4)
    assert not known[31:].any()
    assert known[:29, :44].all()
