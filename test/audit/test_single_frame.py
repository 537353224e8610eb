"""The sections on one frame and on coalitions: what their figures and pictures hold."""

import json

import numpy as np
import pytest
from tqdm import tqdm

import fakes
from pedsam_ros.audit import coalitions, single_frame
from pedsam_ros.audit.attack import View
from pedsam_ros.audit.guessing import BANDS, Case, Guessed
from pedsam_ros.audit.record import workers
from pedsam_ros.audit.scenes import Scene
from pedsam_ros.audit.scores import psnr
from pedsam_ros.audit.subject import Subject
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.model import loading
from pedsam_ros.core.placement_config import PlacementConfig


def subject(count=3, **changed):
    """Two drawn stills in front of an edge with a tiny model."""
    rows, columns = np.indices((36, 96))
    stills = [
        Scene(str(k), [np.dstack([rows + k, columns, rows + columns]).astype(np.uint8)])
        for k in (1, 30)
    ]
    weights = fakes.weights()
    given = {'stills': stills, 'motion': (), 'ideal': False, 'entries': workers(count)} | changed
    return Subject(weights=weights, model=loading.load_edge(weights), **given)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Few numbers of workers are enough here."""
    monkeypatch.setattr(single_frame, 'COUNTS', (2, 3))
    monkeypatch.setattr(coalitions, 'COUNTS', (2, 3))


@pytest.fixture(scope='module')
def section():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(single_frame, 'COUNTS', (2, 3))
        return single_frame.run(subject(), tqdm(disable=True))


def test_figures_have_stable_names_and_fit_json(section):
    """Reports, comparisons and the tests of results read them."""
    figures = json.loads(json.dumps(section.figures, allow_nan=False))
    assert set(figures) == {
        *('subject_workers', 'strongest', 'others_over_harmonic_db', 'weak', 'workers'),
    }
    assert list(figures['workers']) == ['2', '3']
    own = figures['workers']['3']
    attacks = {'harmonic', 'learned', 'navier_stokes', 'nearest', 'telea'}
    assert set(own) == {'share_seen', 'attacks', 'references'}
    assert set(own['attacks']) == attacks
    assert set(own['references']) == {'mean', 'everything', 'blur_2', 'blur_10'}
    told = own['attacks']['harmonic']
    assert set(told) == {'gain_db', 'psnr_db', 'ssim', 'cpu_s', 'gain_by_distance_db'}
    assert set(told['gain_by_distance_db']) == set(BANDS)
    assert set(told['gain_db']) == {'mean', 'standard_error', 'count'}


def test_samples_are_images_not_workers(section):
    """Views of one image are not independent."""
    own = section.figures['workers']['3']
    assert own['share_seen']['count'] == own['attacks']['telea']['gain_db']['count'] == 2
    assert own['share_seen']['mean'] == pytest.approx(1 / 3)


def test_references_enclose_every_attack(section):
    """Mean fill gains nothing, and seeing everything gives the most that is scored."""
    told = section.figures['workers']['3']
    assert told['references']['mean']['gain_db']['mean'] == 0
    assert told['references']['everything']['psnr_db']['mean'] == 60
    assert told['references']['everything']['ssim']['mean'] == pytest.approx(1)
    blurs = [told['references'][name]['ssim']['mean'] for name in ('blur_2', 'blur_10')]
    assert blurs[0] > blurs[1]


def test_every_exhibit_tells_its_figures(section):
    """Rows of pictures of one height, with a gain in each caption."""
    assert len(section.exhibits) == 3  # two stills, and one with every attack
    for exhibit in section.exhibits:
        assert exhibit.rgb.dtype == np.uint8
        assert ' dB over the mean fill, SSIM ' in exhibit.caption
    assert all(name in section.exhibits[-1].caption for name in ('telea', 'learned', 'nearest'))


def images(*gains):
    """One guess an image, with these gains."""
    nothing = np.zeros((1, 1, 3), np.float32)
    return [[Guessed(nothing, 20.0, gain, 0.5, 0.1, {})] for gain in gains]


@pytest.mark.parametrize(
    ('learned', 'strongest', 'weak'),
    [
        ((2.5, 3.5, 2.4), 'learned', False),
        ((1.9, 3.1, 1.9), 'harmonic', False),  # within the error
        ((1.0, 2.1, 1.0), 'harmonic', True),
    ],
)
def test_an_audit_is_weak_if_all_others_lose_to_the_harmonic_fill(learned, strongest, weak):
    """Harmonic itself does not count, or no audit could be weak."""
    guesses = {'harmonic': images(2, 3, 2), 'learned': images(*learned), 'mean2': images(0, 0, 0)}
    told = single_frame.verdict(guesses)
    assert told['strongest'] == strongest
    assert told['weak'] is weak
    difference = np.mean(learned) - 7 / 3
    assert told['others_over_harmonic_db']['mean'] == pytest.approx(difference)


def test_without_a_guess_nothing_is_claimed():
    """Null is what is unknown."""
    assert set(single_frame.verdict({'harmonic': [[]], 'learned': [[]]}).values()) == {None}


def test_all_workers_are_tried_in_turn():
    """Four of a still, where the number of workers is not the subject's."""
    tried = [single_frame.some('abcdefgh', number) for number in range(2)]
    assert sorted(tried[0] + tried[1]) == [*'abcdefgh']
    assert single_frame.some('ab', 5) in (['a', 'b'], ['b', 'a'])


