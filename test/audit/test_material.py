"""Photographs, folders, sequences and bags become scenes, within bounds, or an error says why."""

import json

import cv2
import numpy as np
import pytest

from drawn_label_maps import labels, write_sample
from fakes import TINY
from pedsam_ros.audit import material
from pedsam_ros.audit.material import gather
from pedsam_ros.core.errors import ConfigError


def fill(folder, names, size=(30, 40)):
    """Writes images of noise into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        noise = np.random.default_rng(number).integers(0, 256, (*size, 3), np.uint8)
        cv2.imwrite(str(folder / name), noise)
    return folder


def test_without_a_choice_the_photographs_of_the_demo_are_panned():
    """Each is a still, too."""
    found = gather(TINY, limit=2)
    assert found.ideal
    assert [len(each.frames) for each in found.stills] == [1, 1]
    assert [len(each.frames) for each in found.motion] == [30, 30]


def test_a_folder_of_photographs_gives_stills_and_ideal_pans(tmp_path):
    """At most `limit`, evenly spread over the folder."""
    fill(tmp_path, [f'photo{number}.png' for number in range(9)])
    found = gather(TINY, tmp_path, limit=3)
    assert found.ideal
    names = [each.name.rpartition('/')[2] for each in found.stills]
    assert names == ['photo0', 'photo3', 'photo6']
    assert len(found.motion) == 3


def test_numbered_images_are_one_camera(tmp_path):
    """Stills are taken well apart; frames are in order."""
    fill(tmp_path / 'cam', [f'{number}.png' for number in range(1, 18)])
    found = gather(TINY, tmp_path / 'cam')
    assert not found.ideal
    assert [len(each.frames) for each in found.motion] == [17]
    assert len(found.stills) == 3
    assert np.array_equal(found.stills[1].frames[0], found.motion[0].frames[8])


def test_numbers_with_gaps_are_no_camera(tmp_path):
    """Data sets name their photographs so."""
    fill(tmp_path, ['000139.png', '000285.png', '000632.png'])
    assert gather(TINY, tmp_path).ideal


def test_named_sequences_are_cameras(tmp_path):
    """By the folder that holds sequences.json, and by a folder that it names."""
    fill(tmp_path / 'a', ['x.png', 'y.png'])
    fill(tmp_path / 'b', ['x.png', 'y.png', 'z.png'])
    (tmp_path / 'sequences.json').write_text(json.dumps({'a': {}, 'b': {}}))
    both = gather(TINY, tmp_path)
    assert [len(each.frames) for each in both.motion] == [2, 3]
    one = gather(TINY, tmp_path / 'b')
    assert not one.ideal
    assert [each.name for each in one.motion] == ['b']


def test_stills_of_sequences_are_taken_in_turns(tmp_path):
    """All of them have a part, and it is spread over the whole sequence."""
    for name in ('a', 'b'):
        fill(tmp_path / name, [f'{number:02d}.png' for number in range(40)])
    (tmp_path / 'sequences.json').write_text(json.dumps({'a': {}, 'b': {}}))
    found = gather(TINY, tmp_path, limit=4)
    assert [each.name for each in found.stills] == ['a 0', 'b 0', 'a 20', 'b 20']
    assert [each.camera for each in found.stills] == ['a', 'b', 'a', 'b']


def test_stills_are_spread_over_a_whole_video(tmp_path):
    """Also if it is longer than the part that is registered."""
    writer = cv2.VideoWriter(
        str(tmp_path / 'v.avi'), cv2.VideoWriter.fourcc(*'MJPG'), 10, (40, 30)
    )
    for number in range(200):
        writer.write(np.full((30, 40, 3), number, np.uint8))
    writer.release()
    found = gather(TINY, tmp_path / 'v.avi', limit=5)
    assert [each.name for each in found.stills] == ['v 0', 'v 40', 'v 80', 'v 120', 'v 160']


def test_label_maps_come_as_samples(tmp_path):
    """With the images that they are of; every source has its part."""
    for source in ('one', 'two'):
        for name in ('a', 'b'):
            write_sample(tmp_path, source, name, labels(), [{'id': 1, 'thing': True}])
    found = gather(TINY, tmp_path, limit=2)
    assert [(each.source, each.name) for each in found.samples] == [('one', 'a'), ('two', 'a')]
    assert [each.name for each in found.stills] == ['one/a', 'two/a']


def test_what_cannot_be_read_is_left_out_and_told(tmp_path):
    """As long as something is left."""
    fill(tmp_path, ['good.png'])
    (tmp_path / 'bad.png').write_bytes(b'no image')
    found = gather(TINY, tmp_path)
    assert len(found.stills) == 1
    assert len(found.unreadable) == 1
    assert 'bad.png' in found.unreadable[0]
    (tmp_path / 'good.png').unlink()
    with pytest.raises(ConfigError, match='none of 1 images'):
        gather(TINY, tmp_path)


@pytest.mark.parametrize('names', [['notes.txt'], []])
def test_an_empty_folder_is_refused(tmp_path, names):
    """The error names the folder and what it should hold."""
    for name in names:
        (tmp_path / name).write_text('nothing')
    with pytest.raises(ConfigError, match=r'no image there .*\.png'):
        gather(TINY, tmp_path)


@pytest.mark.parametrize('text', ['', '[', '[]', '{"../x": {}}', '{"..": {}}', '{}'])
def test_a_strange_list_of_sequences_is_refused(tmp_path, text):
    """It may come from anywhere, and must not lead out of its folder."""
    (tmp_path / 'sequences.json').write_text(text)
    with pytest.raises(ConfigError, match=r'sequences\.json'):
        gather(TINY, tmp_path)


def test_too_many_bytes_are_refused(tmp_path, monkeypatch):
    """What is held is bounded; the error says what to lower."""
    monkeypatch.setattr(material, 'MOST_BYTES', 30 * 40 * 3 * 2)
    fill(tmp_path, ['a.png', 'b.png', 'c.png'])
    with pytest.raises(ConfigError, match='lower the limit'):
        gather(TINY, tmp_path)
    assert gather(TINY, tmp_path, limit=2).stills


def test_frames_between_two_stills_count_too(tmp_path, monkeypatch):
    """Bytes are checked at each frame, and at each sequence; the rest is never read."""
    monkeypatch.setattr(material, 'MOST_BYTES', 30 * 40 * 3 * 5)
    fill(tmp_path / 'a', [f'{number}.png' for number in range(1, 7)])
    (tmp_path / 'a' / '7.png').write_bytes(b'no image')
    with pytest.raises(ConfigError, match='lower the limit'):
        gather(TINY, tmp_path / 'a')
    for name in ('b', 'c'):
        fill(tmp_path / name, [f'{number}.png' for number in range(1, 4)])
    fill(tmp_path / 'd', ['1.png'])
    (tmp_path / 'sequences.json').write_text(json.dumps({'b': {}, 'c': {}, 'd': {}}))
    with pytest.raises(ConfigError, match='lower the limit'):
        gather(TINY, tmp_path)


def test_a_camera_keeps_its_size(tmp_path):
    """Frames of other sizes cannot be registered with each other."""
    fill(tmp_path, ['1.png', '2.png'])
    fill(tmp_path, ['3.png'], (50, 40))
    with pytest.raises(ConfigError, match='frame 2'):
        gather(TINY, tmp_path)


@pytest.mark.parametrize(
    'changed',
    [
        {'limit': 0},
        {'topic': '/camera'},
        {'images': 'there', 'bag': 'there'},
        {'images': 'gone'},
        {'bag': 'gone'},
    ],
)
def test_choices_that_make_no_sense_are_refused(tmp_path, changed):
    """Before anything is read."""
    given = {k: tmp_path / v if k in ('images', 'bag') else v for k, v in changed.items()}
    with pytest.raises(ConfigError):
        gather(TINY, **given)


@pytest.mark.ros
def test_a_bag_is_one_camera(tmp_path):
    """Its frames in order, stills well apart, and an unknown topic refused."""
    pytest.importorskip('pedsam_ros.msg', reason='not built')
    from pedsam_ros.bags.make_bag import make_bag

    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 40, 3), np.uint8)
    make_bag((((number + 1) * 10**8, rgb) for number, rgb in enumerate(noise)), tmp_path / 'bag')
    found = gather(TINY, bag=tmp_path / 'bag')
    assert not found.ideal
    assert np.array_equal(found.motion[0].frames, noise)
    assert [np.array_equal(each.frames[0], noise[8 * n]) for n, each in enumerate(found.stills)]
    with pytest.raises(ConfigError, match='/other'):
        gather(TINY, bag=tmp_path / 'bag', topic='/other')
