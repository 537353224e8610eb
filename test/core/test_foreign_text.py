"""YAML and JSON of others are read within bounds, or refused by a ValueError."""

import pytest

from pedsam_ros.core.foreign_text import parsed_json, parsed_yaml, read_bounded

LAUGHS = 'a: &a [x,x,x,x,x,x,x,x,x]\n' + ''.join(
    f'{new}: &{new} [{",".join([f"*{old}"] * 9)}]\n'
    for old, new in zip('abcdefgh', 'bcdefghi', strict=True)
)


def test_usual_yaml_is_read():
    """Lists, mappings, quotes, numbers, and nothing at all."""
    assert parsed_yaml('a: [1, 2.5, "x", {b: ~}]') == {'a': [1, 2.5, 'x', {'b': None}]}
    assert parsed_yaml(b'') is None


@pytest.mark.parametrize(
    ('text', 'why'),
    [
        (LAUGHS, 'anchors'),
        ('a: *a', 'anchors'),
        ('<<: {a: 1}', 'merges'),
        ('a: !!python/name:os.system', 'tags'),
        ('!!set {a, b}', 'tags'),
        ('[' * 60, 'nested'),
        ('[' * 10**5, 'nested'),
        ('{a: 1, b: 2, a: 3}', "'a' stands twice|a stands twice"),
        ('{1: a, 1: b}', '1 stands twice'),
        ('a: ' + '1:' * 10**4 + '1', 'a number of 20001 characters'),
        ('a: 0x' + 'f' * 10**4, 'a number of 10002 characters'),
        ('a: 2001-99-99', 'no YAML'),
        ('a: [', 'no YAML'),
        ('\0', 'no YAML'),
        (b'\xff\xfe\xff', 'no YAML'),
        ('#' * (2**18 + 1), 'over 262144 bytes'),
    ],
)
def test_yaml_that_no_settings_need_is_refused(text, why):
    """By a short text in one line, whatever it stands for."""
    with pytest.raises(ValueError, match=why) as refused:
        parsed_yaml(text)
    assert len(str(refused.value)) < 300
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ('text', 'why'),
    [
        ('[' * 10**5, 'no JSON'),
        ('{"a": 1, "a": 2}', 'stands twice'),
        ('9' * 5000, 'no JSON'),
        (b'\xff', 'no JSON'),
        ('', 'no JSON'),
        ('1' + ' ' * 2**18, 'over 262144 bytes'),
    ],
)
def test_json_that_cannot_be_read_is_refused(text, why):
    """Python itself raises other errors for some of these, and takes the last of equal keys."""
    with pytest.raises(ValueError, match=why):
        parsed_json(text)


def test_only_regular_files_within_the_bound_are_read(tmp_path):
    """Not a folder, not a device without an end."""
    (tmp_path / 'a').write_text('abc')
    assert read_bounded(tmp_path / 'a') == b'abc'
    for path, most, why in (
        (tmp_path / 'a', 2, 'is larger than 2 bytes'),
        (tmp_path, 9, 'is no file'),
        (tmp_path / 'b', 9, 'is not there'),
        ('/dev/zero', 9, 'is no file'),
    ):
        with pytest.raises(OSError, match=why):
            read_bounded(tmp_path / path, most)
