"""Annotations in COCO's format and in ours give the same samples; errors name the mistake."""

import json

import cv2
import numpy as np
import pytest

from drawn_label_maps import THINGS, Parrot, judge, labels, write_coco, write_folder, write_sample
from fakes import frame
from pedsam_ros.core.errors import BadImage, ConfigError
from pedsam_ros.evaluation.coco import PUBLISHED, read_coco
from pedsam_ros.evaluation.label_maps import read_label_maps
from pedsam_ros.evaluation.samples import Rules


def test_both_formats_give_the_same(tmp_path):
    """COCO's format and label maps give the same segments, prompts and scores."""
    write_coco(tmp_path, labels())
    (ours,) = read_label_maps(write_folder(tmp_path), Rules(min_share=0))
    (theirs,) = read_coco(tmp_path, Rules(min_share=0))
    told = [[(s.area, s.point, s.box) for s in sample.segments] for sample in (ours, theirs)]
    assert told[0] == told[1]
    model = Parrot(*(np.roll(labels() == i, 2, 1) for i in THINGS))
    found = [[score.iou for score in judge(model, sample)] for sample in (ours, theirs)]
    assert found[0] == found[1]


def test_polygons_and_crowds_are_read(tmp_path):
    """Polygons are drawn as COCO draws them, and only the published rules count crowds."""
    write_coco(tmp_path, labels(), crowd=[2])
    path = tmp_path / 'annotations' / 'instances_val2017.json'
    whole = json.loads(path.read_text())
    whole['annotations'][3]['segmentation'] = [[10, 10, 30, 10, 30, 20, 10, 20]]
    path.write_text(json.dumps(whole))
    (published,) = read_coco(tmp_path, PUBLISHED)
    assert published.segments[3].box == (10, 10, 30, 20)
    assert len(published.segments) == 5
    (own,) = read_coco(tmp_path, Rules())
    assert (len(own.segments), own.skipped) == (3, {'crowd': 1, 'small': 1})


def test_the_limit_is_for_each_source_and_counts_images_with_segments(tmp_path):
    """The first images of each source are taken, in the order of the index."""
    everything = [{'id': 1, 'thing': True}]
    for source, name in (('a', '1'), ('a', '2'), ('b', '3'), ('a', '4'), ('b', '5')):
        label_map = np.full((20, 30), name != '1', np.uint8)
        write_sample(tmp_path, source, name, label_map, everything if name != '1' else [])
    assert [s.name for s in read_label_maps(tmp_path, Rules(), 1)] == ['2', '3']
    assert [s.name for s in read_label_maps(tmp_path, Rules())] == ['2', '3', '4', '5']


@pytest.mark.parametrize(
    ('text', 'named'),
    [
        (None, 'index.json'),
        ('{', 'index.json'),
        ('{}', 'a list of images'),
        ('[{"source": "a"}]', "has no 'name'"),
        ('[{"source": "a", "name": "b", "width": 1, "height": 1, "segments": [{}]}]', "no 'id'"),
    ],
)
def test_a_bad_index_is_named(tmp_path, text, named):
    """The error names an index that is missing, not JSON, or of another form."""
    if text is not None:
        (tmp_path / 'index.json').write_text(text)
    with pytest.raises(ConfigError, match=named):
        list(read_label_maps(tmp_path, Rules()))


@pytest.mark.parametrize(
    ('segments', 'changes', 'error', 'named'),
    [
        ([{'id': 9, 'thing': True}], {}, ConfigError, 'no pixel of id=9'),
        ([], {'height': 41}, BadImage, '60x40 px, its labels are for 60x41'),
        ([], {'name': 'nowhere'}, BadImage, 'nowhere.png'),
        ([], {'width': 'wide'}, ConfigError, 'wide'),
    ],
)
def test_a_bad_label_map_is_named(tmp_path, segments, changes, error, named):
    """The error names an id that is not in the map, a wrong size, or a missing file."""
    write_sample(tmp_path, 'here', 'one', labels(), segments, **changes)
    with pytest.raises(error, match=named):
        list(read_label_maps(tmp_path, Rules()))


def test_a_photo_of_another_size_is_named(tmp_path):
    """The error names the photo, both if its size is wrong and if it is missing."""
    (sample,) = read_label_maps(write_folder(tmp_path), Rules())
    cv2.imwrite(str(sample.path), frame(41, 60).rgb)
    with pytest.raises(BadImage, match=r'one\.jpg: 60x41 px, its labels are for 60x40'):
        sample.rgb()
    sample.path.unlink()
    with pytest.raises(BadImage, match=r'one\.jpg'):
        sample.rgb()


@pytest.mark.parametrize('text', [None, '[]', '{"images": []}', '{"images": 1, "annotations": 1}'])
def test_bad_annotations_are_named(tmp_path, text):
    """The error names annotations that are missing or not in COCO's format."""
    (tmp_path / 'annotations').mkdir()
    if text is not None:
        (tmp_path / 'annotations' / 'instances_val2017.json').write_text(text)
    with pytest.raises(ConfigError, match=r'instances_val2017.json: no annotations'):
        list(read_coco(tmp_path, PUBLISHED))


def test_an_unknown_rule_for_points_is_named():
    """The error lists the rules that exist."""
    with pytest.raises(ConfigError, match="point='corner': one of farthest, centre"):
        Rules(point='corner')
