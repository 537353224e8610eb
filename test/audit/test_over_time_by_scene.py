"""What workers have of a moving camera's view if windows stay where they are in the scene."""

import json

import numpy as np
import pytest
from tqdm import tqdm

from fakes import TINY, weights
from pedsam_ros.audit import features, geometry, inversion, over_time, placed
from pedsam_ros.audit.attack import History
from pedsam_ros.audit.camera import Camera, before
from pedsam_ros.audit.coverage import covered
from pedsam_ros.audit.record import record, workers
from pedsam_ros.audit.scenes import Scene, pan, pan_step
from pedsam_ros.audit.subject import Subject
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.model import loading
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.types import Embedding
from pedsam_ros.core.windows import Canvas, pixel_grid
from textured_photo import photo

CAP = 0.40
MODEL = loading.load_edge(weights())
PAN = list(pan(photo(), TINY))[:17]


def recorded(frames=PAN, count=3, **rules):
    """What an edge sends of some frames."""
    config = EdgeConfig(placement=PlacementConfig(**rules))
    return record('pan', frames, MODEL, workers(count), config)


@pytest.fixture(scope='module')
def camera():
    """The pan as an edge sends it whose windows are fixed to the scene."""
    return Camera(recorded(max_coverage=CAP), True)


def largest(camera):
    """The largest share of the last view that a worker was ever sent, by geometry."""
    maps = camera.true(camera.last, before(camera.last))
    earlier = [(camera.owners[number], places) for number, places in maps.items()]
    return covered(camera.owners[-1], earlier, len(camera.views))[-1].max()


def test_a_pan_shows_a_worker_no_more_than_its_cap(camera):
    """Where windows fixed to the image show it most of the view."""
    assert largest(camera) < CAP + 0.03
    assert largest(Camera(recorded(anchor='image'), True)) > 0.7


def test_windows_of_a_shifted_canvas_lie_where_they_were_cut(camera):
    """What all workers have together is the frame."""
    moments = camera.recording.moments
    assert len({(m.canvas.offset, m.canvas.corner) for m in moments}) > 8
    for moment in moments:
        view = moment.view(camera.recording.workers)
        assert view.seen.all()
        np.testing.assert_array_equal(view.pixels, moment.truth)
        assert view.shift == moment.canvas.shift


def test_the_places_of_windows_tell_how_the_camera_moved(camera):
    """Within a pixel, if it moved by less than a window; with nothing but these places."""
    step = pan_step(TINY) * camera.views[0][0].seen.shape[1] / TINY.image_px
    begins = [placed.begins(view.shift, TINY) for view in camera.views[0]]
    for number in range(1, camera.last + 1):
        guesses = features.shifts(begins[number], begins[number - 1], TINY.window_px)
        moved = [np.array([guess[0, 2], guess[1, 2]]) for guess in guesses]
        assert min(np.abs(each - [step, 0]).max() for each in moved) <= 1


def test_a_worker_registers_its_views_by_itself(camera):
    """To four pixels, over the whole pan."""
    for worker in range(len(camera.views)):
        own = camera.by_itself(worker, camera.last, before(camera.last))
        assert len(own) == camera.last
        for number, places in camera.true(camera.last, own).items():
            assert np.nanmedian(np.linalg.norm(own[number] - places, axis=-1)) < 4


def test_a_section_with_frames_that_were_not_sent_is_whole():
    """A black frame is lost: nobody was sent anything of it, and it is counted."""
    frames = [*PAN[:5], np.zeros_like(PAN[0])]
    section = over_time.run(subject(frames), tqdm(disable=True))
    found = section.figures
    assert not section.exhibits  # of the last view
    json.dumps(found, allow_nan=False)
    assert found['scenes']['pan']['frames_not_sent'] == 1
    assert found['reconstruction']['panorama']['gain_db']['mean'] is not None
    assert 1 / 6 <= found['scenes']['pan']['stays_here'] < 1 / 3


def test_a_frame_that_the_edge_refuses_is_recorded_with_nothing_sent():
    """It is as large as the others, so that they can be laid over each other."""
    black = recorded([*PAN[:2], np.zeros_like(PAN[0])], on_cap=('fail',))
    assert [len(moment.sent) > 0 for moment in black.moments] == [True, True, False]
    assert len({moment.canvas.content for moment in black.moments}) == 1


def subject(frames):
    """Three workers in front of a real camera."""
    given = {'weights': weights(), 'model': MODEL, 'stills': ()}
    config = EdgeConfig(placement=PlacementConfig(max_coverage=CAP))
    return Subject(**given, motion=[Scene('pan', frames)], ideal=False, config=config)


def test_no_movement_shows_more_than_the_cap():
    """Crop modes, shake, zoom and pans; what the edge says of them is what geometry says."""
    for name, movement in geometry.measured(subject(PAN), photo()).items():
        assert movement['largest_share'] < CAP, name
        assert abs(movement['largest_share'] - movement['ledger_largest_share']) < 0.03, name


def test_a_photograph_alone_is_cut_as_if_fixed_to_the_image():
    """Nothing moves in it, and a smooth one is attacked as well."""
    alone, fixed = recorded(PAN[:1], max_coverage=CAP), recorded(PAN[:1], anchor='image')
    assert alone.moments[0].canvas == fixed.moments[0].canvas
    np.testing.assert_array_equal(
        alone.moments[0].view(['alice']).pixels, fixed.moments[0].view(['alice']).pixels
    )


def test_embeddings_of_a_shifted_canvas_are_inverted_where_they_belong():
    """An inverse that knows every window gives the picture."""
    shift = Shift((3, 1), (5, 11))
    canvas = Canvas.fit(TINY, 216, 288, shift=shift)
    rng = np.random.default_rng(0)
    content = rng.integers(0, 256, (*canvas.content, 3), np.uint8)
    whole = np.zeros((TINY.image_px, TINY.image_px, 3), np.float32)
    whole[5 : 5 + content.shape[0], 11 : 11 + content.shape[1]] = content
    grid = pixel_grid(TINY, shift.offset)
    embeddings = {
        index: Embedding(0, '', index, (1, 1, 1), 'float32', np.float32(index).tobytes())
        for index in range(grid.count)
    }
    guess = inversion.laid(
        np.full_like(content, 128),
        np.zeros(canvas.content, bool),
        History(TINY, embeddings=embeddings, shift=shift),
        lambda tokens: whole[grid.span(int(tokens.item()))],
    )
    np.testing.assert_array_equal(guess, content)
