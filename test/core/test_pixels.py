"""Bytes of image files and deep pixels become 8-bit RGB, within bounds."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from pedsam_ros.core import pixels
from pedsam_ros.core.errors import BadImage
from pedsam_ros.core.image_bombs import MAX_PIXELS

RGB = np.random.default_rng(0).integers(0, 256, (6, 10, 3), dtype=np.uint8)
GREY = RGB[..., 1]
ALPHA = np.zeros((6, 10), np.uint8)
HEAT = np.linspace(20000, 21000, 60).reshape(6, 10).astype(np.uint16)


def file_of(values, suffix='.png') -> bytes:
    """An image file of RGB, RGBA or grey values."""
    if values.ndim == 3:
        values = values[..., [2, 1, 0, *range(3, values.shape[2])]]
    return cv2.imencode(suffix, values)[1].tobytes()


def chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack('>I', len(content)) + name + content + struct.pack('>I', check)


def png_of_size(width: int, height: int) -> bytes:
    """A PNG of a few bytes that announces some size."""
    sizes = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    rows = chunk(b'IDAT', zlib.compress(bytes(1000)))
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', sizes) + rows + chunk(b'IEND', b'')


def jpeg_of_size(width: int, height: int) -> bytes:
    """A JPEG of one colour whose header was changed to announce some size."""
    data = cv2.imencode('.jpg', np.full((16, 16, 3), 99, np.uint8))[1].tobytes()
    at = data.index(b'\xff\xc0') + 5
    return data[:at] + struct.pack('>HH', height, width) + data[at + 4 :]


@pytest.mark.parametrize('suffix', ['.png', '.tiff', '.bmp', '.ppm'])
@pytest.mark.parametrize('rgb', [True, False])
def test_colours_are_read_in_the_order_that_they_were_encoded_in(suffix, rgb):
    """Without `rgb`, what the file calls red is blue."""
    got = pixels.decode(file_of(RGB, suffix), rgb=rgb)
    assert (got == (RGB if rgb else RGB[..., ::-1])).all()


def test_a_jpeg_has_the_same_colours_in_both_orders():
    """The order costs nothing: the same pixels come, exchanged."""
    data = file_of(cv2.resize(RGB, (64, 48)), '.jpg')
    assert (pixels.decode(data) == pixels.decode(data, rgb=False)[..., ::-1]).all()
    assert np.abs(pixels.decode(data).astype(int) - cv2.resize(RGB, (64, 48))).mean() < 20


@pytest.mark.parametrize('suffix', ['.png', '.tiff', '.jpg', '.webp', '.bmp'])
def test_grey_files_become_grey_rgb(suffix):
    """All three channels have the same value."""
    flat = np.full((16, 16), 90, np.uint8)
    got = pixels.decode(file_of(flat, suffix))
    assert got.shape == (16, 16, 3)
    assert np.abs(got.astype(int) - 90).max() <= 2


@pytest.mark.parametrize('suffix', ['.png', '.tiff'])
def test_transparency_is_ignored(suffix):
    """Pixels keep their colours even where nothing of them would be seen."""
    assert (pixels.decode(file_of(np.dstack([RGB, ALPHA]), suffix)) == RGB).all()


@pytest.mark.parametrize('suffix', ['.png', '.tiff'])
def test_deep_grey_files_are_stretched(suffix):
    """The narrow range of a thermal camera fills 0 to 255."""
    got = pixels.decode(file_of(HEAT, suffix))
    assert (got[..., 0] == np.rint((HEAT - 20000.0) * 255 / 1000)).all()
    assert (got == got[..., :1]).all()


@pytest.mark.parametrize('suffix', ['.png', '.tiff'])
def test_deep_colour_files_keep_their_colours(suffix):
    """They are scaled by their type's range, so that nothing changes its hue."""
    deep = np.dstack([RGB, ALPHA]).astype(np.uint16) * 257
    assert (pixels.decode(file_of(deep, suffix)) == RGB).all()


