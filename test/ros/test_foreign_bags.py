"""Bags of other tools are read whole, or what is wrong with them is named; nothing is trusted."""

import os
import tracemalloc
from pathlib import Path

import pytest
import yaml
from mcap.writer import CompressionType, IndexType
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from foreign_bags import STRING, bomb, mcap, sqlite, string_cdr
from pedsam_ros.bags.channels import Content
from pedsam_ros.bags.message_types import typestore_with
from pedsam_ros.bags.remarks import Remarks
from pedsam_ros.bags.rosbag import BagWriter, contents_of, read_bag, topics_of
from pedsam_ros.bags.unpacking import MAX_BYTES
from pedsam_ros.core.errors import ConfigError

pytestmark = pytest.mark.ros

ROWS = [(10**9 + i, string_cdr(f'message {i}')) for i in range(5)]
NONE = IndexType.NONE
BARE = ('use_statistics', 'use_summary_offsets', 'repeat_channels', 'repeat_schemas')
CHUNKS: dict[str, dict] = {  # a name -> how an mcap file is written
    **{f'{kind.name} chunks': {'compression': kind, 'chunk_size': 50} for kind in CompressionType},
    'no chunks': {'use_chunking': False},
    'no index': {'index_types': NONE},
    'no summary': {'index_types': NONE, 'chunk_size': 50} | dict.fromkeys(BARE, False),
    'no counts': {'use_statistics': False, 'chunk_size': 50},
    'channels without schemas': {'repeat_schemas': False, 'chunk_size': 50},
}


def recorded(path: Path, storage: str, mode: str | None = None) -> Path:
    """A bag of ROWS on /text; `mode` is what rosbag2 compresses: FILE or MESSAGE."""
    writer = Writer(path, version=9, storage_plugin=StoragePlugin[storage.upper()])
    if mode:
        writer.set_compression(CompressionMode[mode], CompressionFormat.ZSTD)
    with writer:
        text = writer.add_connection('/text', STRING, typestore=typestore_with(STRING))
        for stamp_ns, cdr in ROWS:
            writer.write(text, stamp_ns, cdr)
    return path


def rows_of(path: Path) -> list[tuple[int, bytes]]:
    return [(record.stamp_ns, record.cdr) for record in read_bag(path)]


@pytest.mark.parametrize('mode', ['FILE', 'MESSAGE'])
@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_compressed_bags_are_read_with_and_without_metadata(tmp_path, storage, mode):
    """The folder, the folder without its metadata.yaml, and its one file alone."""
    bag = recorded(tmp_path / 'bag', storage, mode)
    assert rows_of(bag) == ROWS
    (bag / 'metadata.yaml').unlink()
    (file,) = bag.iterdir()
    assert rows_of(bag) == rows_of(file) == ROWS
    assert contents_of(file) == {'/text': Content(STRING, 5, False)}


@pytest.mark.parametrize('how', CHUNKS.values(), ids=CHUNKS)
def test_mcap_is_read_however_it_was_written(tmp_path, how):
    """With and without chunks, index, summary and counts; by time, equal stamps in their order."""
    mixed = [ROWS[i] for i in (3, 0, 4, 2, 1)]
    same = [(10**9 + 2, string_cdr(text)) for text in 'ab']
    topics = {'/text': (STRING, 'cdr', mixed), '/same': (STRING, 'cdr', same)}
    path = mcap(tmp_path / 'a.mcap', topics, **how)
    assert [(r.stamp_ns, r.cdr) for r in read_bag(path, ['/text'])] == ROWS
    assert [(r.stamp_ns, r.cdr) for r in read_bag(path, ['/same'])] == same
    assert len(rows_of(path)) == 7
    assert topics_of(path) == dict.fromkeys(topics, STRING)
    assert {t: each.messages for t, each in contents_of(path).items()} == {'/text': 5, '/same': 2}


def test_a_split_bag_is_read_in_order(tmp_path):
    """Part 10 comes after part 2, with metadata.yaml or without; a second bag there is named."""
    (tmp_path / 'bag').mkdir()
    for number, row in zip((0, 2, 10), ROWS, strict=False):
        mcap(tmp_path / 'bag' / f'run_{number}.mcap', {'/text': (STRING, 'cdr', [row])})
    assert rows_of(tmp_path / 'bag') == ROWS[:3]
    assert contents_of(tmp_path / 'bag')['/text'].messages == 3
    sqlite(tmp_path / 'bag' / 'other.db3', {}).close()
    with pytest.raises(ConfigError, match=r'several bags: other.db3, run.mcap'):
        rows_of(tmp_path / 'bag')


