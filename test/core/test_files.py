"""Files that are whole or absent, and images read as RGB."""

import os
import struct

import cv2
import numpy as np
import pytest

from pedsam_ros.core.errors import BadImage
from pedsam_ros.core.files import read_image, replacing, write_synced

RED = np.full((20, 40, 3), (250, 0, 0), np.uint8)


def as_jpeg(rgb) -> bytes:
    return cv2.imencode('.jpg', cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()


def turned(jpeg: bytes) -> bytes:
    """The same file with a camera's note that it was held upright (EXIF orientation 6)."""
    entry = struct.pack('>HHIHH', 0x0112, 3, 1, 6, 0)
    note = b'Exif\0\0' + b'MM\0*' + struct.pack('>IH', 8, 1) + entry + bytes(4)
    return jpeg[:2] + b'\xff\xe1' + struct.pack('>H', 2 + len(note)) + note + jpeg[2:]


def test_a_file_takes_its_name_when_it_is_whole(tmp_path):
    """Until then the old one is there; afterwards nothing else is."""
    path = tmp_path / 'a.txt'
    path.write_text('old')
    with replacing(path) as partial:
        partial.write_text('new')
        assert path.read_text() == 'old'
    assert path.read_text() == 'new'
    assert list(tmp_path.iterdir()) == [path]


def fail_while_replacing(path, write):
    with replacing(path) as partial:
        write(partial)
        raise RuntimeError('power')


def test_an_error_leaves_the_old_file_and_no_other(tmp_path):
    """Also if nothing was written yet."""
    path = tmp_path / 'a.txt'
    path.write_text('old')
    for write in (lambda partial: partial.write_text('half'), lambda partial: None):
        with pytest.raises(RuntimeError, match='power'):
            fail_while_replacing(path, write)
        assert path.read_text() == 'old'
        assert list(tmp_path.iterdir()) == [path]


def test_a_synced_file_is_on_the_disk_before_its_name_and_then_its_folder(tmp_path, monkeypatch):
    """A crash at any time finds the old text or the new one."""
    path, synced = tmp_path / 'a.txt', []

    def sync(descriptor):
        there = os.readlink(f'/proc/self/fd/{descriptor}')
        synced.append((there, path.exists()))

    monkeypatch.setattr(os, 'fsync', sync)
    write_synced(path, 'text')
    assert synced == [(f'{path}.partial', False), (str(tmp_path), True)]
    assert path.read_text() == 'text'


def test_images_are_read_as_rgb_turned_as_the_camera_noted_unless_asked_not_to(tmp_path):
    """Labels are drawn on what is stored."""
    path = tmp_path / 'a.jpg'
    path.write_bytes(turned(as_jpeg(RED)))
    assert read_image(path).shape == (40, 20, 3)
    stored = read_image(path, as_stored=True)
    assert stored.shape == RED.shape
    assert stored.dtype == np.uint8
    assert np.abs(stored.astype(int) - RED).max() < 10


@pytest.mark.parametrize('data', [None, b'', b'no image', as_jpeg(np.tile(RED, (9, 9, 1)))[:600]])
def test_an_image_that_cannot_be_read_is_named(tmp_path, data):
    """No file, an empty one, another kind of file, half a JPEG."""
    path = tmp_path / 'a.jpg'
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(BadImage, match=r'a\.jpg'):
        read_image(path)
