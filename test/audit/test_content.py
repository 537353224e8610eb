"""What lies whole with one worker agrees with a count that shares no code with it."""

import cv2
import numpy as np
import pytest
from tqdm import tqdm

from drawn_label_maps import write_sample
from pedsam_ros.audit import content, detections, tracks, whole
from pedsam_ros.audit.attack import Needs
from pedsam_ros.core.placement import place
from pedsam_ros.core.windows import Canvas, pixel_grid
from pedsam_ros.evaluation.label_maps import read_label_maps
from pedsam_ros.evaluation.samples import Rules
from toy_subjects import drawn, subject


def street(seed, height=300, width=400):
    """A label map with standing rectangles of any size, as people are."""
    random = np.random.default_rng(seed)
    labels = np.zeros((height, width), np.uint16)
    for number in range(1, 9):
        h, w = int(random.integers(12, 160)), int(random.integers(8, 60))
        y, x = int(random.integers(0, height - h)), int(random.integers(0, width - w))
        labels[y : y + h, x : x + w] = number
    return labels


def samples(folder, *maps, source='pennfudan'):
    """Reads label maps as samples whose segments are all things."""
    for number, labels in enumerate(maps):
        ids = [int(i) for i in np.unique(labels) if i]
        write_sample(folder, source, f'{number}', labels, [{'id': i, 'thing': True} for i in ids])
    return tuple(read_label_maps(folder, Rules(min_share=0)))


