"""The demo takes the first topic of a bag whose images can be read."""

import re
from contextlib import ExitStack

import cv2
import numpy as np
import pytest
from backports import zstd
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, Image

from foreign_bags import STRING, mcap, string_cdr
from pedsam_ros.bags import bag_files
from pedsam_ros.bags.image_topics import COMPRESSED, IMAGE, find_image_topic
from pedsam_ros.bags.rosbag import Bag
from pedsam_ros.core.errors import ConfigError

pytestmark = pytest.mark.ros

PNG = cv2.imencode('.png', np.full((4, 6), 1500, np.uint16))[1].tobytes()


def raw(encoding: str, channels: int) -> bytes:
    step = 6 * channels
    msg = Image(height=4, width=6, encoding=encoding, step=step, data=bytes(4 * step))
    return bytes(serialize_message(msg))


def compressed(form: str, data: bytes) -> bytes:
    return bytes(serialize_message(CompressedImage(format=form, data=data)))


TOPICS = {
    '/text': (STRING, string_cdr('x')),
    '/depth/compressedDepth': (COMPRESSED, compressed('16UC1; compressedDepth', bytes(12) + PNG)),
    '/strange': (IMAGE, raw('no_such_encoding', 1)),
    '/cut': (IMAGE, raw('rgb8', 3)[:-1]),
    '/depth/raw': (IMAGE, raw('16UC1', 2)),
    '/depth/compressed': (COMPRESSED, compressed('16UC1; png compressed ', PNG)),
    '/colour': (IMAGE, raw('rgb8', 3)),
    '/second': (IMAGE, raw('mono8', 1)),
}


@pytest.fixture
def opened():
    """Opens bags until the test ends."""
    with ExitStack() as stack:
        yield lambda path: stack.enter_context(Bag(path))


def bag_of(path, *topics, count=1):
    rows = {t: (TOPICS[t][0], 'cdr', [(i, TOPICS[t][1]) for i in range(count)]) for t in topics}
    return mcap(path / 'a.mcap', rows)


def test_what_cannot_be_read_and_depth_are_passed_over(tmp_path, opened):
    """Each is named with its reason; the topic that is asked for is taken all the same."""
    told: list[str] = []
    bag = opened(bag_of(tmp_path, *TOPICS))
    found = find_image_topic(bag, None, told.append)
    assert (found.topic, found.type_name, found.count) == ('/colour', IMAGE, 1)
    passed = [re.sub(r'.*: (/\S+) is passed over for /colour: .*', r'\1', each) for each in told]
    assert passed == [topic for topic in TOPICS if re.match('/depth|/strange|/cut', topic)]
    assert find_image_topic(bag, '/second').topic == '/second'


def test_depth_alone_is_better_than_nothing(tmp_path, opened):
    """Grey pictures can be made of it."""
    told: list[str] = []
    bag = opened(bag_of(tmp_path, '/strange', '/depth/compressed', '/depth/raw'))
    assert find_image_topic(bag, None, told.append).topic == '/depth/compressed'
    assert len(told) == 2
    assert 'no_such_encoding' in told[0]


def test_without_a_readable_image_every_topic_is_named(tmp_path, opened):
    """With its reason, or else its type."""
    bag = opened(bag_of(tmp_path, '/text', '/strange', count=9))
    with pytest.raises(ConfigError, match=r'no image topic can be read.*String.*no_such_encoding'):
        find_image_topic(bag, None)
    with pytest.raises(ConfigError, match=r"topic='/text' is no image topic"):
        find_image_topic(bag, '/text')


def test_an_unreadable_image_costs_itself(tmp_path, opened):
    """Those that are read and those that are left out are all there are."""
    good, bad = TOPICS['/colour'][1], TOPICS['/cut'][1]
    rows = [(0, bad), (1, good), (2, b''), (3, good)]
    lost: list[str] = []
    bag = opened(mcap(tmp_path / 'a.mcap', {'/a': (IMAGE, 'cdr', rows)}))
    found = find_image_topic(bag, None)
    assert len(list(found.frames(lambda topic, what: lost.append(topic)))) == 2
    assert list(found.messages()) == [good, good]
    assert lost == ['/a', '/a']


def test_a_packed_bag_is_unpacked_once(tmp_path, opened, monkeypatch):
    """However many topics are tried, and however often the images are read."""
    plain = bag_of(tmp_path, *TOPICS, count=3)
    packed = tmp_path / 'a.mcap.zstd'
    packed.write_bytes(zstd.compress(plain.read_bytes()))
    unpack, times = bag_files.unpack_file, []
    monkeypatch.setattr(
        bag_files, 'unpack_file', lambda file, *args: times.append(file) or unpack(file, *args)
    )
    found = find_image_topic(opened(packed), None)
    assert len(list(found.frames())) == len(list(found.messages())) == 3
    assert times == [packed]
