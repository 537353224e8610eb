"""Files are replaced as a whole or not at all; images are read and written as RGB."""

import os
import struct

import cv2
import numpy as np
import pytest

from pedsam_ros.core.errors import BadImage
from pedsam_ros.core.files import read_image, replacing, write_image

RED = np.full((20, 40, 3), (250, 0, 0), np.uint8)


def as_jpeg(rgb) -> bytes:
    return cv2.imencode('.jpg', cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()


def turned(jpeg: bytes) -> bytes:
    """Adds the note of a camera that was held upright (EXIF orientation 6) to a JPEG."""
    entry = struct.pack('>HHIHH', 0x0112, 3, 1, 6, 0)
    note = b'Exif\0\0' + b'MM\0*' + struct.pack('>IH', 8, 1) + entry + bytes(4)
    return jpeg[:2] + b'\xff\xe1' + struct.pack('>H', 2 + len(note)) + note + jpeg[2:]


def test_a_file_takes_its_name_when_it_is_whole(tmp_path):
    """Until then the old file is there. Afterwards the folder holds no other file."""
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
    """This holds whether or not the new file was begun."""
    path = tmp_path / 'a.txt'
    path.write_text('old')
    for write in (lambda partial: partial.write_text('half'), lambda partial: None):
        with pytest.raises(RuntimeError, match='power'):
            fail_while_replacing(path, write)
        assert path.read_text() == 'old'
        assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(('umask', 'mode'), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path, umask, mode):
    """Also if the library that writes it makes it anew, for its owner alone."""
    path, before = tmp_path / 'a.txt', os.umask(umask)
    try:
        with replacing(path) as partial:
            partial.unlink()
            os.close(os.open(partial, os.O_CREAT | os.O_WRONLY, 0o600))
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == mode


def test_a_link_in_the_place_of_the_half_written_file_is_not_followed(tmp_path):
    """Nor does it stop the writing."""
    path, other = tmp_path / 'a.txt', tmp_path / 'other'
    other.write_text('mine')
    (tmp_path / 'a.txt.partial').symlink_to(other)
    with replacing(path) as partial:
        partial.write_text('new')
    assert (path.read_text(), other.read_text()) == ('new', 'mine')
    assert not path.is_symlink()


def test_images_are_read_as_rgb_turned_as_the_camera_noted_unless_asked_not_to(tmp_path):
    """With `as_stored` they are not turned, because labels belong to the stored rows."""
    path = tmp_path / 'a.jpg'
    path.write_bytes(turned(as_jpeg(RED)))
    assert read_image(path).shape == (40, 20, 3)
    stored = read_image(path, as_stored=True)
    assert stored.shape == RED.shape
    assert stored.dtype == np.uint8
    assert np.abs(stored.astype(int) - RED).max() < 10


@pytest.mark.parametrize('data', [None, b'', b'no image', as_jpeg(np.tile(RED, (9, 9, 1)))[:600]])
def test_an_image_that_cannot_be_read_is_named(tmp_path, data):
    """The error names a missing file, an empty one, another kind of file, and half a JPEG."""
    path = tmp_path / 'a.jpg'
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(BadImage, match=r'a\.jpg'):
        read_image(path)


def test_a_written_image_comes_back_as_the_same_rgb(tmp_path):
    """Red stays red, and the call returns the path."""
    path = tmp_path / 'a.png'
    assert write_image(path, RED) == path
    assert (read_image(path) == RED).all()


@pytest.mark.parametrize('name', ['missing/a.png', 'a.unknown', 'a'])
def test_an_image_that_cannot_be_written_is_named(tmp_path, name):
    """The error names a path in a folder that does not exist, or without a known suffix."""
    with pytest.raises(OSError, match=f'{name}: cannot be written'):
        write_image(tmp_path / name, RED)


def test_an_image_gets_a_name_that_is_no_utf_8(tmp_path):
    """OpenCV's own reader and writer of files end the process for such a name."""
    rgb = np.full((4, 5, 3), 99, np.uint8)
    path = write_image(tmp_path / 'caf\udce9.png', rgb)
    assert (read_image(path) == rgb).all()
    with pytest.raises(OSError, match='cannot be written'):
        write_image(tmp_path / 'a.p\udce9', rgb)
    with pytest.raises(OSError, match='cannot be written'):
        write_image(tmp_path / 'no folder' / 'a.png', rgb)
