"""What was seen of the scene, on the disk."""

import os
import stat

import pytest

import fakes
from pedsam_ros.core import scene_record
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.placement import place, windows_by_worker
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.scene import Scene
from pedsam_ros.core.windows import Canvas, pixel_grid
from pedsam_ros.nodes import scene_file
from pedsam_ros.nodes.exposure_files import ExposureFiles
from watched_scenes import WORKERS, at

GRID = pixel_grid(fakes.TINY)


@pytest.fixture
def opened(tmp_path):
    """Opens files under one path, and closes those that the test has not."""
    files = []

    def open_one(anchor='scene'):
        homes = {} if anchor == 'scene' else place(GRID, WORKERS)
        make = scene_of if anchor == 'scene' else None
        files.append(ExposureFiles(tmp_path / 'exposure.json', Ledger(GRID, homes), None, make))
        return files[-1]

    yield open_one
    for file in files:
        file.close()


def scene_of(record):
    return Scene(fakes.TINY, WORKERS, PlacementConfig(), None, record)


def show(files, x, now_s=0.0):
    """Sends what may be sent of a view, and keeps what must be kept."""
    sight = files.scene.look(at(x), now_s)
    files.scene.unsaved += files.scene.note(sight, files.scene.allowed(sight, sight.homes))
    files.keep()


def on_disk(files):
    return scene_record.read(files.scene_path.read_bytes())


def test_what_was_shown_is_on_the_disk_before_it_is_sent(opened):
    """A file that grows; only its owner may read it. What shows nothing new is not written."""
    files = opened()
    show(files, 640)
    first = files.scene_path.read_bytes()
    assert stat.S_IMODE(files.scene_path.stat().st_mode) == 0o600
    assert len(on_disk(files).keyframes) == 1
    show(files, 640, 1.0)
    assert files.scene_path.read_bytes() == first
    show(files, 700, 2.0)
    assert files.scene_path.read_bytes()[: len(first)] == first
    assert files.scene_path.stat().st_size > len(first)


def test_a_restart_knows_what_was_seen(opened):
    """Coverage is the same once the view is recognised."""
    files = opened()
    show(files, 640)
    before = dict(files.scene.coverage)
    files.close()
    again = opened()
    again.scene.look(at(640), 0.0)
    assert again.scene.totals.lost == 0
    assert again.scene.coverage == pytest.approx(before, abs=0.02)
    assert min(before.values()) > 0.2


def test_a_file_that_cannot_grow_is_written_anew(opened, monkeypatch):
    """Half an entry may be there after a full disk. Nothing is sent meanwhile."""
    files = opened()
    show(files, 640)

    def full(descriptor, content):
        os.write(descriptor, bytes(content)[:10])
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(scene_file, '_append', full)
    with pytest.raises(OSError, match='space'):
        show(files, 720, 1.0)
    monkeypatch.undo()
    files.keep()
    coverage = dict(files.scene.coverage)
    again = scene_of(on_disk(files))
    again.look(at(720), 0.0)
    assert again.coverage == pytest.approx(coverage, abs=0.02)


def test_it_begins_anew_before_it_is_too_large(opened, monkeypatch):
    """It holds as much as before."""
    monkeypatch.setattr(scene_file, '_MOST_ADDED', 100)
    files = opened()
    for number, x in enumerate((600, 660, 720, 780)):
        show(files, x, number)
    assert files.scene_path.stat().st_size < len(files.scene.to_bytes()) + 100


def test_a_reset_forgets_it(opened):
    """Also on the disk."""
    files = opened()
    show(files, 640)
    files.reset()
    assert not len(on_disk(files).keyframes)
    assert set(files.scene.coverage.values()) == {0.0}
    show(files, 640, 1.0)
    assert len(on_disk(files).keyframes) == 1


def test_another_edge_cannot_open_it(opened):
    """The ledger's lock holds for both files."""
    opened()
    with pytest.raises(ConfigError, match='another edge'):
        opened()


@pytest.mark.parametrize('content', [b'', b'PEDSAM-SCENE\x01junk that is no entry at all'])
def test_a_broken_file_is_refused(content, opened):
    """The error says what to do."""
    files = opened()
    files.close()
    files.scene_path.write_bytes(content + b'x' * 40)
    with pytest.raises(ConfigError, match='remove it and the ledger'):
        opened()


def test_a_scene_whose_file_is_missing_is_not_begun_anew(opened):
    """The ledger beside it says that workers saw something."""
    files = opened()
    files.ledger.count(['a'], 1, 0.0)
    show(files, 640)
    files.close()
    files.scene_path.unlink()
    with pytest.raises(ConfigError, match='is missing'):
        opened()


def test_a_file_that_others_may_read_is_refused(opened):
    """It tells what rooms look like."""
    files = opened()
    files.close()
    files.scene_path.chmod(0o644)
    with pytest.raises(ConfigError, match='chmod 600'):
        opened()


def test_what_was_shown_of_the_image_is_not_forgotten_in_a_scene(opened):
    """Nobody knows what of the scene that was; so the anchor cannot be changed."""
    files = opened('image')
    canvas = Canvas.fit(fakes.TINY, 480, 640)
    homes = files.ledger.homes
    files.ledger.admit(windows_by_worker(homes, canvas.windows()), canvas, 1, 0.0)
    files.write()
    files.close()
    with pytest.raises(ConfigError, match=r'anchor=scene.*places in the image'):
        opened('scene')


def test_what_was_shown_of_a_scene_is_not_forgotten_in_the_image(opened):
    """The other way round."""
    files = opened()
    show(files, 640)
    files.close()
    with pytest.raises(ConfigError, match=r'anchor=image.*a scene'):
        opened('image')
