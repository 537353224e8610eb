"""Keys as text: one way to write each; what is no key is named, and a private one never shown."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.keys import (
    FILE_BYTES,
    new_private,
    parse_private,
    parse_public,
    private_line,
    public_text,
)
from pedsam_ros.core.noise import public
from pedsam_ros.core.shown import written
from pedsam_ros.core.workers_file import WorkerEntry, parse_workers
from two_ends import EDGE, OTHER, WORKER

KEY, OLD, ANOTHER = (public_text(public(private)) for private in (WORKER, EDGE, OTHER))
ALICE = {'name': 'alice', 'domain_id': 11}
BOB = {'name': 'bob', 'domain_id': 12}


def test_a_public_key_is_written_as_wireguard_writes_it():
    """44 characters of base64, which are read back."""
    assert len(KEY) == 44
    assert parse_public(KEY) == public(WORKER)


@settings(deadline=None)
@given(st.binary(min_size=32, max_size=32).filter(any))
def test_every_key_has_one_text(raw):
    """It comes back as it was."""
    assert parse_public(public_text(raw)) == raw


@pytest.mark.parametrize(
    'text',
    [
        '',
        'key',
        KEY[:-1],  # without its padding
        KEY + '\n',
        ' ' + KEY,
        KEY[:20] + '\n' + KEY[20:],
        KEY[:-2] + chr(ord(KEY[-2]) + 1) + '=',  # the same bytes, other spare bits
        KEY[:-4] + '-_' + KEY[-2:],  # the alphabet of web addresses
        base64.b64encode(bytes(31)).decode(),
        base64.b64encode(bytes([1] * 33)).decode(),
        'ä' * 44,
        'x' * 10**6,
        None,
        5,
        KEY.encode(),
        [KEY],
    ],
    ids=lambda text: f'{text!r:.20}',
)
def test_what_is_no_public_key_is_named(text):
    """The message has the value, cut to a length that fits a line, and the rule."""
    with pytest.raises(ConfigError, match='44 characters of base64') as error:
        parse_public(text)
    assert written(text) in str(error.value)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize('first', [0, 1])
def test_a_point_that_gives_everybody_the_same_secret_is_no_key(first):
    """An operator who hands it over would have the edge fail at every handshake."""
    with pytest.raises(ConfigError, match='no secret can be shared'):
        parse_public(public_text(bytes([first]) + bytes(31)))


def test_all_zero_is_no_key():
    """Neither a public nor a private one."""
    nothing = public_text(bytes(32))
    with pytest.raises(ConfigError, match='no secret can be shared'):
        parse_public(nothing)
    with pytest.raises(ConfigError, match='no private key'):
        parse_private(nothing.encode())


def test_a_private_key_comes_back_from_its_file():
    """One line of text; every key is another one."""
    private = new_private()
    line = private_line(private)
    assert len(line) == FILE_BYTES
    assert public(parse_private(line)) == public(private)
    assert public(parse_private(line.rstrip())) == public(private)
    assert public(new_private()) != public(private)


@pytest.mark.parametrize('cut', [0, 1, 20, 43])
def test_a_damaged_private_key_is_refused_and_not_shown(cut):
    """Not even what is left of it."""
    line = private_line(EDGE)
    for content in (line[:cut], line + line, b'\xff' + line[1:], b'#' + line, line + b'\r\n'):
        with pytest.raises(ConfigError) as error:
            parse_private(content)
        told = f'{error.value} {error.value.__cause__}'
        assert error.value.__suppress_context__ or error.value.__context__ is None
        assert not any(line[at : at + 6].decode() in told for at in range(len(line) - 6))


def test_a_worker_is_known_by_its_keys():
    """The present one first. Without a key its name stands for it, marked as a name."""
    keyed = WorkerEntry(**ALICE, key=KEY, former_keys=(OLD,))
    assert keyed.identities == (KEY, OLD)
    assert WorkerEntry(**ALICE).identities == ('name:alice',)


def test_a_workers_file_may_pin_keys():
    """Both are read; either may be missing or empty."""
    data = {'workers': [{**ALICE, 'key': KEY, 'former_keys': [OLD]}, {**BOB, 'former_keys': None}]}
    workers = parse_workers(data, own_domain=0)
    assert workers == (
        WorkerEntry(**ALICE, key=KEY, former_keys=(OLD,)),
        WorkerEntry(**BOB, key='', former_keys=()),
    )


@pytest.mark.parametrize(
    ('of_alice', 'of_bob', 'named'),
    [
        ({'key': 'abc'}, {}, "alice: key='abc'"),
        ({'key': 7}, {}, 'alice: key=7'),
        ({'key': [KEY]}, {}, 'alice: key=['),
        ({'former_keys': KEY}, {}, 'alice: former_keys='),
        ({'former_keys': ['']}, {}, "alice: former_keys=''"),
        ({'former_keys': [KEY] * 33}, {}, 'at most 32'),
        ({'former_keys': [7]}, {}, 'alice: former_keys=7'),
        ({'key': KEY}, {'key': KEY}, f"key='{KEY}' stands twice"),
        ({'key': KEY}, {'key': OLD, 'former_keys': [KEY]}, f"key='{KEY}' stands twice"),
        ({'former_keys': [KEY]}, {'former_keys': [KEY]}, f"key='{KEY}' stands twice"),
        ({'key': KEY, 'former_keys': [KEY]}, {'key': ANOTHER}, f"key='{KEY}' stands twice"),
    ],
)
def test_wrong_keys_in_a_workers_file_are_named(of_alice, of_bob, named):
    """No two workers share a key, not even a former one: the ledger would take them for one."""
    with pytest.raises(ConfigError) as error:
        parse_workers({'workers': [{**ALICE, **of_alice}, {**BOB, **of_bob}]}, own_domain=3)
    assert named in str(error.value)
