"""`pedsam evaluate` in one process: it asks the right models and writes figures and a picture."""

import argparse
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from fakes import frame
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.evaluation import automatic_recall, variants
from pedsam_ros.tools import evaluate

pytestmark = pytest.mark.ros
SEED = 'random:vit_tiny:0'
TWIN = 'random:vit_tiny:1'


@pytest.fixture
def data(tmp_path):
    """A folder of label maps: one image in each of two sources."""
    entries = []
    for i, source in enumerate(['a', 'b']):
        (tmp_path / source).mkdir()
        labels = np.zeros((60, 80), np.uint16)
        labels[10:40, 10:30], labels[20:50, 40:75] = 1, 2
        cv2.imwrite(str(tmp_path / source / 'one.png'), labels)
        cv2.imwrite(str(tmp_path / source / 'one.jpg'), frame(60, 80, seed=i).rgb)
        segments = [{'id': 1, 'thing': True}, {'id': 2, 'thing': source == 'a'}]
        size = {'width': 80, 'height': 60}
        entries.append({'source': source, 'name': 'one', **size, 'segments': segments})
    (tmp_path / 'index.json').write_text(json.dumps(entries))
    return tmp_path


def run(*arguments):
    """Runs the command in this process."""
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    return evaluate.run(parser.parse_args([*map(str, arguments), '--threads', '1']))


def evaluated(out, *arguments):
    """The figures that the command wrote."""
    assert run(*arguments, '--out', out) == 0
    return json.loads(out.read_text())


def test_figures_table_and_picture(data, tmp_path, capsys):
    """Each model has a score for each source, class and kind of prompt that exists."""
    models = 'ped,sam,ped_untrained_reorder,blur,box'
    out = tmp_path / 'out' / 'figures.json'
    given = ['--checkpoint', SEED, '--sam-checkpoint', TWIN, '--models', models]
    found = evaluated(out, '--data', data, *given)
    asked = 'ped,sam,ped_untrained_reorder,blur,no_embedding,sam_no_embedding,box'
    assert list(found['models']) == asked.split(',')
    assert list(found['contribution']['overall']) == asked.split(',')[:4]
    assert found['second_look'] == 'on'
    for name, of_model in found['models'].items():
        assert list(of_model) == ['a', 'b']
        for value in (of_model['a']['things'], of_model['b']['regions']):
            assert 0 <= value['box'] <= 1
            assert name == 'box' or 0 <= value['point'] <= 1
        assert of_model['a']['regions'] == {'box': None, 'point': None}
    assert found['models']['box']['b']['regions'] == {'box': 1.0, 'point': None}
    assert found['segments']['b'] == {'images': 1, 'things': 1, 'regions': 1}
    assert set(found['overall']['sam']) == {'things', 'regions', 'all'}
    assert found['model_ids']['ped'] != found['model_ids']['sam']
    assert found['sigma_px'] == 10.0
    assert {'command', 'machine', 'versions', 'limit', 'rules'} <= found.keys()
    told = capsys.readouterr().out
    assert 'a, 2 things' in told
    assert 'ped_untrained_reorder' in told
    assert cv2.imread(str(out.with_suffix('.png'))).shape == (2 * 262, 5 * 320, 3)


def test_the_block_order_and_the_weights_tell_models_apart(data, tmp_path):
    """Reordering alone changes the masks; equal weights in equal order give equal masks."""
    models = ['--models', 'ped,sam,ped_untrained_reorder']
    one = evaluated(tmp_path / '1.json', '--data', data, '--checkpoint', SEED, *models)['overall']
    assert one['ped'] == one['ped_untrained_reorder'] != one['sam']
    twin = ['--checkpoint', SEED, '--sam-checkpoint', TWIN]
    two = evaluated(tmp_path / '2.json', '--data', data, *twin, *models)['overall']
    assert two['ped'] == one['ped'] != two['ped_untrained_reorder']


