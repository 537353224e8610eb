"""Images become bags with every pixel and stamp, or an error names what is wrong."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from rosbags.rosbag2 import Reader

from pedsam_ros.bags.image_files import START_NS, frames_of
from pedsam_ros.bags.make_bag import make_bag
from pedsam_ros.bags.message_types import typestore_with
from pedsam_ros.bags.rosbag import STORAGES, read_bag, topics_of
from pedsam_ros.core.camera import COMPRESSED_IMAGE, IMAGE
from pedsam_ros.core.errors import BadImage, ConfigError
from pedsam_ros.core.files import read_image

pytestmark = pytest.mark.ros

TOPIC = '/camera/image_raw'
SHAPE = (24, 32, 3)


def pictures(count: int) -> list[np.ndarray]:
    """(24, 32, 3) uint8 RGB noise: no two channels alike."""
    return list(np.random.default_rng(count).integers(0, 256, (count, *SHAPE), np.uint8))


def decoded(path: Path) -> list:
    """The messages of a bag, deserialised."""
    return [
        typestore_with(each.type_name).deserialize_cdr(each.cdr, each.type_name)
        for each in read_bag(path)
    ]


def rgb_of(msg) -> np.ndarray:
    return np.frombuffer(msg.data, np.uint8).reshape(msg.height, msg.width, 3)


def stamp_ns(msg) -> int:
    return msg.header.stamp.sec * 10**9 + msg.header.stamp.nanosec


@pytest.fixture
def folder(tmp_path):
    """A folder of three PNGs, named so that sorting by letters would be wrong."""
    path = tmp_path / 'images'
    path.mkdir()
    for name, rgb in zip(('f2.png', 'f10.PNG', 'f9.png'), pictures(3), strict=True):
        cv2.imwrite(str(path / name), rgb[..., ::-1])
    (path / 'notes.txt').write_text('not an image')
    return path


@pytest.fixture
def video(tmp_path):
    """A video of five frames at 12.5 Hz, each of one grey."""
    path = tmp_path / 'grey.avi'
    size = (SHAPE[1], SHAPE[0])
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 12.5, size)
    for level in range(5):
        writer.write(np.full(SHAPE, 50 * level, np.uint8))
    writer.release()
    return path


@pytest.mark.parametrize('storage', STORAGES)
def test_folder_becomes_a_bag_with_right_metadata(folder, tmp_path, storage):
    """Count, type, start and duration are right, as rosbags reads them."""
    assert make_bag(frames_of(folder, 4.0), tmp_path / 'bag', storage=storage) == 3
    with Reader(tmp_path / 'bag') as reader:
        assert (reader.message_count, reader.start_time) == (3, START_NS)
        assert reader.duration == 500_000_000 + 1  # rosbags counts the last nanosecond in
        assert {c.topic: (c.msgtype, c.msgcount) for c in reader.connections} == {
            TOPIC: (IMAGE, 3)
        }
    text = (tmp_path / 'bag' / 'metadata.yaml').read_text()
    info = yaml.safe_load(text)['rosbag2_bagfile_information']
    assert (info['version'], info['storage_identifier']) == (8, storage)
    assert info['duration'] == {'nanoseconds': 500_000_000}
    assert all((tmp_path / 'bag' / name).is_file() for name in info['relative_file_paths'])


@pytest.mark.parametrize('storage', STORAGES)
def test_folder_becomes_images_with_equal_pixels(folder, tmp_path, storage):
    """Images are rgb8, in natural order of their names, and stamped as in the bag."""
    make_bag(frames_of(folder), tmp_path / 'bag', storage=storage, frame_id='eye')
    messages = decoded(tmp_path / 'bag')
    two, ten, nine = pictures(3)
    for msg, rgb in zip(messages, (two, nine, ten), strict=True):
        assert (msg.encoding, msg.step, msg.header.frame_id) == ('rgb8', 3 * SHAPE[1], 'eye')
        np.testing.assert_array_equal(rgb_of(msg), rgb)
    assert [stamp_ns(m) for m in messages] == [r.stamp_ns for r in read_bag(tmp_path / 'bag')]


def test_mcap_own_reader_agrees(folder, tmp_path):
    """Foxglove's library reads the same schema, times and fields."""
    pytest.importorskip('mcap')
    mcap_ros2 = pytest.importorskip('mcap_ros2.reader')
    make_bag(frames_of(folder), tmp_path / 'bag')
    read = list(mcap_ros2.read_ros2_messages(str(tmp_path / 'bag' / 'bag.mcap')))
    assert [each.log_time_ns for each in read] == [START_NS + i * 10**8 for i in range(3)]
    assert {(each.channel.topic, each.schema.name) for each in read} == {(TOPIC, IMAGE)}
    np.testing.assert_array_equal(rgb_of(read[0].ros_msg), pictures(3)[0])


@pytest.mark.parametrize('storage', STORAGES)
def test_video_keeps_its_rate_and_frames(video, tmp_path, storage):
    """At 12.5 Hz stamps are 80 ms apart; each frame has its grey, up to the codec's loss."""
    assert make_bag(frames_of(video), tmp_path / 'bag', storage=storage) == 5
    messages = decoded(tmp_path / 'bag')
    assert [stamp_ns(m) - START_NS for m in messages] == [i * 80_000_000 for i in range(5)]
    for level, msg in enumerate(messages):
        np.testing.assert_allclose(rgb_of(msg), 50 * level, atol=4)


