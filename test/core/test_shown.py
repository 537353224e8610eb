"""Text of others is cut and made harmless before anybody sees it."""

from __future__ import annotations

import unicodedata
from array import array
from pathlib import Path

import pytest

from pedsam_ros.core.shown import shown, written


def test_a_plain_text_stays_as_it_is():
    """A usual name is shown as it was written, umlauts included."""
    assert shown('vit_b-0123') == 'vit_b-0123'
    assert shown('Gebäude 7.png') == 'Gebäude 7.png'


def test_a_long_text_is_cut_and_the_rest_counted():
    """Ten megabytes become a line, which says how much is missing."""
    assert shown('x' * 10**7) == 'x' * 80 + f'... ({10**7 - 80} more)'
    assert shown('abcdef', 3) == 'abc... (3 more)'


@pytest.mark.parametrize(
    ('text', 'escaped'),
    [
        ('\x1b[2J', r'\x1b[2J'),
        ('a\nb\r', r'a\nb\r'),
        ('\x00\x7f\x9b', r'\x00\x7f\x9b'),
        ('\u202egnp.exe', r'\u202egnp.exe'),
        ('\u2066x\u2069', r'\u2066x\u2069'),
        ('a\u200bb\ufeff', r'a\u200bb\ufeff'),
        ('\u2028', r'\u2028'),
        ('\udce9', r'\udce9'),
        ('\u05d0 5', r'\u05d0 5'),
        ('\u3164\ufe0f', r'\u3164\ufe0f'),
        ('\U000e0041', r'\U000e0041'),
    ],
)
def test_what_could_deceive_a_reader_is_escaped(text, escaped):
    """Control, invisible and right-to-left characters and lone surrogates become escapes."""
    assert shown(text) == escaped


def test_every_character_becomes_visible_text():
    """No character of Unicode comes through that a terminal could obey or hide."""
    for start in range(0, 0x110000, 4096):
        found = shown(''.join(map(chr, range(start, start + 4096))), 4096)
        assert found.isprintable()
        assert not {unicodedata.bidirectional(each) for each in found} & {'R', 'AL', 'AN', 'RLO'}


def test_shown_twice_is_shown_once():
    """An error within an error is not escaped again."""
    once = shown('\x1b\\n\u202e')
    assert shown(once) == once


@pytest.mark.parametrize(
    ('value', 'text'),
    [
        (None, 'None'),
        (True, 'True'),
        (1.5, '1.5'),
        (-7, '-7'),
        (b'\x00\xff', r"b'\x00\xff'"),
        ([1, 'a', None], "[1, 'a', None]"),
        ({'a': [1]}, "{'a': [1]}"),
        (array('d', [1.0, 2.0]), '[1.0, 2.0]'),
        (Path('a\nb'), r'a\nb'),
        (ValueError('no\x1b'), r'no\x1b'),
        (object(), '<object>'),
    ],
)
def test_a_value_is_written_as_python_writes_it(value, text):
    """Values of YAML and of parameters are told by what they are; unknown ones by their type."""
    assert shown(value) == text


def test_a_text_among_values_is_in_quotes():
    """'5' is no number, and '' is something."""
    assert written('5') == "'5'"
    assert written('') == "''"
    assert written('x' * 1000) == "'" + 'x' * 80 + "'... (920 more)"
    assert written({'a': ['\n']}) == r"{'a': ['\n']}"


def test_a_huge_number_is_told_by_its_size():
    """Python itself refuses to write a number of more than 4300 digits."""
    assert shown(1 << 100_000) == '<a whole number of 100001 bits>'


def test_a_list_that_holds_itself_many_times_stays_short():
    """A few hundred bytes of YAML with aliases describe gigabytes of text."""
    nested = ['lol']
    for _ in range(60):
        nested = [nested] * 9
    assert len(shown(nested)) < 200
    assert len(shown({i: 'x' * 10**6 for i in range(1000)})) < 300
    assert len(shown([b'x' * 10**7] * 3)) < 300


def test_a_text_that_cannot_be_made_raises_nothing():
    """An exception whose own text fails is told by its type."""

    class Odd(Exception):
        def __str__(self):
            raise RuntimeError

    assert shown(Odd()) == '<Odd>'
