"""Image files that would cost more than their pixels are refused, or lose what costs."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from pedsam_ros.core import pixels
from pedsam_ros.core.errors import BadImage

RGB = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)


def encoded(suffix, *how):
    return cv2.imencode(suffix, RGB, [*how])[1].tobytes()


def with_chunks(png, name, content, number=1):
    """A PNG with more chunks after its header."""
    chunk = struct.pack('>I', len(content)) + name + content
    return png[:33] + (chunk + struct.pack('>I', zlib.crc32(chunk[4:]))) * number + png[33:]


def tiff(entries, data=b'', big=False):
    """A TIFF with one directory of entries: number, type, count, value."""
    head = b'II+\0\x08\0\0\0' + struct.pack('<Q', 16) if big else b'II*\0' + struct.pack('<I', 8)
    form = '<HHQQ' if big else '<HHII'
    count = struct.pack('<Q' if big else '<H', len(entries))
    return (
        head + count + b''.join(struct.pack(form, *entry) for entry in entries) + bytes(8) + data
    )


def test_texts_and_animation_of_a_png_do_not_reach_a_decoder():
    """A megabyte in a kilobyte, a thousand times: the pixels come all the same."""
    text = b'key\0\0' + zlib.compress(bytes(2**20))
    png = with_chunks(with_chunks(encoded('.png'), b'zTXt', text, 1000), b'acTL', bytes(8))
    assert (pixels.decode(png) == RGB[..., ::-1]).all()


def test_a_png_of_very_many_chunks_is_refused():
    """Each costs time, though it holds nothing."""
    with pytest.raises(BadImage, match='more than 100000 chunks'):
        pixels.decode(with_chunks(encoded('.png'), b'tEXt', b'', 100_000))


def test_a_jpeg_of_many_scans_is_refused():
    """Each is a pass over all pixels, and costs its sender 14 bytes."""
    jpeg = encoded('.jpg', cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    assert pixels.decode(jpeg).shape == (16, 16, 3)
    at = jpeg.rindex(b'\xff\xda')
    with pytest.raises(BadImage, match='more than 64 scans'):
        pixels.decode(jpeg[:at] + jpeg[at : at + 10] * 70 + jpeg[at:])


def test_what_follows_a_jpeg_is_not_looked_at():
    """Phones append videos to their photographs."""
    assert pixels.decode(encoded('.jpg') + b'\xff\xda' * 1000).shape == (16, 16, 3)


@pytest.mark.parametrize('big', [False, True])
@pytest.mark.parametrize(
    ('entries', 'why'),
    [
        ([(i, 4, 1, 0) for i in range(300, 900)], '600 tags'),
        ([(i, 7, 900, 8) for i in range(300, 310)], 'tags of 9000 bytes'),
        ([(322, 4, 1, 2**14), (323, 4, 1, 2**14)], 'tiles of 268435456 px'),
        ([(259, 3, 1, 7)], 'compression=7'),
        ([(277, 3, 1, 5000)], '5000 samples'),
    ],
)
def test_a_tiff_that_would_cost_more_than_its_pixels_is_refused(entries, why, big):
    """Tags that all refer to the same bytes, large tiles for few pixels, and the like."""
    with pytest.raises(BadImage, match=why):
        pixels.decode(tiff(entries, bytes(900), big))


@pytest.mark.parametrize('kind', ['VP8X', 'VP8L', 'VP8 '])
def test_a_webp_is_measured_before_pillow_makes_room_for_it(kind, monkeypatch):
    """Each of its three forms has its own header."""
    monkeypatch.setattr(Image, 'open', lambda *_, **__: pytest.fail('opened'))
    body = {
        'VP8X': bytes(4) + (9999).to_bytes(3, 'little') * 2,
        'VP8L': b'\x2f' + (9999 | 9999 << 14).to_bytes(4, 'little') + bytes(5),
        'VP8 ': b'\x30\x01\0\x9d\x01\x2a' + struct.pack('<HH', 10000, 10000),
    }[kind]
    webp = b'RIFF' + bytes(4) + b'WEBP' + kind.encode() + struct.pack('<I', 10) + body
    with pytest.raises(BadImage, match='WebP of 10000x10000 px'):
        pixels.decode(webp)


def test_a_file_of_more_bytes_than_its_pixels_can_need_is_refused():
    """Before anything is copied."""
    with pytest.raises(BadImage, match='image file of 1100000 bytes'):
        pixels.decode(encoded('.png') + bytes(1_100_000 - len(encoded('.png'))), most_px=256)


@pytest.mark.parametrize('kind', ['gif', 'webp', 'png', 'tiff'])
def test_of_several_images_in_a_file_the_first_is_read(kind, tmp_path):
    """As many as there are."""
    first, other = Image.new('RGB', (16, 16), 'red'), Image.new('RGB', (16, 16), 'blue')
    first.save(tmp_path / 'a', kind, save_all=True, append_images=[other] * 50)
    red = pixels.decode((tmp_path / 'a').read_bytes())
    assert red.shape == (16, 16, 3)
    assert red[..., 0].min() > 200 > 50 > red[..., 2].max()
