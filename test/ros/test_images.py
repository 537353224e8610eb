"""Images of every encoding become RGB; pictures become images; malformed ones are refused."""

from array import array

import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Image

from pedsam_ros.core.errors import BadImage
from pedsam_ros.core.types import FrameKey
from pedsam_ros.ros import convert, images

pytestmark = pytest.mark.ros
RGB = np.random.default_rng(0).integers(0, 256, (6, 10, 3), dtype=np.uint8)
GREY = RGB[..., 1]
ENCODINGS = {
    'rgb8': RGB,
    'bgr8': RGB[..., ::-1],
    'rgba8': np.dstack([RGB, GREY]),
    'bgra8': np.dstack([RGB[..., ::-1], GREY]),
    '8UC3': RGB[..., ::-1],
    '8UC4': np.dstack([RGB[..., ::-1], GREY]),
}


def sent(msg):
    """Returns the message as it arrives, serialised and read again."""
    return deserialize_message(serialize_message(msg), type(msg))


def image(pixels, encoding, padding=0, **fields):
    """Makes an Image whose rows end in `padding` bytes of padding."""
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(pixels.shape[0], -1)
    rows = np.hstack([rows, np.full((len(rows), padding), 99, np.uint8)])
    return Image(
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        step=rows.shape[1],
        data=array('B', rows.tobytes()),
        **fields,
    )


@pytest.mark.parametrize('padding', [0, 5])
@pytest.mark.parametrize('encoding', ENCODINGS)
def test_colours_are_named_not_guessed(encoding, padding):
    """Every order of channels gives the same RGB, with and without padding of the rows."""
    msg = sent(image(ENCODINGS[encoding], encoding, padding))
    assert (images.rgb_from_image(msg) == RGB).all()


def test_grey_becomes_grey():
    """All three channels have the value of mono8."""
    rgb = images.rgb_from_image(image(GREY, 'mono8', 3))
    assert (rgb == GREY[..., None]).all()


def test_an_image_without_padding_is_not_copied():
    """RGB shares the message's memory."""
    msg = image(RGB, 'rgb8')
    assert np.shares_memory(images.rgb_from_image(msg), np.frombuffer(msg.data, np.uint8))


@pytest.mark.parametrize(('order', 'big'), [('<u2', 0), ('>u2', 1)])
@pytest.mark.parametrize('encoding', ['rgb16', 'bgr16', 'rgba16', 'bgra16', '16UC3'])
def test_16_bit_colours_keep_their_hue(encoding, order, big):
    """65535 becomes 255 in both byte orders, so that no channel is stretched by itself."""
    plain = encoding.replace('16', '8')
    deep = (ENCODINGS[plain].astype(np.uint16) * 257).astype(order)
    assert (images.rgb_from_image(image(deep, encoding, 3, is_bigendian=big)) == RGB).all()


@pytest.mark.parametrize('depth', [8, 16])
@pytest.mark.parametrize(
    ('pattern', 'rows'),
    [('rggb', 'rg gb'), ('bggr', 'bg gr'), ('gbrg', 'gb rg'), ('grbg', 'gr bg')],
)
def test_bayer_patterns_become_colours(pattern, rows, depth):
    """The pattern names the first two pixels of the first two rows."""
    colour = {'r': 200, 'g': 120, 'b': 40}
    cell = np.array([[colour[c] for c in row] for row in rows.split()])
    mosaic = np.tile(cell, (4, 4)).astype(f'<u{depth // 8}') * (257 if depth == 16 else 1)
    rgb = images.rgb_from_image(image(mosaic, f'bayer_{pattern}{depth}', 2))
    assert rgb.shape == (8, 8, 3)
    assert (rgb[2:-2, 2:-2] == [200, 120, 40]).all()


@pytest.mark.parametrize(('order', 'big'), [('<f4', 0), ('>f4', 1)])
def test_depth_in_metres_looks_like_depth_in_millimetres(order, big):
    """What is not known is black, as zero is in millimetres."""
    metres = np.linspace(0.5, 4.0, 60).reshape(6, 10)
    metres[3, 3] = np.nan
    rgb = images.rgb_from_image(image(metres.astype(order), '32FC1', 4, is_bigendian=big))
    assert rgb[3, 3].tolist() == [0, 0, 0]
    assert rgb[5, 9].tolist() == [255, 255, 255]
    assert (np.diff(np.delete(rgb[..., 0].flatten().astype(int), 33)) >= 0).all()


@pytest.mark.parametrize(('order', 'big'), [('<u2', 0), ('>u2', 1)])
@pytest.mark.parametrize('encoding', ['mono16', '16UC1'])
def test_16_bit_is_stretched_over_its_own_range(encoding, order, big):
    """In both byte orders, the narrow range of a thermal camera fills 0 to 255."""
    mono = np.linspace(20000, 25000, 60).reshape(6, 10).astype(order)
    rgb = images.rgb_from_image(image(mono, encoding, 4, is_bigendian=big))
    assert rgb[0, 0].tolist() == [0, 0, 0]
    assert rgb[5, 9].tolist() == [255, 255, 255]
    assert (np.diff(rgb[..., 0].flatten().astype(int)) >= 0).all()