def test_who_gets_which_checkpoint(monkeypatch, tmp_path):
    """Foreign weights serve both roles, ours only their own; the package's are the default."""
    assert variants.checkpoints({'ped': 'a.pth', 'sam': None}) == {'ped': 'a.pth', 'sam': 'a.pth'}
    assert variants.checkpoints({'ped': None, 'sam': SEED}) == {'ped': SEED, 'sam': SEED}
    ours = {'ped': 'a.safetensors', 'sam': None}
    assert variants.checkpoints(ours) == {'ped': 'a.safetensors'}
    both = {'ped': 'a.safetensors', 'sam': 'b.pth'}
    assert variants.checkpoints(both) == both
    ours = {role: tmp_path / f'{role}.safetensors' for role in variants.ROLES}
    monkeypatch.setattr(variants, '_shipped', lambda: ours)
    assert variants.checkpoints({'ped': None, 'sam': None}) == {}
    ours['ped'].touch()
    shipped = variants.checkpoints({'ped': None, 'sam': None})
    assert list(shipped) == ['ped']
    assert variants.why_absent('ped', shipped) == variants.why_absent('box', {}) == ''
    assert '--sam-checkpoint' in variants.why_absent('blur', shipped)
    rival = {'ped': None, 'sam': None, 'edge_only': 'c'}
    assert variants.checkpoints(rival) == shipped | {'edge_only': 'c'}
    assert str(ours['edge_only']) in variants.why_absent('edge_only', shipped)


def test_models_without_weights_are_left_out_and_named(data, tmp_path, capsys, monkeypatch):
    """It is an error only if the user named such a model."""
    ours = {role: tmp_path / role for role in variants.ROLES}
    monkeypatch.setattr(variants, '_shipped', lambda: ours)
    found = evaluated(tmp_path / 'out.json', '--data', data)
    assert list(found['models']) == ['box']
    assert 'sam is left out: its weights are missing' in capsys.readouterr().out
    with pytest.raises(ConfigError, match='--models: sam: its weights are missing'):
        run('--data', data, '--models', 'box,sam')


@pytest.mark.parametrize(
    ('arguments', 'named'),
    [
        (['--models', 'ped,sum'], "'sum': one of ped, "),
        (['--limit', '0'], '--limit=0'),
        (['--sources', 'a,c', '--models', 'box'], "--sources: 'c'"),
        (['--sigma', '0'], '--sigma=0'),
        (['--threads', '-1'], '--threads=-1'),
        (['--out', 'x.png'], '--out=x.png'),
        (['--point', 'corner'], "point='corner'"),
        (['--checkpoint', '/nowhere.pth', '--models', 'ped'], '/nowhere.pth'),
    ],
)
def test_wrong_arguments_are_named(data, arguments, named):
    """The argument is named before anything is computed."""
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    with pytest.raises(Exception, match=named):
        evaluate.run(parser.parse_args(['--data', str(data), *arguments]))


def test_automatic_masks_have_figures_of_their_own(data, tmp_path, monkeypatch, capsys):
    """Of the chosen source alone, with and without a second look, beside SAM's own generator."""
    few = replace(automatic_recall.SETTINGS, points_per_side=2)
    monkeypatch.setattr(automatic_recall, 'SETTINGS', few)
    given = ['--data', data, '--sources', 'b', '--checkpoint', SEED, '--automatic']
    found = evaluated(tmp_path / 'automatic.json', *given)
    ways = ['sam', 'ours', 'grid_of_few_points', 'grid_refined', 'ours_refined']
    assert list(found['ways']) == ways
    assert found['segments'] == {
        'all': 2,
        'small': 1,
        'medium': 1,
        'large': 0,
        'b things': 1,
        'b regions': 1,
    }
    told = capsys.readouterr().out
    assert all(way in told for way in ways)


def test_cocos_own_format(tmp_path):
    """The published rules apply, and one checkpoint runs in both block orders."""
    (tmp_path / 'val2017').mkdir()
    (tmp_path / 'annotations').mkdir()
    cv2.imwrite(str(tmp_path / 'val2017' / '1.jpg'), frame(60, 80).rgb)
    square = [[10, 10, 40, 10, 40, 40, 10, 40]]
    image = {'id': 1, 'file_name': '1.jpg', 'width': 80, 'height': 60}
    note = {'id': 1, 'image_id': 1, 'category_id': 1, 'iscrowd': 0, 'segmentation': square}
    whole = {'images': [image], 'annotations': [note], 'categories': []}
    (tmp_path / 'annotations' / 'instances_val2017.json').write_text(json.dumps(whole))
    found = evaluated(tmp_path / 'out.json', '--coco', tmp_path, '--checkpoint', SEED)
    bare = ['no_embedding', 'sam_no_embedding']
    assert list(found['models']) == ['ped', 'sam', 'blur', *bare, 'box']
    assert found['models']['box'] == {
        'coco_val2017': {
            'things': {'box': 1.0, 'point': None},
            'regions': {'box': None, 'point': None},
        }
    }
    assert found['model_ids']['ped'] == found['model_ids']['sam']
    assert found['rules'] == {'min_share': 0.0, 'crowds': True, 'point': 'centre'}
