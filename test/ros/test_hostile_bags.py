"""What a bag says of itself, how it is named and how it is packed can stop no command."""

import tempfile
from dataclasses import replace

import pytest
import yaml
from backports import zstd
from lz4 import frame as lz4
from mcap.records import Statistics
from mcap.writer import IndexType

from foreign_bags import STRING, mcap, sqlite, string_cdr
from pedsam_ros.bags.channels import Content
from pedsam_ros.bags.image_files import frames_of
from pedsam_ros.bags.rosbag import Bag, BagWriter, contents_of, read_bag
from pedsam_ros.bags.unpacking import Interrupted, unpacked
from pedsam_ros.core.errors import ConfigError

pytestmark = pytest.mark.ros

ROWS = [(10**9 + i, string_cdr(f'message {i}')) for i in range(5)]
TEXT = {'/text': (STRING, 'cdr', ROWS)}
LONG = 'x' * 300  # no file can have such a name
PACK = {'zstd': zstd.compress, 'lz4': lz4.compress}


@pytest.mark.parametrize('wrong', [{}, {1: 2}, {7: 5}, {1: 99}])
def test_counts_of_a_summary_that_do_not_add_up_are_counted_again(tmp_path, monkeypatch, wrong):
    """None at all means that they are not available."""
    write = Statistics.write
    told = lambda each, to: write(replace(each, channel_message_counts=wrong), to)  # noqa: E731
    monkeypatch.setattr(Statistics, 'write', told)
    path = mcap(tmp_path / 'a.mcap', TEXT, chunk_size=50)
    assert contents_of(path)['/text'].messages == 5
    assert [r.cdr for r in read_bag(path)] == [cdr for _, cdr in ROWS]


def test_names_that_no_file_can_have_are_errors(tmp_path):
    """Each error names the path: a bag to read, a bag to write, and images."""
    path = tmp_path / LONG
    for attempt in (lambda: Bag(path), lambda: Bag(path / 'bag'), lambda: frames_of(path)):
        with pytest.raises(ConfigError, match=LONG):
            attempt()
    with pytest.raises(ConfigError, match=LONG), BagWriter(path):
        pass
    (tmp_path / 'file').write_text('')
    written = BagWriter(tmp_path / 'file' / 'bag')
    with pytest.raises(ConfigError, match='file/bag: cannot be written'), written:
        pass


@pytest.mark.parametrize('name', ['.zstd', LONG, '..', '', 'a\0b'])
def test_metadata_may_name_anything(tmp_path, name):
    """The error names the bag."""
    told = {'rosbag2_bagfile_information': {'relative_file_paths': [name]}}
    (tmp_path / 'metadata.yaml').write_text(yaml.safe_dump(told))
    with pytest.raises(ConfigError, match=str(tmp_path)):
        Bag(tmp_path)


def test_metadata_of_more_than_4_mb_is_refused(tmp_path):
    """YAML takes 250 times its size in memory, and seconds for each MB."""
    mcap(tmp_path / 'a.mcap', TEXT)
    told = {'rosbag2_bagfile_information': {'relative_file_paths': ['a.mcap']}}
    text = yaml.safe_dump(told) + '#'
    for more in (0, 1):
        (tmp_path / 'metadata.yaml').write_text(text.ljust(2**22 + more, '#'))
        if more:
            with pytest.raises(ConfigError, match='over 4194304 bytes'):
                Bag(tmp_path)
        else:
            assert len(list(read_bag(tmp_path))) == 5


@pytest.mark.parametrize('packing', PACK)
def test_frames_that_hold_nothing_are_bounded(packing):
    """Each takes time; frames of 1 kB are read however many there are."""
    pack = PACK[packing]
    assert unpacked(pack(b'') * 900 + pack(b'end'), packing) == b'end'
    with pytest.raises(ValueError, match='1001 frames for 0 bytes'):
        unpacked(pack(b'') * 5000, packing)
    parts = [bytes([i % 251]) * 1024 for i in range(5000)]
    assert unpacked(b''.join(map(pack, parts)), packing) == b''.join(parts)


def test_a_packed_file_of_empty_frames_is_refused(tmp_path):
    """It would take hours."""
    (tmp_path / 'a.mcap.zstd').write_bytes(zstd.compress(b'') * 5000)
    with pytest.raises(ConfigError, match=r'a\.mcap\.zstd: 1001 frames for 0 bytes'):
        Bag(tmp_path / 'a.mcap.zstd')


def test_opening_a_bag_can_be_stopped(tmp_path, monkeypatch):
    """While it is unpacked, scanned or counted; what was unpacked is removed."""
    temporary = tmp_path / 'temporary'
    temporary.mkdir()
    monkeypatch.setattr(tempfile, 'tempdir', str(temporary))
    scanned = mcap(
        tmp_path / 'a.mcap', TEXT, index_types=IndexType.NONE, chunk_size=50, use_statistics=False
    )
    packed = tmp_path / 'a.mcap.zstd'
    packed.write_bytes(zstd.compress(scanned.read_bytes()))
    rows = [(i, b'') for i in range(100_000)]
    sqlite(tmp_path / 'a.db3', {'/text': (STRING, rows)}).close()
    for path in (scanned, packed, tmp_path / 'a.db3'):
        looks = iter(range(2))
        with pytest.raises(Interrupted):
            Bag(path, lambda looks=looks: next(looks, None) is None)
        assert list(temporary.iterdir()) == []
        with Bag(path) as bag:
            assert bag.contents['/text'] == Content(
                STRING, len(rows if 'db3' in path.name else ROWS), False
            )
