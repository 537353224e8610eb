"""Whatever happens to a ledger's file, reading it gives a ledger that keeps every cap, or an
error of ours."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes import TINY, WORKERS
from pedsam_ros.core.errors import ConfigError, ExposureError
from pedsam_ros.core.extents import area
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.placement import place, windows_by_worker
from pedsam_ros.core.windows import Canvas, pixel_grid

GRID = pixel_grid(TINY)
HOMES = place(GRID, WORKERS)
CANVASES = [Canvas.fit(TINY, *size) for size in ((100, 100), (90, 160), (160, 90), (1, 300))]
KEYS = {name: (letter * 43 + '=',) for name, letter in zip(('alice', 'bob'), 'AB', strict=True)}
ODD = st.one_of(  # what an editor, a broken disk or an enemy might put in the place of a value
    st.sampled_from([None, True, -1, 0, 1, 10**6, 2**63, 10**5000, 'name:alice', 'x' * 3000, '']),
    st.sampled_from([float('nan'), float('inf'), -0.0, 64.0, '\ud800', '\x1b[2J', [], {}, [[]]]),
    st.lists(st.integers(-1, 300), max_size=4),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
)
RULES = settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))


def valid() -> str:
    """A ledger in which everybody has seen something, and a spare has its role."""
    kept = Ledger(GRID, HOMES, identities=KEYS)
    for canvas in CANVASES[:2]:
        kept.admit(windows_by_worker(HOMES, canvas.windows()), canvas, 1, 1.5)
    kept.bind('dave', 'bob')
    return kept.to_json()


VALID = valid()


def places(value, path=()):
    """The paths of all that is in a JSON value."""
    yield path
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from places(inner, (*path, key))


PLACES = list(places(json.loads(VALID)))[1:]


def check(text: str, data: st.DataObject) -> None:
    """Reads a text. If it is a ledger, nobody gets beyond the cap, whatever is sent to whom."""
    try:
        kept = Ledger.from_json(text, HOMES, grid=GRID, identities=KEYS)
    except ConfigError:
        return
    names = ['alice', 'bob', 'carol', 'dave', *kept.workers]
    for _ in range(3):
        canvas = data.draw(st.sampled_from(CANVASES))
        sends = data.draw(
            st.one_of(
                st.just(windows_by_worker(HOMES, canvas.windows())),
                st.dictionaries(
                    st.sampled_from(names), st.lists(st.integers(0, GRID.count - 1)), max_size=4
                ),
            )
        )
        try:
            kept.admit(sends, canvas, 1, 2.0)
        except ExposureError:
            continue
        for name in sends:
            seen = kept.workers[name]
            assert area(seen.windows) / area(kept.scene) <= kept.cap() + 1e-12
            assert 0 <= kept.largest_region(name) <= kept.share(name) <= 1
    again = Ledger.from_json(kept.to_json(), HOMES, grid=GRID, identities=KEYS)
    assert again.to_json() == kept.to_json()
    assert again.conflict() == kept.conflict()


@RULES
@given(st.data())
def test_a_changed_value_is_refused_or_harmless(data):
    """Up to three values are replaced, removed or doubled."""
    changed = json.loads(VALID)
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(PLACES))
        try:
            inner = changed
            for step in way:
                inner = inner[step]
            how = data.draw(st.sampled_from(['put', 'put', 'remove', 'double', 'move']))
            if how == 'put':
                inner[last] = data.draw(ODD)
            elif how == 'remove':
                del inner[last]
            elif how == 'move':
                inner[data.draw(st.sampled_from(['name:zed', 'version', 'A' * 44, '']))] = inner[
                    last
                ]
            else:
                inner.append(inner[last])
        except (LookupError, TypeError, AttributeError):
            continue  # an earlier change has removed that place
    check(as_json(changed), data)


def as_json(value) -> str:
    """A text that may hold what Python would not write, such as numbers of 5000 digits."""
    if isinstance(value, dict):
        return '{' + ','.join(f'{json.dumps(k)}:{as_json(v)}' for k, v in value.items()) + '}'
    if isinstance(value, list):
        return '[' + ','.join(map(as_json, value)) + ']'
    if value == 10**5000:
        return '1' + '0' * 5000
    return json.dumps(value)


@RULES
@given(st.data())
def test_changed_characters_are_refused_or_harmless(data):
    """Up to four pieces are cut out, repeated or replaced."""
    text = VALID
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 40)))
        piece = data.draw(
            st.one_of(
                st.just(''),
                st.just(text[start:end] * 2),
                st.sampled_from([*'0123456789-.eE[]{},:"\\', '[' * 50_000, '9' * 5000]),
                st.text(max_size=6),
            )
        )
        text = text[:start] + piece + text[end:]
    check(text, data)


@RULES
@given(st.text() | st.binary().map(lambda raw: raw.decode('latin-1')))
def test_any_text_is_refused(text):
    """It is no ledger."""
    try:
        Ledger.from_json(text, HOMES)
    except ConfigError:
        return
    raise AssertionError('it was taken')
