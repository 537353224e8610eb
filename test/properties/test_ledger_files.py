"""Whatever happens to a ledger's file, reading it gives a ledger that keeps every cap, or an
error of ours."""

import json
from contextlib import suppress
from copy import deepcopy

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
HUGE = 'huge'  # stands for a number of 5000 digits
ODD = st.one_of(  # what an editor, a broken disk or an enemy might put in the place of a value
    st.sampled_from([None, True, -1, 0, 1, 10**6, 2**63, HUGE, 'name:alice', 'x' * 3000, '']),
    st.sampled_from([float('nan'), float('inf'), -0.0, 64.0, '\ud800', '\x1b[2J', [], {}, [[]]]),
    st.lists(st.integers(-1, 300), max_size=4),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
)
RULES = settings(
    max_examples=500, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)


def at_home(canvas):
    """Everybody's own windows."""
    return windows_by_worker(HOMES, canvas.windows())


def valid() -> str:
    """A ledger in which everybody has seen something, and a spare has its role."""
    kept = Ledger(GRID, HOMES, identities=KEYS)
    for canvas in CANVASES[:2]:
        kept.admit(at_home(canvas), canvas, 1, 1.5)
    kept.bind('dave', 'bob')
    return kept.to_json()


VALID = valid()
SCENE = json.loads(VALID)['scene']
MOST = max(  # that a worker may ever see, canvas px
    sum(h * w for index, h, w in SCENE if HOMES[index] == name)
    for name in ('alice', 'bob', 'carol')
)


def places(value, path=()):
    """The paths of all that is in a JSON value."""
    yield path
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from places(inner, (*path, key))


LARGER = [[index, 10**6, 10**6] for index, *_ in SCENE]
ROWS = st.sampled_from([SCENE, LARGER, SCENE[::2], [], None])
ROW = st.tuples(st.integers(0, 24), *[st.sampled_from([1, 64, 10**6])] * 2).map(list)
PLACES = list(places(json.loads(VALID)))[1:]
LISTS = [path for path in PLACES if path[-1] in ('scene', 'windows')]


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
                st.just(at_home(canvas)),
                st.sampled_from(sorted(at_home(canvas).items())).map(lambda one: dict([one])),
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
            assert area(seen.windows) <= MOST
            assert area(seen.windows) / area(kept.scene) <= kept.cap() + 1e-12
            assert 0 <= kept.largest_region(name) <= kept.share(name) <= 1
    again = Ledger.from_json(kept.to_json(), HOMES, grid=GRID, identities=KEYS)
    assert again.to_json() == kept.to_json()
    assert again.conflict() == kept.conflict()


@RULES
@given(st.data())
def test_a_changed_value_is_refused_or_harmless(data):
    """Up to three values are replaced, removed or doubled. One worker may have seen it all, and
    there may be more to be seen than there is."""
    changed = json.loads(VALID)
    if data.draw(st.booleans()):
        worker = data.draw(st.sampled_from(sorted(changed['workers'])))
        changed['workers'][worker]['windows'] = deepcopy(SCENE)
    if data.draw(st.booleans()):
        changed['scene'] = deepcopy(LARGER)
    for _ in range(data.draw(st.integers(0, 3))):
        path = data.draw(st.sampled_from(PLACES) | st.sampled_from(LISTS))
        with suppress(LookupError, TypeError, AttributeError):  # a change before has removed it
            change(changed, path, data)
    check(json.dumps(changed).replace(f'"{HUGE}"', '9' * 5000), data)


def change(whole, path, data):
    """Changes one place in a JSON value."""
    *way, last = path
    for step in way:
        whole = whole[step]
    how = data.draw(st.sampled_from(['put', 'put', 'remove', 'double', 'move']))
    if how == 'put':
        whole[last] = deepcopy(data.draw(ROWS if path in LISTS else ODD | ROW))
    elif how == 'remove':
        del whole[last]
    elif how == 'move':
        key = data.draw(st.sampled_from(['name:zed', 'version', 'A' * 44, '']))
        whole[key] = deepcopy(whole[last])
    else:
        whole.append(deepcopy(whole[last]))


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
