"""The operator's word: who does not know the secret cannot give it, and nobody can repeat it."""

import multiprocessing
import stat
from pathlib import Path

import pytest

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.operator_word import OperatorWord, proof, read_or_make_secret, read_secret

SECRET, OTHER = 'ab' * 32, 'cd' * 32


def test_a_proof_holds_for_one_request():
    """Then the edge has another challenge, so a listener cannot use it again."""
    word = OperatorWord(SECRET, '/edge')
    right = proof(SECRET, word.challenge, '/edge', 'release', 'bob')
    assert word.accepts(right, 'release', 'bob')
    assert not word.accepts(right, 'release', 'bob')


@pytest.mark.parametrize(
    ('secret', 'node', 'asked'),
    [
        (OTHER, '/edge', ('release', 'bob')),
        (SECRET, '/other', ('release', 'bob')),
        (SECRET, '/edge', ('release', 'carol')),
        (SECRET, '/edge', ('reset_exposure',)),
        (SECRET, '/edge', ('release', 'b', 'ob')),
        (SECRET, '/edgerelease', ('bob',)),
    ],
)
def test_a_proof_of_anything_else_changes_nothing(secret, node, asked):
    """The operator's own request still counts, however many came before it."""
    word = OperatorWord(SECRET, '/edge')
    before = word.challenge
    assert not word.accepts(proof(secret, before, node, *asked), 'release', 'bob')
    assert word.challenge == before
    assert word.accepts(proof(SECRET, before, '/edge', 'release', 'bob'), 'release', 'bob')


@pytest.mark.parametrize('given', ['', '0', 'ä' * 64, '\ud800', 'f' * 10**6])
def test_what_is_no_proof_is_refused(given):
    """Empty, too long, or no ASCII."""
    assert not OperatorWord(SECRET, '/edge').accepts(given, 'release', 'bob')


def test_a_request_longer_than_any_is_refused():
    """Even with a right proof: nobody makes the edge compute over megabytes."""
    word = OperatorWord(SECRET, '/edge')
    given = proof(SECRET, word.challenge, '/edge', 'release', 'b' * 65)
    assert not word.accepts(given, 'release', 'b' * 65)


def test_a_restarted_edge_has_another_challenge():
    """So a request to the edge before cannot be repeated."""
    assert OperatorWord(SECRET, '/edge').challenge != OperatorWord(SECRET, '/edge').challenge


def test_the_secret_is_made_once_and_for_its_owner_alone(tmp_path):
    """With the folders above it; the next edge finds it."""
    path = tmp_path / 'deep' / 'operator.secret'
    made = read_or_make_secret(path)
    assert len(bytes.fromhex(made)) == 32
    assert read_or_make_secret(path) == read_secret(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_edges_that_start_at_once_agree_on_a_secret(tmp_path):
    """Whichever is first makes it, and nobody reads half of it."""
    path = tmp_path / 'operator.secret'
    with multiprocessing.get_context('fork').Pool(4) as pool:
        assert len(set(pool.map(read_or_make_secret, [path] * 16))) == 1


@pytest.mark.parametrize('content', ['', 'secret\n', 'AB' * 32, 'ab' * 32 + '\n\n', 'é' * 20])
def test_a_file_without_a_secret_is_refused_and_not_shown(tmp_path, content):
    """Nor replaced: somebody may need it."""
    path = tmp_path / 'operator.secret'
    path.write_text(content, encoding='latin-1')
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=r'operator\.secret') as caught:
        read_or_make_secret(path)
    assert 'ab' * 32 not in str(caught.value).lower()
    assert path.read_bytes() == content.encode('latin-1')


def test_a_secret_that_others_may_read_is_refused(tmp_path):
    """Nor is a link followed."""
    path, link = tmp_path / 'operator.secret', tmp_path / 'link'
    read_or_make_secret(path)
    link.symlink_to(path)
    with pytest.raises(ConfigError, match='is a link'):
        read_or_make_secret(link)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match='mode=0640'):
        read_secret(path)


@pytest.mark.parametrize('name', ['/proc/nowhere/x', 'x\0', '~nobody-of-this-name/x'])
def test_a_place_that_cannot_hold_a_secret_is_named(name):
    """The edge does not configure then."""
    with pytest.raises(ConfigError, match='cannot be made'):
        read_or_make_secret(Path(name))
