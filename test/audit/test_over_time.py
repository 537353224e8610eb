"""What workers have of a moving camera's view is what geometry says, and what an edge showed."""

import json
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from tqdm import tqdm

from fakes import TINY, weights
from pedsam_ros.audit import followed, geometry, over_time
from pedsam_ros.audit.attack import Needs
from pedsam_ros.audit.attacks import panorama
from pedsam_ros.audit.camera import Camera
from pedsam_ros.audit.coverage import covered, owners
from pedsam_ros.audit.followed import follow
from pedsam_ros.audit.motion import plane
from pedsam_ros.audit.record import workers
from pedsam_ros.audit.scenes import Scene, pan, pan_step
from pedsam_ros.audit.subject import Subject
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.model import loading
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.planes import shift
from textured_photo import photo


def subject(count=3, **changed):
    """Three workers in front of an ideal pan of 17 frames; windows are fixed to the image."""
    given = {
        'weights': weights(),
        'model': loading.load_edge(weights()),
        'stills': [Scene('still', [photo()])],
        'motion': [Scene('pan', list(pan(photo(), TINY))[:17])],
        'ideal': True,
        'entries': workers(count),
        'config': EdgeConfig(placement=PlacementConfig(anchor='image')),
    }
    return Subject(**{**given, **changed})


@pytest.fixture(scope='module')
def section():
    """The section on that pan, run once."""
    return over_time.run(subject(), tqdm(disable=True))


def by_hand(recording, step):
    """The same as `covered` of the last view, counted column by column in strip coordinates."""
    last = len(recording.moments) - 1
    return [in_strip(recording, step, [worker], last, last) for worker in recording.workers]


def in_strip(recording, step, workers, last, shown):
    """What these workers have of the view of frame `shown` by the frames up to `last`, 0..1."""
    height, width = recording.moments[0].canvas.content
    strip = np.zeros((height, width + step * last), bool)
    for number, moment in enumerate(recording.moments[: last + 1]):
        strip[:, number * step : number * step + width] |= moment.view(workers).seen
    return strip[:, shown * step : shown * step + width].mean()


@pytest.mark.parametrize('count', [2, 3, 4, 5])
def test_coverage_of_a_pan_equals_a_count_by_hand(count):
    """Every pixel that a worker was ever shown counts, and no other."""
    each = subject(count)
    recording = each.record(each.motion[0])
    owner, step = owners(recording), pan_step(TINY)
    last, size = len(owner) - 1, owner[0].shape
    maps = [
        (owner[number], plane(shift(step * (last - number), 0), size))
        for number in range(last - 1, -1, -1)
    ]
    shares = covered(owner[-1], maps, count)
    np.testing.assert_allclose(shares[-1], by_hand(recording, step), atol=1e-9)
    assert (np.diff(shares, axis=0) >= 0).all()


def test_the_marks_of_an_ideal_pan_hold(section):
    """A worker alone has 0.8 of the view, and its panorama gains, whatever the ledger says.

    On photographs it gains more than here, where no part of the picture is smooth.
    """
    figures = section.figures
    assert figures['coverage']['by_itself']['16']['mean'] > 0.8
    assert figures['coverage']['true']['16']['mean'] == pytest.approx(0.852, abs=0.01)
    assert figures['reconstruction']['panorama']['gain_db']['mean'] > 6
    assert figures['ledger_largest_share']['mean'] < 0.36
    assert figures['registration']['succeeded']['mean'] == 1


def test_figures_are_json_and_pictures_have_numbers(section):
    """What JSON cannot hold is null; a caption names figures."""
    json.dumps(section.figures, allow_nan=False)
    assert section.exhibits
    for exhibit in section.exhibits:
        assert exhibit.rgb.dtype == np.uint8
        assert ' dB' in exhibit.caption


def test_every_attack_on_earlier_frames_runs(monkeypatch):
    """A new file has its figures under its name, and is given all earlier views."""
    given = []

    def attack(view, seen, history):
        given.append(len(history.earlier))
        return np.where(seen[..., None], view, 128).astype(np.float32)

    new = SimpleNamespace(NEEDS=Needs.EARLIER, attack=attack)
    found = {'panorama': panorama, 'new': new}
    monkeypatch.setattr(followed, 'attacks', lambda needs: found)
    figures = over_time.run(subject(stills=()), tqdm(disable=True)).figures
    assert {*figures['reconstruction']} == {'one_frame', 'panorama', 'panorama_by_edge', 'new'}
    assert given == [16] * 3


def test_a_scene_without_texture_is_covered_by_nobody_alone():
    """No worker can register it, so none has more than one frame shows, and JSON says null."""
    flat = [np.full((216, 288, 3), 90, np.uint8)] * 3
    found = over_time.run(
        subject(motion=[Scene('flat', flat)], ideal=False, stills=()), tqdm(disable=True)
    )
    json.dumps(found.figures, allow_nan=False)
    assert found.figures['registration']['succeeded']['mean'] == 0
    own = found.figures['coverage']['by_itself']
    assert own['1']['mean'] == own['0']['mean']


def test_what_is_kept_equals_a_count_by_hand(section):
    """Alone and together, of the last view by earlier frames and of the middle one by all."""
    each = subject()
    recording = each.record(each.motion[0])
    step, last = pan_step(TINY), len(recording.moments) - 1
    for size in (1, 2):
        joined = [*combinations(recording.workers, size)]
        told = section.figures['kept']['workers'][str(size)]
        for key, shown in (('earlier', last), ('all_frames', last // 2)):
            counted = [in_strip(recording, step, some, last, shown) for some in joined]
            assert told[key]['mean'] == pytest.approx(np.mean(counted))
            assert told[f'{key}_worst']['mean'] == pytest.approx(max(counted))
    assert '3' not in section.figures['kept']['workers']  # together they have everything


def test_whoever_keeps_later_frames_rebuilds_more_than_from_one(section):
    """By its own windows alone, of a view in the middle."""
    made = section.figures['kept']['rebuilt']
    assert made['gain_db']['mean'] > made['one_frame_gain_db']['mean'] + 3
    assert made['ssim']['mean'] > made['one_frame_ssim']['mean']


def test_a_camera_that_stands_still_gives_nothing_more():
    """Then every frame shows a worker what the one before did."""
    view = next(pan(photo(), TINY))
    shown = subject(ideal=False)
    still = follow(Camera(shown.record(Scene('still', [view] * 3)), False), False)
    curve = still.curve(lambda present: present.by_edge)
    np.testing.assert_allclose(curve[0], curve[-1], atol=1e-9)


def test_crops_that_differ_only_by_a_shift_are_counted_to_the_pixel():
    """Pans and shakes of a sensor as large as the canvas agree with a count by hand."""
    each = subject()
    crops = [geometry.Crop(9 * number, 0, 288, 216) for number in range(5)]
    sensor = photo()
    frames = [np.ascontiguousarray(sensor[:216, crop.x : crop.x + 288]) for crop in crops]
    recording = each.recorded('crops', frames, each.entries)
    shares = geometry.exact(recording, crops)
    np.testing.assert_allclose(shares[-1], by_hand(recording, 9), atol=1e-9)


def test_every_movement_shows_more_than_the_ledger_says(section):
    """This is what the ledger of the image plane does not know."""
    for name, movement in section.figures['geometry'].items():
        assert movement['largest_share'] > movement['ledger_largest_share'] + 0.1, name