def test_an_even_16_bit_image_is_black():
    """Equal pixels have a range of zero, by which nothing is divided."""
    assert (images.rgb_from_image(image(np.full((2, 2), 7, '<u2'), 'mono16')) == 0).all()


@pytest.mark.parametrize(
    ('encoding', 'places'),
    [('yuv422', (1, 0, 2)), ('uyvy', (1, 0, 2)), ('yuv422_yuy2', (0, 1, 3))],
)
def test_yuv_keeps_brightness(encoding, places):
    """Bright grey stays bright grey, so brightness is read from where the encoding has it."""
    luma, u, v = places
    packed = np.full((4, 4, 4), 128, np.uint8).reshape(4, 2, 8)
    packed[..., [luma, luma + 2, luma + 4, luma + 6]] = 200
    rgb = images.rgb_from_image(image(packed.reshape(4, 8, 2)[:, :8], encoding))
    assert rgb.shape == (4, 8, 3)
    assert rgb.std() < 1
    assert rgb.mean() > 190
    assert (u, v) != (luma, luma)


@pytest.mark.parametrize(
    'encoding', ['rgb8', 'bgr8', 'rgba8', 'bgra8', 'mono8', 'yuv422', 'yuv422_yuy2']
)
def test_another_reader_sees_the_same_pixels(encoding):
    """rosbags-image, which others wrote, reads the same images the same way."""
    rosbags_image = pytest.importorskip('rosbags.image')
    channels = {'rgba8': 4, 'bgra8': 4, 'mono8': 1, 'yuv422': 2, 'yuv422_yuy2': 2}.get(encoding, 3)
    rng = np.random.default_rng(1)
    msg = image(rng.integers(0, 256, (6, 10, channels), dtype=np.uint8), encoding)
    theirs = rosbags_image.message_to_cvimage(msg, 'rgb8')
    assert np.abs(images.rgb_from_image(msg).astype(int) - theirs).max() <= 1


class Bridge:
    """Reads one channel as cv_bridge does, which takes the padding of rows for pixels."""

    def imgmsg_to_cv2(self, msg, desired_encoding):
        assert desired_encoding == 'rgb8'
        rows = np.frombuffer(msg.data, np.uint8).reshape(msg.height, msg.step)
        return np.repeat(rows[..., None], 3, axis=2)


def test_only_unusual_encodings_are_left_to_the_bridge(monkeypatch):
    """Usual encodings are read without the bridge, also from rows with padding."""
    monkeypatch.setattr(images, '_bridge', Bridge())
    assert (images.rgb_from_image(image(RGB, 'rgb8', 6)) == RGB).all()
    assert (images.rgb_from_image(image(GREY, '8SC1')) == GREY[..., None]).all()


@pytest.mark.parametrize('padding', [3, 10])
def test_padding_that_the_bridge_would_take_for_pixels_is_refused(monkeypatch, padding):
    """The error names the step; otherwise the image would come out sheared."""
    monkeypatch.setattr(images, '_bridge', Bridge())
    with pytest.raises(BadImage, match=f'step={10 + padding}'):
        images.rgb_from_image(image(GREY, '8SC1', padding))


@pytest.mark.parametrize(
    ('change', 'named'),
    [
        ({'encoding': 'rainbow'}, "encoding='rainbow'"),
        ({'encoding': ''}, "encoding=''"),
        ({'height': 0}, '10x0 px: empty'),
        ({'width': 0}, '0x6 px: empty'),
        ({'height': 7}, '180 bytes: step=30 x height=7'),
        ({'step': 31}, '180 bytes: step=31 x height=6'),
        ({'width': 11}, 'step=30: 11 px of rgb8 take 33 bytes'),
        ({'data': array('B')}, '0 bytes'),
        ({'encoding': 'nv16', 'data': array('B')}, "encoding='nv16'"),
        ({'encoding': 'x' * 10**6}, "encoding='x{80}'"),
        ({'encoding': 'yuv422', 'width': 9}, 'width=9'),
    ],
)
def test_wrong_images_are_named(change, named):
    """The error names the wrong value and the rule that it breaks."""
    msg = image(RGB, 'rgb8')
    for field, value in change.items():
        setattr(msg, field, value)
    with pytest.raises(BadImage, match=named):
        images.rgb_from_image(msg)


@pytest.mark.parametrize('encoding', ['rgb8', 'mono8', '16UC1'])
def test_pictures_become_images(encoding):
    """The message has the header that was given, and the pixels row by row."""
    pixels = {'rgb8': RGB, 'mono8': GREY, '16UC1': GREY.astype(np.uint16) * 3}[encoding]
    header = convert.key_to_header(FrameKey(5, 'camera'))
    msg = sent(images.image_to_msg(pixels, encoding, header))
    assert (msg.header, msg.encoding, msg.height, msg.width) == (header, encoding, 6, 10)
    back = np.frombuffer(msg.data, pixels.dtype).reshape(pixels.shape)
    assert (back == pixels).all()
