"""`pedsam make-assets` packs exactly the pictures that its configuration names, with licences."""

import json
import sys
import zipfile
from argparse import Namespace

import cv2
import numpy as np
import pytest
import yaml

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.learn.asset_pack import AssetPack
from pedsam_ros.tools import make_assets

pytest.importorskip('pedsam_ros.assets', reason='built without PEDSAM_ASSETS')

COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: 2001 Somebody
License: GPL-2+

Files: pictures/hill.jpg
Copyright: 2002 Photographer
License: CC-BY-4.0
"""
CUBE = """mtllib cube.mtl
v -1 -1 -1\nv 1 -1 -1\nv 1 1 -1\nv -1 1 -1\nv -1 -1 1\nv 1 -1 1\nv 1 1 1\nv -1 1 1
usemtl red
f 1 2 3 4\nf 5 6 7 8\nf 1 2 6 5\nf 4 3 7 8\nf 1 4 8 5\nf 2 3 7 6
"""


@pytest.fixture
def packages(tmp_path):
    """A folder with one extracted package: a cut-out, a photograph and a model in an archive."""
    share = tmp_path / 'debs/things/usr/share'
    (share / 'doc/things').mkdir(parents=True)
    (share / 'doc/things/copyright').write_text(COPYRIGHT)
    (share / 'pictures').mkdir()
    disc = np.full((200, 300, 4), 90, np.uint8)
    disc[..., 3] = 0
    cv2.circle(disc, (150, 100), 80, (30, 60, 200, 255), -1)
    cv2.imwrite(str(share / 'pictures/disc.png'), disc)
    hill = cv2.resize(np.random.default_rng(0).integers(0, 255, (9, 16, 3), np.uint8), (1600, 900))
    cv2.imwrite(str(share / 'pictures/hill.jpg'), hill)
    with zipfile.ZipFile(share / 'models.zip', 'w') as archive:
        archive.writestr('cube/cube.obj', CUBE)
        archive.writestr('cube/cube.mtl', 'newmtl red\nKd 0.8 0.1 0.1\n')
    return tmp_path / 'debs'


TAKE = [
    {'kind': 'cutout', 'files': ['*.png']},
    {'kind': 'background', 'files': ['*hill.jpg']},
    {
        'kind': 'cutout',
        'group': 'other',
        'files': ['models.zip!/cube/*.obj'],
        'render': {'views': 3, 'pitch_deg': [0, 30]},
        'licence': 'CC0',
        'credit': 'nobody',
    },
]


def make(tmp_path, packages, take):
    config = tmp_path / 'assets.yaml'
    root = 'usr/share/'
    source = {'package': 'things', 'version': '1', 'root': root, 'take': take}
    config.write_text(yaml.safe_dump({'sources': [source]}))
    out = tmp_path / 'assets.zip'
    assert make_assets.run(Namespace(debs=packages, out=out, config=config)) == 0
    return out


def test_a_pack_holds_what_is_named_with_its_licence(tmp_path, packages):
    """The licence comes from the copyright file's paragraph for the picture; training reads it."""
    out = make(tmp_path, packages, TAKE)
    with zipfile.ZipFile(out) as pack:
        entries = json.loads(pack.read('index.json'))
    assert [e['licence'] for e in entries] == ['GPL-2+', 'CC-BY-4.0', 'CC0', 'CC0', 'CC0']
    assert entries[1]['credit'] == '2002 Photographer'
    pictures = AssetPack.open(out).pictures
    disc, *cubes = pictures['cutout']
    assert disc.shape[:2] == (165, 165)
    assert np.abs(disc[82, 82].astype(int) - (200, 60, 30, 255)).max() < 12
    assert max(pictures['background'][0].shape) == 640
    for cube in cubes:
        inside = cube[..., 3] > 0
        assert 0.5 < inside.mean() <= 1
        red, green, _ = cube[inside][:, :3].mean(0)
        assert red > 2 * green


def test_equal_packages_give_equal_packs(tmp_path, packages):
    """Making a pack twice gives the same bytes."""
    one = make(tmp_path, packages, TAKE).read_bytes()
    assert make(tmp_path, packages, TAKE).read_bytes() == one


def test_another_version_of_a_package_is_noticed(tmp_path, packages):
    """A pattern that matches nothing and a missing package are errors that name it."""
    with pytest.raises(ConfigError, match=r"nothing matches 'usr/share/\*\.gif'"):
        make(tmp_path, packages, [{'kind': 'cutout', 'files': ['*.gif']}])
    with pytest.raises(ConfigError, match='no such folder'):
        make(tmp_path, tmp_path / 'elsewhere', TAKE)


def test_a_copyright_file_in_another_format_is_refused(tmp_path, packages):
    """Free text cannot be searched for a picture's licence."""
    (packages / 'things/usr/share/doc/things/copyright').write_text('Free for all.\n')
    with pytest.raises(ConfigError, match='not in the DEP-5 format'):
        make(tmp_path, packages, TAKE)


def test_a_robot_without_the_room_is_told_how_to_get_it(tmp_path, packages, monkeypatch):
    """If make-assets is not installed, the error names the build option and the requirements."""
    monkeypatch.setitem(sys.modules, 'pedsam_ros.assets.pack', None)
    with pytest.raises(ConfigError, match=r'PEDSAM_ASSETS=ON.*requirements/assets\.txt'):
        make(tmp_path, packages, TAKE)
