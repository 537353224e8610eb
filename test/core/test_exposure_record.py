"""Whatever a ledger's file says, a sound record comes out of it, or ConfigError."""

import json

import pytest

from pedsam_ros.core import exposure_record
from pedsam_ros.core.errors import ConfigError

KEY = 'A' * 43 + '='
SOUND = {
    'version': 2,
    'extent': 288,
    'window': 64,
    'scene': [[0, 64, 64], [4, 64, 32]],
    'stands_in': {KEY: 'name:bob'},
    'workers': {
        KEY: {'name': 'dave', 'windows': [[0, 64, 60]], 'frames': 3, 'first_s': 1, 'last_s': 2.5}
    },
}
HUGE = '9' * 5000
WRONG = {  # what stands in the place of what, in the JSON text of SOUND
    'no object': (None, '[]'),
    'nothing': (None, ''),
    'deep nesting': (None, '[' * 200_000),
    'deep objects': (None, '{"a":' * 100_000),
    'too long': (None, '[' + '0,' * 600_000 + '0]'),
    'a key too many': ('"version": 2', '"version": 2, "more": 1'),
    'a key twice': ('"version": 2', '"version": 2, "version": 2'),
    'a boolean as a version': ('"version": 2', '"version": true'),
    'a fraction as a version': ('"version": 2', '"version": 2.0'),
    'a later version': ('"version": 2', '"version": 3'),
    'a huge grid': ('288', '100000000'),
    'a grid of many windows': ('"window": 64', '"window": 1'),
    'a number too long': ('288', HUGE),
    'a window beyond the grid': ('[4, ', '[25, '),
    'a window below the grid': ('[4, ', '[-1, '),
    'a window twice': ('[4, 64, 32]', '[0, 64, 64]'),
    'an extent beyond the window': ('[4, 64, 32]', '[4, 64, 33]'),
    'a huge extent': ('[0, 64, 64]', '[0, 1000000, 1000000]'),
    'no extent': ('[0, 64, 64]', '[0, 0, 64]'),
    'a boolean extent': ('[0, 64, 64]', '[0, true, 64]'),
    'a fractional extent': ('[0, 64, 64]', '[0, 64.0, 64]'),
    'a row too short': ('[0, 64, 64]', '[0, 64]'),
    'a row that is a text': ('[0, 64, 64]', '"064"'),
    'windows that are an object': ('[[0, 64, 60]]', '{"0": [64, 60]}'),
    'more seen than the scene holds': ('[[0, 64, 60]]', '[[4, 64, 60]]'),
    'a window that no scene holds': ('[[0, 64, 60]]', '[[1, 64, 60]]'),
    'negative frames': ('"frames": 3', '"frames": -3'),
    'too many frames': ('"frames": 3', '"frames": 99999999999999999'),
    'a boolean as a time': ('"first_s": 1', '"first_s": true'),
    'no number': ('"first_s": 1', '"first_s": NaN'),
    'infinity': ('"first_s": 1', '"first_s": Infinity'),
    'an infinity in digits': ('"first_s": 1', '"first_s": 1e999'),
    'a time beyond calendars': ('"first_s": 1', '"first_s": 1e300'),
    'a time before 1970': ('"first_s": 1', '"first_s": -1'),
    'a null': ('"first_s": 1', '"first_s": null'),
    'a name with an escape': ('"dave"', '"\\u001b[2J"'),
    'half a character': ('"dave"', '"\\ud800"'),
    'a long name': ('"dave"', f'"{"d" * 33}"'),
    'a number as a name': ('"dave"', '7'),
    'no name': ('"name": "dave", ', ''),
    'an identity that is none': ('"name:bob"', '"bob"'),
    'an identity with half a character': ('"name:bob"', '"name:b\\ud800b"'),
    'an identity with an end of line': ('"name:bob"', '"name:bob\\n"'),
    'an identity that is a list': ('"name:bob"', '["name:bob"]'),
    'a worker that is a list': (': {"name"', ': [], "name:zed": {"name"'),
}


def test_a_sound_record_comes_back_as_it_was():
    """Also a second time."""
    record = exposure_record.read(json.dumps(SOUND))
    assert json.loads(exposure_record.written(record)) == SOUND
    assert exposure_record.read(exposure_record.written(record)) == record


@pytest.mark.parametrize('what', WRONG)
def test_what_is_not_sound_is_refused(what):
    """In few words, which are harmless on a terminal."""
    old, new = WRONG[what]
    text = json.dumps(SOUND)
    assert old is None or text.count(old) >= 1
    with pytest.raises(ConfigError, match=r'^not an exposure ledger: ') as caught:
        exposure_record.read(new if old is None else text.replace(old, new))
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()
    assert str(caught.value).isascii()


def test_workers_are_bounded_in_number():
    """256, present or not."""
    one = SOUND['workers'][KEY]
    for number, fits in ((256, True), (257, False)):
        many = {'workers': {f'name:w{i}': one for i in range(number)}}
        text = json.dumps(SOUND | many)
        if fits:
            assert len(exposure_record.read(text).seen) == number
        else:
            with pytest.raises(ConfigError, match='workers: 257; at most 256'):
                exposure_record.read(text)
