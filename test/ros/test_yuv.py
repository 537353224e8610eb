"""Images in planes of brightness and colours become RGB; malformed ones are refused."""

from array import array

import numpy as np
import pytest
from sensor_msgs.msg import Image

from pedsam_ros.core.errors import BadImage
from pedsam_ros.ros import images

pytestmark = pytest.mark.ros
HEIGHT, WIDTH = 6, 8  # half the height is odd: a plane of colours ends within a row of brightness
PLANAR = ['nv12', 'nv21', 'yuv420', 'i420', 'yv12', 'nv24']


def planes_of(yuv, encoding, step):
    """Lays out (H, W, 3) brightness and colours, which are equal in squares of two by two.

    What pads a row has the value 99.
    """

    def padded(rows, length):
        room = ((0, 0), (0, length - rows.shape[1]))
        return np.pad(rows, room, constant_values=99).tobytes()

    y, u, v = (yuv[..., channel] for channel in range(3))
    if encoding == 'nv24':
        pairs = np.dstack([u, v]).reshape(len(u), -1)
        return padded(y, step) + padded(pairs, 2 * step)
    u, v = u[::2, ::2], v[::2, ::2]
    if encoding in ('nv12', 'nv21'):
        pairs = np.dstack([u, v] if encoding == 'nv12' else [v, u]).reshape(len(u), -1)
        return padded(y, step) + padded(pairs, step)
    first, second = (v, u) if encoding == 'yv12' else (u, v)
    return padded(y, step) + padded(first, step // 2) + padded(second, step // 2)


def scene():
    """Brightness of its own for every pixel, colours of their own for every four."""
    rng = np.random.default_rng(0)
    yuv = rng.integers(60, 180, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    yuv[..., 1:] = np.repeat(np.repeat(yuv[::2, ::2, 1:], 2, 0), 2, 1)
    return yuv


def as_rgb(yuv):
    """BT.601, with brightness from 16 to 235."""
    y, u, v = np.moveaxis(yuv.astype(float), 2, 0) - np.array([16, 128, 128])[:, None, None]
    r, g, b = 1.164 * y + 1.596 * v, 1.164 * y - 0.813 * v - 0.391 * u, 1.164 * y + 2.018 * u
    return np.clip(np.rint(np.dstack([r, g, b])), 0, 255)


def image(encoding, padding=0, step=None, **fields):
    stride = WIDTH + padding
    usual = {
        'height': HEIGHT,
        'width': WIDTH,
        'step': stride if step is None else step,
        'data': array('B', planes_of(scene(), encoding, stride)),
    }
    return Image(encoding=encoding, **usual | fields)


@pytest.mark.parametrize('padding', [0, 4])
@pytest.mark.parametrize('encoding', PLANAR)
def test_planes_become_colours(encoding, padding):
    """With and without padding of the rows; step counts the brightness alone."""
    rgb = images.rgb_from_image(image(encoding, padding))
    assert rgb.dtype == np.uint8
    assert np.abs(rgb - as_rgb(scene())).max() <= 1


@pytest.mark.parametrize('encoding', PLANAR)
def test_a_step_that_counts_all_planes_is_understood(encoding):
    """Some drivers let step x height be the number of bytes. Rows then have no padding."""
    whole = WIDTH * (6 if encoding == 'nv24' else 3) // 2
    assert (
        images.rgb_from_image(image(encoding, step=whole))
        == images.rgb_from_image(image(encoding))
    ).all()


@pytest.mark.parametrize(
    ('encoding', 'change', 'named'),
    [
        ('nv12', {'width': 7}, '7x6 px: nv12 images have an even width and height'),
        ('yuv420', {'height': 5}, '8x5 px: yuv420 images have an even'),
        (
            'nv12',
            {'data': array('B', bytes(8 * 6))},
            '48 bytes, step=8: 8x6 px of nv12 take 9 rows',
        ),
        ('nv21', {'step': 4, 'data': array('B', bytes(36))}, 'step=4: 8x6 px of nv21'),
        ('nv24', {'height': 4}, 'nv24 take 12 rows of at least 8 bytes'),
        ('yv12', {'step': 9, 'data': array('B', bytes(81))}, 'step=9'),
        ('nv12', {'width': 0}, '0x6 px: empty'),
    ],
)
def test_wrong_sizes_are_named(encoding, change, named):
    """The error names the encoding, the wrong value and the rule that it breaks."""
    with pytest.raises(BadImage, match=named):
        images.rgb_from_image(image(encoding, **change))


def test_the_smallest_images_are_read():
    """Two by two px; nv24 has no smallest size."""
    four = array('B', [81] * 4 + [90, 240])
    red = images.rgb_from_image(Image(height=2, width=2, step=2, encoding='nv12', data=four))
    assert np.abs(red.astype(int) - [255, 0, 0]).max() <= 2
    one = Image(height=1, width=1, step=1, encoding='nv24', data=array('B', [81, 90, 240]))
    assert (images.rgb_from_image(one) == red[:1, :1]).all()