def test_metadata_is_not_trusted(tmp_path):
    """Wrong counts change nothing; missing files, a strange compression and no YAML are named."""
    bag = recorded(tmp_path / 'bag', 'mcap')
    file = bag / 'metadata.yaml'
    told = yaml.safe_load(file.read_text())
    about = told['rosbag2_bagfile_information']
    about['message_count'] = about['topics_with_message_count'][0]['message_count'] = 0
    about['topics_with_message_count'][0]['topic_metadata']['offered_qos_profiles'] = []
    file.write_text(yaml.safe_dump(told))
    assert rows_of(bag) == ROWS
    about.update(compression_mode='MESSAGE', compression_format='fake')
    file.write_text(yaml.safe_dump(told))
    with pytest.raises(ConfigError, match="bag: compressed as 'fake'"):
        rows_of(bag)
    about.update(compression_mode='', relative_file_paths=['../gone.mcap'])
    file.write_text(yaml.safe_dump(told))
    with pytest.raises(ConfigError, match=r'files that are missing: gone\.mcap'):
        rows_of(bag)
    for text in ('', '[', 'rosbag2_bagfile_information: 3', '\0', '[' * 200_000, '<<: {}'):
        file.write_text(text)
        with pytest.raises(ConfigError, match=r'metadata.yaml: no metadata of a bag'):
            rows_of(bag)


def test_foreign_topics_stand_beside_ros_topics(tmp_path):
    """Other serialisations are shown and not read; the profile of the file does not matter."""
    foreign = {f'/{kind}': ('some.Type', kind, [(1, b'?')]) for kind in ('protobuf', 'json')}
    old = {'/old': ('std_msgs/String', 'cdr', ROWS), '/none': ('a_msgs/msg/A', 'cdr', [])}
    path = mcap(tmp_path / 'a.mcap', foreign | old, profile='')
    assert rows_of(path) == ROWS
    assert contents_of(path)['/protobuf'] == Content('some.Type', 1, False, 'protobuf')
    assert contents_of(path)['/none'].messages == 0
    assert topics_of(path)['/old'] == STRING
    with pytest.raises(ConfigError, match="/json is 'json', not CDR"):
        next(read_bag(path, ['/json']))


def test_the_first_type_of_a_topic_counts(tmp_path):
    """Messages of a second type are left out, and named."""
    (tmp_path / 'bag').mkdir()
    mcap(tmp_path / 'bag' / 'a_0.mcap', {'/text': (STRING, 'cdr', ROWS)})
    mcap(tmp_path / 'bag' / 'a_1.mcap', {'/text': ('std_msgs/msg/Empty', 'cdr', [(1, b'')])})
    assert rows_of(tmp_path / 'bag') == ROWS
    others = ('std_msgs/msg/Empty (cdr)',)
    assert contents_of(tmp_path / 'bag')['/text'] == Content(STRING, 5, False, 'cdr', others)


def test_a_sqlite_bag_that_is_being_written_is_read(tmp_path):
    """What is committed counts, also where it is still in a journal beside the file (WAL)."""
    database = sqlite(tmp_path / 'a.db3', {'/text': (STRING, ROWS)}, journal='WAL')
    assert (tmp_path / 'a.db3-wal').stat().st_size > 0
    assert rows_of(tmp_path / 'a.db3') == ROWS
    database.close()


def test_what_grows_without_bound_is_left_out(tmp_path):
    """25 kB of zstd that stand for 800 MB cost one message, or one chunk, and little memory."""
    rows = [*ROWS[:1], (10**9, bomb(800 * 2**20)), *ROWS[1:]]
    sqlite(tmp_path / 'a.db3', {'/text': (STRING, rows)}).close()
    text = {'/text': (STRING, 'cdr', ROWS)}
    large = {'/zeros': (STRING, 'cdr', [(1, bytes(MAX_BYTES))])}
    for kind in ('LZ4', 'ZSTD'):
        mcap(tmp_path / f'{kind}.mcap', large | text, CompressionType[kind], chunk_size=1)
    del large
    for name, what in (('a.db3', '/text'), ('LZ4.mcap', 'LZ4.mcap'), ('ZSTD.mcap', 'ZSTD.mcap')):
        told: list[str] = []
        remarks = Remarks(told.append)
        tracemalloc.start()
        read = [(r.stamp_ns, r.cdr) for r in read_bag(tmp_path / name, ['/text'], remarks)]
        assert tracemalloc.get_traced_memory()[1] < 2 * MAX_BYTES
        tracemalloc.stop()
        assert read == ROWS
        assert 'left out' in told[0] or name == 'LZ4.mcap'
        assert all(what in each for each in remarks.counts)


