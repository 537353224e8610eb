"""Compressed images become RGB as image_transport reads them; others are refused by name."""

import struct
from array import array

import cv2
import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage, Image

from pedsam_ros.core.errors import BadImage
from pedsam_ros.core.files import read_image
from pedsam_ros.ros import images

pytestmark = pytest.mark.ros
RGB = np.random.default_rng(0).integers(0, 256, (6, 10, 3), dtype=np.uint8)
FLAT = np.full((48, 64, 3), (250, 140, 20), np.uint8)
HEAT = np.linspace(20000, 21000, 60).reshape(6, 10).astype('<u2')


def encoded(values, suffix):
    """What OpenCV writes of values that it takes for BGR."""
    return cv2.imencode(suffix, values)[1].tobytes()


def compressed(data, name='jpeg'):
    """The message as it arrives, serialised and read again."""
    msg = CompressedImage(format=name, data=array('B', data))
    return deserialize_message(serialize_message(msg), CompressedImage)


def turned(jpeg):
    """Adds the note of a camera that was held upright (EXIF orientation 6) to a JPEG."""
    entry = struct.pack('>HHIHH', 0x0112, 3, 1, 6, 0)
    note = b'Exif\0\0' + b'MM\0*' + struct.pack('>IH', 8, 1) + entry + bytes(4)
    return jpeg[:2] + b'\xff\xe1' + struct.pack('>H', 2 + len(note)) + note + jpeg[2:]


def without_huffman_tables(jpeg):
    """What the MJPEG of webcams leaves out."""
    kept, at = jpeg[:2], 2
    while jpeg[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], 'big')
        kept += jpeg[at:end] if jpeg[at + 1] != 0xC4 else b''
        at = end
    return kept + jpeg[at:]


@pytest.mark.parametrize('extension', ['.png', '.jpg'])
def test_compressed_images_are_read(extension):
    """PNG and JPEG both become RGB."""
    smooth = cv2.resize(RGB, (64, 48), interpolation=cv2.INTER_CUBIC)
    msg = compressed(encoded(smooth[..., ::-1], extension), extension[1:])
    assert np.abs(images.rgb_from_compressed(msg).astype(int) - smooth).mean() < 8


@pytest.mark.parametrize(
    ('name', 'order'),
    [
        ('jpeg', 'bgr'),
        ('png', 'bgr'),
        ('', 'bgr'),
        ('rgb8', 'bgr'),
        ('rgb8; jpeg compressed bgr8', 'bgr'),
        ('bgr8; jpeg compressed bgr8', 'bgr'),
        ('rgba8; png compressed bgr8', 'bgr'),
        ('rgb16; png compressed bgr16', 'bgr'),
        ('yuv422_yuy2; jpeg compressed bgr8', 'bgr'),
        ('mono8; jpeg compressed mono8', 'bgr'),
        ('mono8; jpeg compressed ', 'bgr'),
        ('bgr8; jpeg compressed ', 'bgr'),
        ('bgr8; tiff compressed ', 'bgr'),
        ('rgb8; tiff compressed ', 'rgb'),
        ('rgb8; png compressed rgb8', 'rgb'),
        ('rgb8; jpeg compressed rgb8', 'rgb'),
        ('bgr8; jpeg compressed rgb8', 'rgb'),
        ('RGB8; JPEG compressed RGB8', 'rgb'),
        ('rgba8; png compressed rgba8', 'rgb'),
    ],
)
@pytest.mark.parametrize('extension', ['.png', '.jpg'])
def test_the_format_says_in_which_order_colours_were_encoded(name, order, extension):
    """The word behind `compressed` names it. Without one, it is the camera's own."""
    given = FLAT if order == 'rgb' else FLAT[..., ::-1]
    rgb = images.rgb_from_compressed(compressed(encoded(given, extension), name))
    assert np.abs(rgb.astype(int) - FLAT).max() < 8