def test_frames_are_read_one_at_a_time(folder):
    """The second image is read only when it is asked for."""
    frames = frames_of(folder)
    next(frames)
    (folder / 'f9.png').write_bytes(b'')
    with pytest.raises(BadImage, match=r'f9\.png'):
        next(frames)


def test_compressed_is_a_jpeg_beside_the_topic(folder, tmp_path):
    """Topic, type and format are those of image_transport, and colours are not swapped."""
    red = np.zeros(SHAPE, np.uint8)
    red[..., 0] = 200
    make_bag([(7, red)], tmp_path / 'bag', compressed=True)
    assert topics_of(tmp_path / 'bag') == {f'{TOPIC}/compressed': COMPRESSED_IMAGE}
    (msg,) = decoded(tmp_path / 'bag')
    assert msg.format == 'rgb8; jpeg compressed bgr8'
    bgr = cv2.imdecode(np.frombuffer(msg.data, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_allclose(bgr[..., ::-1], red, atol=6)


def test_stamps_of_a_file_are_kept_to_the_nanosecond(folder, tmp_path):
    """This holds for dates too, whose last digits a float would lose."""
    stamps = tmp_path / 'stamps.txt'
    stamps.write_text('0.0\n1.003662\n1700000000.123456789\n')
    assert [at for at, _ in frames_of(folder, stamps=stamps)] == [
        0,
        1_003_662_000,
        1_700_000_000_123_456_789,
    ]


@pytest.mark.parametrize(
    ('text', 'rule'),
    [
        ('0\n1', '2 stamps, but there are more frames'),
        ('0\n1\n2\n3', '4 stamps for 3 frames'),
        ('0\n2\n1', 'not after the one before'),
        ('0\nsoon\n1', 'a number of seconds'),
        ('0\n1\nnan', r'from 0 to below 2\^31'),
        ('-1\n1\n2', r'from 0 to below 2\^31'),
    ],
)
def test_wrong_stamps_are_named(folder, tmp_path, text, rule):
    """The error names the file and the rule, and no bag remains."""
    stamps = tmp_path / 'stamps.txt'
    stamps.write_text(text)
    with pytest.raises(ConfigError, match=rf'stamps\.txt: .*{rule}'):
        make_bag(frames_of(folder, stamps=stamps), tmp_path / 'bag')
    assert not (tmp_path / 'bag').exists()


@pytest.mark.parametrize('rate_hz', [0.0, -1.0, float('nan'), float('inf')])
def test_wrong_rate_is_named(folder, rate_hz):
    """A rate must be finite and above 0."""
    with pytest.raises(ConfigError, match=r'rate=.* Hz: above 0'):
        frames_of(folder, rate_hz)


def test_rate_and_stamps_exclude_each_other(folder, tmp_path):
    """Only one of them may be given."""
    with pytest.raises(ConfigError, match='give one of them'):
        frames_of(folder, 5.0, tmp_path / 'stamps.txt')


def test_wrong_sources_are_named(tmp_path):
    """The error names a source that is missing, has no image, or is not a video."""
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'text.mp4').write_text('no video')
    for name, rule in (('gone', 'no such'), ('empty', 'no image'), ('text.mp4', 'neither')):
        with pytest.raises(ConfigError, match=f'{name}: {rule}'):
            frames_of(tmp_path / name)


@pytest.mark.parametrize('suffix', ['.png', '.jpg', '.bmp', '.tif'])
@pytest.mark.parametrize('part', [0.0, 0.02, 0.9])
def test_damaged_image_is_named(tmp_path, suffix, part):
    """This holds for a cut JPEG too, which imread would fill with grey."""
    file = tmp_path / f'cut{suffix}'
    cv2.imwrite(str(file), np.tile(pictures(1)[0], (5, 5, 1)))
    file.write_bytes(file.read_bytes()[: int(part * file.stat().st_size)])
    with pytest.raises(BadImage, match=f'cut{suffix}: damaged'):
        read_image(file)


def test_bad_image_leaves_no_bag(folder, tmp_path):
    """So the same command works once the image is repaired."""
    (folder / 'f10.PNG').write_bytes(b'broken')
    with pytest.raises(BadImage, match=r'f10\.PNG'):
        make_bag(frames_of(folder), tmp_path / 'bag')
    assert not (tmp_path / 'bag').exists()


def test_wrong_settings_are_named(tmp_path):
    """The error names the wrong setting, and an existing folder stays untouched."""
    (tmp_path / 'there').mkdir()
    (tmp_path / 'there' / 'kept').touch()
    new = tmp_path / 'bag'
    with pytest.raises(ConfigError, match='there: exists already'):
        make_bag([], tmp_path / 'there')
    with pytest.raises(ConfigError, match="storage='zip': one of mcap, sqlite3"):
        make_bag([], new, storage='zip')
    with pytest.raises(ConfigError, match="topic='camera image'"):
        make_bag([], new, topic='camera image')
    with pytest.raises(ConfigError, match='bag: no image'):
        make_bag([], new)
    with pytest.raises(BadImage, match=r'\(4, 4\)'):
        make_bag([(0, np.zeros((4, 4), np.uint8))], new)
    assert (tmp_path / 'there' / 'kept').exists()
    assert not new.exists()
