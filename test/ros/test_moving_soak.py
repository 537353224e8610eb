"""How the soak judges a camera that moves: a scene and the diaries of workers, no processes."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

import fakes
from fakes import TINY, WORKERS
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.model.preprocess import resize
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.planes import applied, corners
from pedsam_ros.core.scene import Scene
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.types import Frame, FrameKey
from pedsam_ros.core.windows import Canvas, partition
from pedsam_ros.trial.diary import Sent, checksum
from pedsam_ros.trial.noted_masks import NotedMasks
from pedsam_ros.trial.one_process import local_pipeline
from pedsam_ros.trial.processes import NAMES
from pedsam_ros.trial.shown_windows import ShownWindows
from pedsam_ros.trial.true_coverage import CoverageJudge, caps_of
from pedsam_ros.trial.walk import SIZES, WORLD, Walk

WALK, FRAMES = Walk(0), range(14)
SHOWN_S = [number / 10 for number in range(1000)]
BACK = min(range(600, 680), key=lambda n: np.abs(WALK.view(n).matrix - WALK.view(0).matrix).max())


@cache
def played():
    """Diaries of honest workers, and how the edge laid each frame."""
    scene, diaries, shifts = Scene(TINY, WORKERS), {name: [] for name in NAMES}, {}
    for number in FRAMES:
        sight = scene.look(WALK.picture(number), SHOWN_S[number])
        plan = scene.allowed(sight, sight.homes)
        scene.note(sight, plan)
        shifts[number] = sight.canvas.shift
        for index, sent in lines(number, sight.canvas).items():
            if plan[index] != LOCAL:
                diaries[plan[index]].append(sent)
    return diaries, shifts


def lines(number, canvas):
    """Window -> what the diary of its worker says of it, a moment after the frame was shown."""
    content = resize(WALK.picture(number), canvas.content)
    at_s = SHOWN_S[number] + 0.05
    return {
        index: Sent(at_s, index, canvas.offset, canvas.content_corner(index), checksum(part))
        for index, part in partition(content, canvas.grid, canvas.corner).items()
    }


def judged(diaries, shifts):
    caps = caps_of(TINY, WORKERS, SIZES)
    judge = CoverageJudge(WALK, SHOWN_S, ShownWindows(TINY, WALK, SHOWN_S, shifts), caps)
    return judge.judge(diaries)


def test_a_walk_can_be_drawn_again_and_never_runs():
    """A frame depends on its number alone; what it shows moves by 1/30 of the view at most."""
    assert np.array_equal(Walk(0).picture(77), WALK.picture(77))
    assert not np.array_equal(WALK.picture(77), Walk(1).picture(77))
    assert {WALK.view(number).size for number in range(1000)} == set(SIZES)
    ends = corners(SIZES[0])
    places = [applied(WALK.view(n).matrix, ends) for n in range(1000) if n % 200 < 80]
    steps = [np.abs(b - a).max() for a, b in pairwise(places)]
    assert sorted(steps)[-5] <= SIZES[0][1] / 30  # but for four jumps
    views = [WALK.view(number) for number in range(1000)]
    every = np.concatenate([applied(each.matrix, corners(each.size)) for each in views])
    assert (every.min(0) > 0).all()
    assert (every.max(0) < WORLD[::-1]).all()


def test_every_window_of_an_honest_edge_is_found():
    """Workers come near their cap, and not above it."""
    found = judged(*played())
    assert (found.frames, found.unknown, found.violations) == (len(FRAMES), 0, 0)
    assert found.windows == sum(map(len, played()[0].values()))
    assert -0.1 < found.above < 0.03
    assert found.largest.keys() == set(NAMES)


def test_windows_of_frames_without_masks_are_found_by_trying():
    """How these frames were laid, the pixels tell."""
    diaries, shifts = played()
    few = {number: shift for number, shift in shifts.items() if number % 4}
    assert judged(diaries, few) == judged(diaries, shifts)


def test_a_window_of_no_frame_is_found_out():
    """One with other pixels, at another place, or of a frame of long ago."""
    diaries, shifts = played()
    one = diaries['alice'][-1]
    others = [
        one._replace(checksum=one.checksum ^ 1),
        one._replace(window=one.window + 1),
        one._replace(at_s=one.at_s + 15),
    ]
    found = judged(diaries | {'alice': diaries['alice'] + others}, shifts)
    assert found.unknown == 3
    assert found.unknown_list[0].startswith('alice: ')


def test_a_wrong_word_about_how_a_frame_was_laid_helps_nobody():
    """The pixels do not fit it."""
    diaries, shifts = played()
    number = FRAMES[-1]
    wrong = Shift(shifts[number].offset, ((shifts[number].corner[0] + 1) % 16, 0))
    found = judged(diaries, shifts | {number: wrong})
    of_it = [each for d in diaries.values() for each in d if each.at_s > SHOWN_S[number]]
    assert found.unknown == len(of_it) > 0


def test_an_edge_that_shows_a_worker_more_is_found_out():
    """All windows of the others went to alice as well, whatever the edge says."""
    diaries, shifts = played()
    every = sorted(each for diary in diaries.values() for each in diary)
    found = judged(diaries | {'alice': every}, shifts)
    assert found.violations
    assert found.largest['alice'] > 0.9
    assert found.violations_list[0].startswith('alice: ')


def third(number, which):
    """What a diary says if a worker is sent every third window of a frame."""
    found = lines(number, Canvas.fit(TINY, *WALK.view(number).size, shift=Shift()))
    side = Canvas.fit(TINY, *SIZES[0], shift=Shift()).grid.columns
    return [sent for index, sent in found.items() if (index // side + index % side) % 3 == which]


def test_windows_that_are_fixed_to_the_image_are_found_out():
    """A worker with every third place in the image sees most of a scene over which the camera
    pans."""
    numbers = range(0, 40, 2)
    diaries = {'alice': [sent for number in numbers for sent in third(number, 0)]}
    found = judged(diaries, dict.fromkeys(numbers, Shift()))
    assert (found.frames, found.unknown) == (20, 0)
    assert found.violations > 10
    assert found.largest['alice'] > 0.8


@pytest.mark.parametrize(('later', 'room', 'violations'), [(BACK, 0, 1), (400, 1, 0)])
def test_what_was_seen_in_a_room_counts_when_the_camera_comes_back(later, room, violations):
    """Another room is another world: what was seen of the first one is nothing there."""
    assert (WALK.room(0), WALK.room(later)) == (0, room)
    diaries = {'alice': third(0, 0) + third(later, 1)}
    found = judged(diaries, {})
    assert (found.frames, found.unknown, found.violations) == (2, 0, violations)


@pytest.fixture(scope='module')
def local():
    """The pipeline in one process."""
    return local_pipeline(fakes.weights(), WORKERS, EdgeConfig(points=(60.0, 50.0)))


def noted(local, count):
    """Masks of `count` frames, as a distributed system gives them."""
    masks = NotedMasks(WALK)
    for number in range(count):
        frame = Frame(FrameKey(number, ''), WALK.picture(number))
        assert masks.came(number, local.segment(frame, Shift((1, 2), (number, 3)))) == ''
    return masks


def test_masks_are_computed_again_as_their_frames_were_laid(local):
    """They are equal to the last bit; the shifts are known to whoever looks for windows."""
    masks = noted(local, 3)
    assert list(masks.differences(local)) == ['', '', '']
    assert masks.shifts == {number: Shift((1, 2), (number, 3)) for number in range(3)}


def test_a_mask_of_another_shift_differs(local):
    """It is named, with its frame."""
    masks = NotedMasks(WALK)
    frame = Frame(FrameKey(0, ''), WALK.picture(5))
    made = local.segment(frame, Shift((1, 2), (3, 4)))
    masks.came(5, replace(made, shift=Shift((1, 2), (9, 4))))
    assert next(masks.differences(local)).startswith('frame 5: ')
    assert masks.came(6, replace(made, shift=None)) == 'frame 6: no shift'


def test_after_the_first_two_hundred_masks_one_in_ten_is_kept(local):
    """Whatever the number of frames, comparing ends."""
    masks = NotedMasks(WALK)
    made = local.segment(Frame(FrameKey(0, ''), WALK.picture(0)), Shift())
    for number in range(400):
        masks.came(number, made)
    assert masks.to_compare == 220
    assert len(masks.shifts) == 400