def test_depth_in_metres_is_stretched_like_depth_in_millimetres():
    """A float TIFF looks like a 16-bit one."""
    metres = file_of((HEAT / 1000).astype(np.float32), '.tiff')
    assert (pixels.decode(metres) == pixels.decode(file_of(HEAT, '.tiff'))).all()


def test_depth_that_is_not_known_is_the_lowest_and_too_far_the_highest():
    """So is a picture without any known depth."""
    known = np.array([[1.0, 3.0, np.nan, np.inf, -np.inf]], np.float32)
    assert pixels.grey_to_8_bit(known).tolist() == [[0, 255, 0, 255, 0]]
    assert (pixels.grey_to_8_bit(known[:, 2:]) == 0).all()


@pytest.mark.parametrize('low', [0, 65000])
def test_the_narrowest_range_fills_0_to_255(low):
    """Two values that differ by one become black and white, at both ends of 16 bits."""
    assert pixels.grey_to_8_bit(np.array([[low, low + 1]], np.uint16)).tolist() == [[0, 255]]


def test_the_widest_range_fills_0_to_255():
    """The span of two floats may be more than a float holds."""
    ends = np.array([[-3.4e38, 3.4e38]], np.float32)
    assert pixels.grey_to_8_bit(ends).tolist() == [[0, 255]]


@pytest.mark.parametrize('flat', [np.uint16(7), np.float32(7)])
def test_equal_values_are_black(flat):
    """They have a range of zero, by which nothing is divided."""
    assert (pixels.grey_to_8_bit(np.full((2, 2), flat)) == 0).all()


@pytest.mark.parametrize('convert', [pixels.grey_to_8_bit, pixels.colour_to_8_bit])
def test_other_types_are_named(convert):
    """Signed numbers are neither colours nor depth."""
    with pytest.raises(BadImage, match=r'int32: they must be one of uint8, uint16'):
        convert(np.zeros((2, 2), np.int32))


@pytest.mark.parametrize(
    'data', [png_of_size(7000, 7000), png_of_size(2**31 - 1, 1), jpeg_of_size(65500, 65500)]
)
def test_an_image_that_announces_too_many_pixels_is_refused_by_its_header(data, monkeypatch):
    """The error names the limit, and no pixel is decoded."""
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: pytest.fail('decoded'))
    with pytest.raises(BadImage, match=str(MAX_PIXELS)):
        pixels.decode(data)


def test_the_largest_size_is_the_callers():
    """An image of exactly so many pixels is read."""
    assert pixels.decode(file_of(RGB), most_px=60).shape == (6, 10, 3)
    with pytest.raises(BadImage, match=r'10x6 px: at most 59 px \(max_image_px\)'):
        pixels.decode(file_of(RGB), most_px=59)


def test_a_png_whose_chunk_reaches_over_its_end_is_refused_by_its_header(monkeypatch):
    """OpenCV would take two gigabytes for it before it noticed."""
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: pytest.fail('decoded'))
    whole = file_of(RGB)
    at = whole.index(b'IDAT')
    data = whole[: at - 4] + struct.pack('>I', 2**31 - 1) + whole[at:]
    with pytest.raises(BadImage, match='2147483647'):
        pixels.decode(data)


def test_the_header_tells_kind_and_size():
    """Height first."""
    assert pixels.header(png_of_size(9, 7)) == ('PNG', 7, 9)
    assert pixels.header(jpeg_of_size(9, 7)) == ('JPEG', 7, 9)


@pytest.mark.parametrize(
    'data',
    [b'', b'no image', bytes(100), file_of(RGB)[:40], file_of(RGB, '.jpg')[:100], b'%!PS-Adobe'],
)
def test_what_is_no_image_is_named(data):
    """The error names the number of bytes."""
    with pytest.raises(BadImage, match=f'{len(data)} bytes'):
        pixels.decode(data)
