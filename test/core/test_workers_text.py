"""A key is written into the text of a workers.yaml; all else stays, comments included."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.keys import public_text
from pedsam_ros.core.noise import public
from pedsam_ros.core.workers_text import with_key
from two_ends import OTHER, WORKER

KEY, ANOTHER = public_text(public(WORKER)), public_text(public(OTHER))
FLOW = """# our workers
workers:
  - {name: alice, domain_id: 11, windows: all}  # at the university
  - {name: bob, domain_id: 12}
"""
BLOCK = """# our workers
workers:

  # at the university
  - name: alice  # the first
    domain_id: 11

  - domain_id: 12
    name: "bob"
    peers:
      - 10.0.0.7
"""


def test_a_key_is_put_behind_the_name():
    """In both styles of YAML; no other character changes."""
    assert with_key(FLOW, 'alice', KEY)[0] == FLOW.replace('alice,', f'alice, key: {KEY},')
    assert with_key(FLOW, 'bob', KEY)[0] == FLOW.replace('bob,', f'bob, key: {KEY},')
    first = '    domain_id: 11\n'
    assert with_key(BLOCK, 'alice', KEY)[0] == BLOCK.replace(first, f'    key: {KEY}\n{first}')
    second = '    name: "bob"\n'
    assert with_key(BLOCK, 'bob', KEY)[0] == BLOCK.replace(second, f'{second}    key: {KEY}\n')


@pytest.mark.parametrize(
    ('before', 'after'),
    [
        ('{name: alice}', '{name: alice, key: KEY}'),
        ("{domain_id: 11, name: 'alice',}", "{domain_id: 11, name: 'alice', key: KEY,}"),
        ("{name: alice, key: ''}", '{name: alice, key: KEY}'),
        ('{name: alice, key: ""}', '{name: alice, key: KEY}'),
        ('{"name": "alice"}', '{"name": "alice", key: KEY}'),
        (
            '{name: alice, # first\n   spare: false}',
            '{name: alice, key: KEY, # first\n   spare: false}',
        ),
        (
            '{key: "", name: alice, former_keys: [OLD]}',
            '{key: KEY, name: alice, former_keys: [OLD]}',
        ),
    ],
)
def test_styles_in_which_people_write(before, after):
    """Quotes, commas, an empty key, an entry over two lines."""

    def filled(entry: str) -> str:
        entry = entry.replace('name:', 'domain_id: 11, name:') if 'domain' not in entry else entry
        entry = entry.replace('"name":', 'domain_id: 11, "name":') if '"name"' in entry else entry
        entry = entry.replace('KEY', KEY).replace('OLD', ANOTHER)
        return f'workers:\n- {entry}\n- {{name: bob, domain_id: 12}}\n'

    assert with_key(filled(before), 'alice', KEY)[0] == filled(after)


@pytest.mark.parametrize('style', [FLOW, BLOCK])
def test_line_ends_of_other_systems_stay(style):
    """Those of Windows, and a last line without an end."""
    of_windows = style.replace('\n', '\r\n')
    changed = with_key(of_windows, 'bob', KEY)[0]
    assert changed == with_key(style, 'bob', KEY)[0].replace('\n', '\r\n')
    text = 'workers:\n- {name: alice, domain_id: 11}\n- domain_id: 12\n  name: bob'
    assert with_key(text, 'bob', KEY)[0] == f'{text}\n  key: {KEY}'


@pytest.mark.parametrize('style', [FLOW, BLOCK])
def test_nothing_but_the_key_changes(style):
    """What a reader of YAML finds is the same otherwise, and the entry comes back."""
    before = yaml.safe_load(style)
    text, worker = with_key(style, 'bob', KEY)
    after = yaml.safe_load(text)
    assert after['workers'][1].pop('key') == KEY == worker.key
    assert after == before
    assert (worker.name, worker.domain_id) == ('bob', 12)
    assert sorted(part for part in style.split() if part not in text.split()) in ([], ['bob,'])


@pytest.mark.parametrize('style', [FLOW, BLOCK])
def test_a_second_time_nothing_changes(style):
    """The command may be repeated."""
    text, worker = with_key(style, 'alice', KEY)
    assert with_key(text, 'alice', KEY) == (text, worker)


@pytest.mark.parametrize('empty', ['key: ', "key: ''", 'key:'])
def test_an_empty_key_is_filled_in(empty):
    """As whoever copies the file with its comments may have it."""
    text = BLOCK.replace('- name: alice', f'- name: alice\n    {empty}')
    assert with_key(text, 'alice', KEY)[1].key == KEY


def test_another_key_is_not_overwritten():
    """The message says where the old one belongs, so that the ledger keeps its memory."""
    text, _ = with_key(FLOW, 'alice', ANOTHER)
    with pytest.raises(ConfigError, match='former_keys') as error:
        with_key(text, 'alice', KEY)
    assert f'key: {KEY}' in str(error.value)
    assert f'former_keys: [{ANOTHER}]' in str(error.value)


def test_a_key_of_another_worker_is_refused():
    """Two workers with one key would be one worker with two shares."""
    text, _ = with_key(FLOW, 'alice', KEY)
    with pytest.raises(ConfigError, match='is one of alice'):
        with_key(text, 'bob', KEY)
    former = FLOW.replace('bob,', f'bob, former_keys: [{KEY}],')
    for name in ('alice', 'bob'):
        with pytest.raises(ConfigError, match='is one of bob'):
            with_key(former, name, KEY)


@pytest.mark.parametrize(
    ('text', 'named'),
    [
        ('', "one key 'workers'"),
        ('workers: [', 'no YAML'),
        ('[' * 5000, 'deep'),
        ('workers: 2024-13-45', 'no YAML'),
        ('\0', 'no YAML'),
        ('workers: [{name: alice, domain_id: 1}]', '1 worker'),
        ('workers: [&a {name: alice, domain_id: 1}, *a]', 'anchors and aliases'),
        (FLOW.replace('alice', 'carol'), 'alice: is none of its workers, carol, bob'),
        (BLOCK.replace('- name: alice', '- ? name\n    : alice'), 'by hand'),
        (BLOCK.replace('name: alice', 'name: >-\n        alice\n\n        \n    # end'), ''),
    ],
    ids=lambda value: f'{value:.20}',
)
def test_a_file_that_cannot_be_changed_is_refused(text, named):
    """With the reason; where only its style is too rare, with the line to add by hand."""
    if named:
        with pytest.raises(ConfigError) as error:
            with_key(text, 'alice', KEY)
        assert named in str(error.value)
        assert len(str(error.value)) < 400
    else:
        assert yaml.safe_load(with_key(text, 'alice', KEY)[0])['workers'][0]['key'] == KEY


@settings(deadline=None)
@given(st.text(max_size=60), st.sampled_from([FLOW, BLOCK]), st.integers(0, 200))
def test_a_damaged_file_is_changed_rightly_or_not_at_all(noise, style, where):
    """Whatever stands in it, nothing but ConfigError is raised."""
    text = style[:where] + noise + style[where:]
    try:
        changed, _ = with_key(text, 'alice', KEY)
    except ConfigError:
        return
    after, before = yaml.safe_load(changed), yaml.safe_load(text)
    entries = [(a, b) for a, b in zip(after['workers'], before['workers'], strict=True) if a != b]
    for new, old in entries:
        assert new == {**old, 'key': KEY}
    assert len(entries) <= 1