def test_a_compressed_bayer_pattern_becomes_colours():
    """Such a PNG holds the pattern. A JPEG was made grey before, and says so."""
    mosaic = np.tile(np.array([[200, 120], [120, 40]], np.uint8), (4, 4))
    msg = compressed(encoded(mosaic, '.png'), 'bayer_rggb8; png compressed ')
    assert (images.rgb_from_compressed(msg)[2:-2, 2:-2] == [200, 120, 40]).all()
    msg.format = 'bayer_rggb8; jpeg compressed mono8'
    assert (images.rgb_from_compressed(msg) == mosaic[..., None]).all()


def test_a_compressed_16_bit_image_a_raw_one_and_a_file_look_alike(tmp_path):
    """The narrow range of a thermal camera fills 0 to 255."""
    data = encoded(HEAT, '.png')
    (tmp_path / 'a.png').write_bytes(data)
    raw = Image(height=6, width=10, step=20, encoding='mono16', data=array('B', HEAT.tobytes()))
    rgb = images.rgb_from_image(raw)
    assert (rgb.min(), rgb.max()) == (0, 255)
    assert (images.rgb_from_compressed(compressed(data, 'mono16; png compressed ')) == rgb).all()
    assert (read_image(tmp_path / 'a.png') == rgb).all()


def test_a_turned_jpeg_keeps_its_rows_as_a_message(tmp_path):
    """camera_info describes the stored rows. As a file it is turned upright."""
    data = turned(encoded(FLAT[..., ::-1], '.jpg'))
    msg = compressed(data)
    assert images.rgb_from_compressed(msg).shape == (48, 64, 3)
    assert images.size_of(msg) == (48, 64)
    (tmp_path / 'a.jpg').write_bytes(data)
    assert read_image(tmp_path / 'a.jpg').shape == (64, 48, 3)


@pytest.mark.parametrize('change', [without_huffman_tables, lambda jpeg: jpeg + bytes(500)])
def test_jpegs_of_webcams_are_read(change):
    """Without Huffman tables, or with trash behind the picture."""
    data = change(encoded(FLAT[..., ::-1], '.jpg'))
    assert np.abs(images.rgb_from_compressed(compressed(data)).astype(int) - FLAT).max() < 8


def test_an_image_is_decoded_once(monkeypatch):
    """This holds for every kind of pixel, and for what is damaged."""
    calls, decode = [], cv2.imdecode
    monkeypatch.setattr(cv2, 'imdecode', lambda *given: calls.append(1) or decode(*given))
    deep = RGB.astype(np.uint16) * 257
    kinds = [encoded(each, '.png') for each in (RGB, RGB[..., 0], deep, HEAT)]
    for data in kinds:
        images.rgb_from_compressed(compressed(data, 'png'))
    with pytest.raises(BadImage):
        images.rgb_from_compressed(compressed(encoded(np.tile(RGB, (9, 9, 1)), '.jpg')[:-200]))
    assert len(calls) == len(kinds) + 1


@pytest.mark.parametrize(
    'data',
    [
        b'',
        b'\xff\xd8 no picture',
        encoded(FLAT, '.jpg')[:-200],
        b'\0\0\0\1\x67\x42\0\x1e' + b'\x11' * 200,  # H.264
        encoded(np.zeros((4, 4, 3), np.float32), '.tiff'),
    ],
)
def test_wrong_compressed_images_are_named(data):
    """The error names the format, and it is no error of OpenCV or Pillow."""
    with pytest.raises(BadImage, match=r"format='jpeg'.*not readable"):
        images.rgb_from_compressed(compressed(data))


@pytest.mark.parametrize(
    'name', ['16UC1; compressedDepth png', '32FC1; compressedDepth ', '16UC1; compressedDepth rvl']
)
def test_compressed_depth_is_named_as_such(name):
    """Its PNG lies behind 12 bytes, so nothing else would say what is wrong."""
    data = bytes(12) + encoded(HEAT, '.png')
    with pytest.raises(BadImage, match='compressedDepth is not read; take the raw depth topic'):
        images.rgb_from_compressed(compressed(data, name))


def test_a_long_format_is_cut():
    """An error stays readable."""
    with pytest.raises(BadImage) as caught:
        images.rgb_from_compressed(compressed(b'', 'x' * 10**6))
    assert len(str(caught.value)) < 500