def test_a_number_of_workers_that_cannot_be_placed_is_null():
    """The subject's rules are kept for other numbers too."""
    rules = EdgeConfig(placement=PlacementConfig(max_share=0.4))
    figures = single_frame.run(subject(config=rules), tqdm(disable=True)).figures
    assert figures['workers']['2'] is None
    assert figures['workers']['3'] is not None


def test_coalitions_of_every_size_are_told():
    """More workers see more; all of them leave nothing to guess."""
    figures = coalitions.run(subject(), tqdm(disable=True)).figures
    json.dumps(figures, allow_nan=False)
    assert list(figures['workers']) == ['2', '3']
    for count, told in figures['workers'].items():
        assert list(told) == [str(size) for size in range(1, int(count) + 1)]
        shares = [each['share_seen']['mean'] for each in told.values()]
        assert shares == sorted(shares)
        assert shares[-1] == pytest.approx(1)
        assert told[count]['gain_db'] == {'mean': None, 'standard_error': None, 'count': 0}
        assert told['1']['gain_db']['count'] == 2


def test_as_many_coalitions_are_tried_as_promised():
    """All if they are few, else some, drawn from the seed."""
    assert coalitions.coalitions('abc', 2, 0) == [('a', 'b'), ('a', 'c'), ('b', 'c')]
    drawn = coalitions.coalitions('abcdefgh', 4, 0)
    assert len({*drawn}) == 4
    assert drawn == coalitions.coalitions('abcdefgh', 4, 0)


def test_gain_by_distance_splits_the_unseen_pixels():
    """A guess that is right only near what was seen gains only there."""
    run = subject()
    moment = run.record(run.stills[0]).moments[0]
    view = moment.view(['alice'])
    case = Case.of(view, moment.truth)
    right = case.scored(moment.truth)
    assert right.bands_db['0_4_px'] > 20
    assert right.psnr_db == 60
    half = np.where(case.bands[0][..., None], moment.truth, view.pixels)
    near = case.scored(half)
    assert near.bands_db['0_4_px'] == right.bands_db['0_4_px']
    assert near.bands_db['8_16_px'] < 0.5 * right.bands_db['8_16_px']
    assert near.psnr_db == pytest.approx(psnr(half, moment.truth, ~view.seen))


def test_a_view_of_nothing_or_of_everything_is_no_case():
    """There is nothing to guess, or nothing to guess it from."""
    truth = np.zeros((8, 8, 3), np.uint8)
    for seen in (np.zeros((8, 8), bool), np.ones((8, 8), bool)):
        assert Case.of(View(truth, seen), truth) is None