def test_unreadable_bags_are_named(tmp_path):
    """The error names a bag that is missing, empty, garbage, cut off or of another kind."""
    whole = mcap(tmp_path / 'whole.mcap', {'/text': (STRING, 'cdr', ROWS)}).read_bytes()
    sqlite(tmp_path / 'tables.db3', {}).execute('DROP TABLE topics')
    with pytest.raises(ConfigError, match='gone: no such bag'):
        topics_of(tmp_path / 'gone')
    (tmp_path / 'folder').mkdir()
    os.mkfifo(tmp_path / 'pipe.mcap')
    for name, data, what in (
        ('zero.mcap', b'', 'an empty file'),
        ('noise.db3', bytes(1000), 'no mcap or sqlite3 file'),
        ('head.mcap', whole[:20], 'cut off'),
        ('cut.mcap', whole[: len(whole) // 2], '`mcap recover` makes'),
        ('cut.db3', b'SQLite format 3\0' + bytes(100), 'not readable as a bag'),
        ('ros1.bag', b'#ROSBAG V2.0\n', 'a bag of ROS 1; `rosbags-convert'),
        ('one.mcap.zstd', b'\x28\xb5\x2f\xfd' + bytes(40), 'cut off'),
        ('zeros.mcap.zstd', bomb(800 * 2**20), 'neither mcap nor sqlite3'),
        ('tables.db3', None, 'no tables messages and topics'),
        ('folder', None, 'no .mcap or .db3'),
        ('pipe.mcap', None, 'no file or folder'),
    ):
        if data is not None:
            (tmp_path / name).write_bytes(data)
        with pytest.raises(ConfigError, match=f'{name}: .*{what}'):
            topics_of(tmp_path / name)


def test_damage_costs_its_chunk_alone(tmp_path):
    """A flipped bit is found by the checksum; without anyone to tell it is an error."""
    rows = [(i, string_cdr('x' * 100)) for i in range(9)]
    path = mcap(tmp_path / 'a.mcap', {'/text': (STRING, 'cdr', rows)}, chunk_size=200)
    data = bytearray(path.read_bytes())
    data[data.index(b'xxxx')] ^= 1
    path.write_bytes(data)
    told: list[str] = []
    read = [(r.stamp_ns, r.cdr) for r in read_bag(path, lost=lambda *words: told.append(words[1]))]
    assert 0 < len(read) < 9
    assert read == rows[-len(read) :]
    assert 'a chunk is left out' in told[0]
    with pytest.raises(ConfigError, match='its size or its checksum is wrong'):
        rows_of(path)


def test_a_damaged_summary_costs_nothing(tmp_path):
    """Messages are found without it, and without its offset; names need not be UTF-8."""
    topics = {'/text': (STRING, 'cdr', ROWS), '/é': ('a/B', 'x', [])}
    path = mcap(tmp_path / 'a.mcap', topics, enable_crcs=False)
    data = path.read_bytes().replace('é'.encode(), b'\xfc\xfc')
    offset = len(data) - 28  # in the footer
    summary = int.from_bytes(data[offset : offset + 8], 'little')
    for at, wrong in ((summary + 1, 2**63), (offset, 3), (offset, 2**63), (offset, 0)):
        path.write_bytes(data[:at] + wrong.to_bytes(8, 'little') + data[at + 8 :])
        assert rows_of(path) == ROWS
        assert '/\ufffd\ufffd' in topics_of(path)


def test_what_we_write_is_read_with_its_durability(tmp_path):
    """For late readers of /tf_static."""
    for storage in ('mcap', 'sqlite3'):
        with BagWriter(tmp_path / storage, storage) as writer:
            writer.declare('/map', STRING, latched=True)
        assert contents_of(tmp_path / storage) == {'/map': Content(STRING, 0, True)}
