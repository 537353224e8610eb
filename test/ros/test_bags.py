"""Bags are written and read without rclpy, complete after any end, and errors name the cause."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from ament_index_python.packages import get_package_share_directory
from rosbags.interfaces import QosDurability, QosReliability
from rosbags.rosbag2 import Reader
from rosbags.typesys import get_types_from_msg

from pedsam_ros.bags.channels import Content
from pedsam_ros.bags.message_classes import begins_with_header, message_class
from pedsam_ros.bags.message_types import typestore_with
from pedsam_ros.bags.rosbag import STORAGES, BagWriter, contents_of, read_bag
from pedsam_ros.core.errors import ConfigError

pytestmark = pytest.mark.ros

IMAGE = 'sensor_msgs/msg/Image'
STRING = 'std_msgs/msg/String'
OWN_TYPES = sorted(Path(get_package_share_directory('pedsam_ros'), 'msg').glob('*.json'))


def string_cdr(text: str) -> bytes:
    store = typestore_with(STRING)
    return bytes(store.serialize_cdr(store.types[STRING](data=text), STRING))


@pytest.fixture
def bag(tmp_path):
    """A bag with two strings on /a and one on /b."""
    with BagWriter(tmp_path / 'strings') as writer:
        for at_ns, topic in ((5, '/a'), (6, '/b'), (9, '/a')):
            writer.write(topic, STRING, at_ns, string_cdr(f'{topic} {at_ns}'))
    return tmp_path / 'strings'


@pytest.mark.parametrize('file', OWN_TYPES, ids=lambda file: file.stem)
def test_type_hash_is_the_one_ros_computes(file):
    """The RIHS01 hash of each of our types equals the one that rosidl generated."""
    name = f'pedsam_ros/msg/{file.stem}'
    theirs = {
        x['type_name']: x['hash_string'] for x in json.loads(file.read_text())['type_hashes']
    }
    assert typestore_with(name).hash_rihs01(name) == theirs[name]


def test_definitions_are_those_that_are_installed():
    """Some types differ between distributions; a bag must say what its publishers meant."""
    folder = Path(get_package_share_directory('sensor_msgs'), 'msg')
    names = sorted(f'sensor_msgs/msg/{file.stem}' for file in folder.glob('*.msg'))
    assert len(names) > 20
    for name in names:
        text = (folder / f'{name.split("/")[2]}.msg').read_text()
        assert typestore_with(name).fielddefs[name][1] == get_types_from_msg(text, name)[name][1]


@pytest.mark.parametrize('storage', STORAGES)
def test_written_messages_come_back(tmp_path, storage):
    """Messages come by time, of all topics or of one, from the folder or its file alone."""
    path = tmp_path / 'bag'
    sent = [('/b', STRING, 3, string_cdr('x')), ('/a', STRING, 1, string_cdr('y'))]
    with BagWriter(path, storage) as writer:
        for each in sent:
            writer.write(*each)
    file = next(each for each in path.iterdir() if each.suffix != '.yaml')
    for source in (path, file):
        assert [tuple(each) for each in read_bag(source)] == sent[::-1]
        assert [tuple(each) for each in read_bag(source, ['/b'])] == sent[:1]
        assert contents_of(source) == {t: Content(STRING, 1, False) for t in ('/a', '/b')}


@pytest.mark.parametrize('storage', STORAGES)
def test_offered_qos_and_silent_topics_are_kept(tmp_path, storage):
    """`ros2 bag play` offers the recorded QoS again."""
    with BagWriter(tmp_path / 'bag', storage) as writer:
        writer.declare('/map', STRING, latched=True)
        writer.declare('/scan', STRING, reliable=False)
        writer.write('/scan', STRING, 1, string_cdr('x'))
    with Reader(tmp_path / 'bag') as reader:
        offered = {c.topic: c.ext.offered_qos_profiles[0] for c in reader.connections}
    assert offered['/map'].durability == QosDurability.TRANSIENT_LOCAL
    assert offered['/scan'].reliability == QosReliability.BEST_EFFORT


@pytest.mark.parametrize('storage', STORAGES)
def test_bag_is_complete_after_an_error_of_the_callers(tmp_path, storage):
    """Everything written before the error is in the bag."""
    with suppress(ZeroDivisionError), BagWriter(tmp_path / 'bag', storage) as writer:
        writer.write('/a', STRING, 1, string_cdr('kept'))
        raise ZeroDivisionError
    assert [each.stamp_ns for each in read_bag(tmp_path / 'bag')] == [1]


def test_writer_names_what_it_refuses(tmp_path):
    """The error names a second or unknown type, a stamp out of range, or an impossible folder."""
    with BagWriter(tmp_path / 'bag') as writer:
        writer.declare('/a', STRING)
        with pytest.raises(ConfigError, match=f'/a: {IMAGE} after {STRING}'):
            writer.write('/a', IMAGE, 1, b'')
        for name in ('no_such_package/msg/X', 'pedsam_ros/msg/X', 'String'):
            with pytest.raises(ConfigError, match=f"type='{name}'"):
                writer.write('/b', name, 1, b'')
        with pytest.raises(ConfigError, match='/a: stamp=-1 ns'):
            writer.write('/a', STRING, -1, b'')
    (tmp_path / 'file').touch()
    with pytest.raises(ConfigError, match='cannot be written'), BagWriter(tmp_path / 'file' / 'b'):
        pass


def test_missing_topic_is_named_with_those_there(bag):
    """Both ways of reading name the missing topic."""
    with pytest.raises(ConfigError, match="no topic '/c'; there are: /a, /b"):
        next(read_bag(bag, ['/a', '/c']))
    with pytest.raises(ConfigError, match="no topic '/c'; there are: /a, /b"):
        contents_of(bag, ['/c'])


def test_headers_are_recognised():
    """The type of the first field counts, not its name."""
    assert begins_with_header(message_class(IMAGE))
    assert begins_with_header(message_class('pedsam_ros/msg/Masks'))
    assert not begins_with_header(message_class(STRING))
    assert not begins_with_header(message_class('std_msgs/msg/Empty'))