def brute_force(labels, given):
    """Counts, at the image's own size, people and heads whole with some worker: (count, whole).

    It places windows and reads labels by itself, pixel by pixel.
    """
    height, width = labels.shape
    homes = place(pixel_grid(given.model.arch), given.entries, given.config.placement)
    scale = given.model.arch.image_px / max(height, width)
    side = given.model.arch.window_px
    across = -(-given.model.arch.image_px // side)
    rows = ((np.arange(height) + 0.5) * scale).astype(int) // side
    columns = ((np.arange(width) + 0.5) * scale).astype(int) // side
    owner = np.array([[homes[r * across + c] for c in columns] for r in rows])
    people = heads = whole_people = whole_heads = 0
    for number in np.unique(labels[labels > 0]):
        ys, xs = np.nonzero(labels == number)
        top = ys.min() + max(1, round((ys.max() + 1 - ys.min()) / 7))
        names, counts = np.unique(owner[ys, xs], return_counts=True)
        whole_people += counts.max() / counts.sum() >= 0.9
        people += 1
        high = ys < top
        names, counts = np.unique(owner[ys[high], xs[high]], return_counts=True)
        whole_heads += counts.max() / counts.sum() >= 0.9
        heads += 1
        assert len(names)
    return people, whole_people, heads, whole_heads


def test_people_and_heads_agree_with_a_brute_force_count(tmp_path):
    """Shares of people and heads that are whole with some worker: within 0.03 of a count."""
    maps = [street(seed) for seed in range(25)]
    given = subject(samples=samples(tmp_path, *maps))
    counted = np.sum([brute_force(labels, given) for labels in maps], axis=0)
    table = whole.table(content._things(given, given.entries, tqdm(disable=True)))
    assert table['people']['count'] == counted[0]
    assert abs(table['people']['some_worker']['mean'] - counted[1] / counted[0]) < 0.03
    assert abs(table['heads']['some_worker']['mean'] - counted[3] / counted[2]) < 0.03
    assert 0.05 < table['heads']['some_worker']['mean'] < 0.98


def test_heads_of_photographed_people_agree_with_a_brute_force_count(sequences):
    """The same on Penn-Fudan's label maps, where they are beside the camera sequences."""
    folder = sequences.parent / 'eval'
    if not (folder / 'pennfudan').is_dir():
        pytest.skip(f'no label maps in {folder}')
    people = [each for each in read_label_maps(folder, Rules()) if each.source == 'pennfudan'][:30]
    given = subject(samples=people)
    table = whole.table(content._things(given, given.entries, tqdm(disable=True)))
    maps = [cv2.imread(str(each.path.with_suffix('.png')), -1) for each in people]
    counted = np.sum([brute_force(labels, given) for labels in maps], axis=0)
    assert table['people']['some_worker']['mean'] == pytest.approx(
        counted[1] / counted[0], abs=0.03
    )
    assert table['heads']['some_worker']['mean'] == pytest.approx(
        counted[3] / counted[2], abs=0.03
    )


def test_a_thing_in_one_window_is_whole_with_its_worker_and_only_with_it(tmp_path):
    """Its worker has all of it, the others nothing."""
    labels = np.zeros((216, 288), np.uint16)
    labels[70:120, 70:120] = 1  # within the window of row 1, column 1
    given = subject(samples=samples(tmp_path, labels))
    thing = content._things(given, given.entries, tqdm(disable=True))[0]
    homes = place(pixel_grid(given.model.arch), given.entries)
    names = [entry.name for entry in given.entries]
    assert thing.parts == tuple(float(name == homes[6]) for name in names)
    assert thing.some == 1
    assert thing.given == 1 / 3


def test_a_region_makes_it_nobodys(tmp_path):
    """What a region covers lies whole with nobody."""
    labels = np.zeros((216, 288), np.uint16)
    labels[70:120, 70:120] = 1
    region = (72.0, 72.0, 118.0, 118.0)
    given = subject(samples=samples(tmp_path, labels), regions=(region,))
    thing = content._things(given, given.entries, tqdm(disable=True))[0]
    assert thing.parts == (0.0, 0.0, 0.0)


def test_without_labels_and_still_cameras_the_figures_are_null():
    """The default run knows no things."""
    figures = content.run(subject(1), tqdm(disable=True)).figures
    assert figures['workers'][content.OWN] is None
    assert figures['tracks'] is None
    assert figures['unseen_masks'] is None
    assert set(figures['detectors']) == {'faces', 'people'}


def test_with_labels_the_model_is_asked_too(tmp_path):
    """Every number of workers has its table, and the box itself is among the references."""
    given = subject(1, samples=samples(tmp_path, street(0), street(1), source='other'))
    figures = content.run(given, tqdm(disable=True)).figures
    assert figures['workers']['3'] == figures['workers'][content.OWN]
    assert figures['workers']['3']['heads'] is None
    assert {'full', 'mean', 'box_itself'} <= set(figures['unseen_masks']['box_miou'])
    assert figures['unseen_masks']['box_miou']['box_itself']['mean'] > 0.5


def test_a_square_that_walks_is_followed_and_shown_whole():
    """A thing of 30 px that crosses the view of a still camera was whole with every worker."""
    frames = []
    for number in range(90):
        frame = drawn(0, 216, 288)
        x = 10 + 4 * max(0, number - 25)
        if number > 22:
            frame[80:110, x : x + 30] = (number * 3 % 256, 255, 0)
        frames.append(frame)
    canvas = Canvas.fit(subject().model.arch, 216, 288)
    owned = np.zeros(canvas.content, np.int16)
    owned[:, 150:] = 1
    found = tracks.follow(frames, {'2': (owned, 2)})
    assert tracks.stands_still(frames)
    assert len(found) == 1
    assert tracks.table([found], '2')['some_worker']['mean'] == 1
    assert tracks.table([found], '2')['given_worker']['mean'] == 1


def test_errors_take_the_tracks_of_a_scene_as_one_sample():
    """Two things of one scene have no error, and equal scenes one of zero."""
    seen, hidden = (tracks.Track((0, 0, 1, 1), 0, 20, {'2': [part]}) for part in (1.0, 0.0))
    alone = tracks.table([[seen, hidden]], '2')['some_worker']
    assert alone == {'mean': 0.5, 'standard_error': None, 'count': 1}
    both = tracks.table([[seen, hidden], [hidden, seen]], '2')['given_worker']
    assert both == {'mean': 0.5, 'standard_error': 0.0, 'count': 2}


def test_false_boxes_are_counted_by_image(monkeypatch):
    """The views of one image are not independent."""
    box, nothing = np.array([[0, 0, 9, 9]], np.float32), np.zeros((0, 4), np.float32)
    given = subject(2)

    def detector(view, seen, history):
        return nothing if seen.all() else box

    monkeypatch.setattr(detections.attacks(Needs.CONTENT)['faces'], 'attack', detector)
    recordings = [given.record(scene) for scene in given.stills]
    found = detections.detections(recordings, {'as it is': lambda view: view.pixels}, tuple)
    false = found['faces']['views']['as it is']['not_in_full_picture_per_view']
    assert false == {'mean': 1, 'standard_error': 0, 'count': 2}


def test_a_moving_camera_is_not_still():
    """A pan is no scene in which a background could be learned."""
    wide = drawn(0, 216, 1200)
    assert not tracks.stands_still([wide[:, 10 * i : 10 * i + 288] for i in range(60)])


def test_boxes_match_by_overlap():
    """Two boxes around one thing match; boxes apart do not."""
    one = np.array([[0, 0, 10, 10]], np.float32)
    assert detections.matched(one, one + 1) == [True]
    assert detections.matched(one, one + 20) == [False]
    assert detections.matched(one, np.zeros((0, 4), np.float32)) == [False]


def test_errors_take_images_as_samples():
    """Things of one image are one sample: equal images give an error of zero."""
    estimate = whole.ratio(['a', 'a', 'b', 'b'], [0, 1, 0, 1])
    assert (estimate.mean, estimate.error, estimate.count) == (0.5, 0.0, 2)
