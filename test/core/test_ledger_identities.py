"""The ledger knows a worker by its key: names may be swapped, changed and taken over."""

import json

import pytest

from fakes import TINY
from pedsam_ros.core.errors import ConfigError, ExposureError
from pedsam_ros.core.keys import public_text
from pedsam_ros.core.ledger import SEVERAL, Ledger
from pedsam_ros.core.placement import place, windows_by_worker
from pedsam_ros.core.windows import Canvas, pixel_grid
from pedsam_ros.core.workers_file import parse_workers

GRID = pixel_grid(TINY)
SQUARE = Canvas.fit(TINY, 100, 100)
K1, K2, K3, K4, K5 = (public_text(bytes([number]) * 32) for number in range(1, 6))
KEYS = {'alice': K1, 'bob': K2, 'carol': K3}


def workers(keys, spares=(), **former):
    """The entries of a workers.yaml, in this order; a worker without a key has None."""
    return parse_workers(
        {
            'workers': [
                {
                    'name': name,
                    'domain_id': 1 + number,
                    'spare': name in spares,
                    'former_keys': list(former.get(name, ())),
                    **({'key': key} if key else {}),
                }
                for number, (name, key) in enumerate(keys.items())
            ]
        },
        own_domain=0,
    )


def ledger(entries, kept=None, **rules):
    """What an edge with these workers makes of the ledger that the one before has kept."""
    identities = {worker.name: worker.identities for worker in entries}
    homes = place(GRID, entries)
    if kept is None:
        return Ledger(GRID, homes, identities=identities, **rules)
    return Ledger.from_json(kept.to_json(), homes, grid=GRID, identities=identities, **rules)


def show(kept, canvas=SQUARE):
    """Sends every worker its windows."""
    kept.admit(windows_by_worker(kept.homes, canvas.windows()), canvas, 1, 5.0)


@pytest.fixture
def seen():
    """A ledger of three workers with keys that have seen all of their windows."""
    kept = ledger(workers(KEYS))
    show(kept)
    return kept


def refused(kept, match):
    """Nothing is sent; the edge knows that before the first frame."""
    before = kept.to_json()
    assert kept.conflict()
    with pytest.raises(ExposureError, match=match):
        show(kept)
    assert kept.to_json() == before


def test_the_file_holds_keys_and_shows_names(seen):
    """So that whoever reads it knows of whom it speaks."""
    written = json.loads(seen.to_json())['workers']
    assert {identity: each['name'] for identity, each in written.items()} == {
        K1: 'alice',
        K2: 'bob',
        K3: 'carol',
    }
    assert set(seen.workers) == {'alice', 'bob', 'carol'}


def test_swapped_keys_do_not_give_a_second_look(seen):
    """Each host would see another's windows under the name of the other, within every cap."""
    swapped = ledger(workers({'alice': K2, 'bob': K1, 'carol': K3}), seen, max_share=0.9)
    refused(swapped, r'window=\d+ was shown to')


def test_swapped_names_alone_change_nothing(seen):
    """Each host keeps its place in the file, so it sees the same windows under its new name."""
    swapped = ledger(workers({'bob': K1, 'alice': K2, 'carol': K3}), seen)
    assert not swapped.conflict()
    show(swapped)
    assert swapped.share('bob') == seen.share('alice')
    assert swapped.workers['bob'].frames == 2


def test_a_renamed_worker_keeps_what_it_has_seen(seen):
    """Nobody has its old name now."""
    renamed = ledger(workers({'zoe': K1, 'bob': K2, 'carol': K3}), seen)
    show(renamed)
    assert renamed.share('zoe') == seen.share('alice')
    assert 'alice' not in renamed.workers


def test_a_new_key_with_the_old_one_named_is_the_same_worker(seen):
    """Both records are counted together, and neither is lost."""
    rotated = ledger(workers(KEYS | {'alice': K4}, alice=[K1]), seen)
    show(rotated)
    assert rotated.share('alice') == seen.share('alice')
    assert rotated.workers['alice'].frames == 2
    assert {K1, K4} <= set(rotated.seen)


def test_a_new_key_alone_is_somebody_else(seen):
    """The windows were shown to whoever has the old key. The message says what to do."""
    replaced = ledger(workers(KEYS | {'alice': K4}), seen, max_share=0.9)
    add = K1.replace('+', r'\+')
    refused(replaced, f'alice, who was {add} and is no worker any more; add {add} to the former_k')


def test_a_worker_without_a_key_is_known_by_its_name(seen):
    """With its key it was somebody else; with the key in former_keys it was not."""
    plain = workers(KEYS | {'alice': None})
    assert plain[0].identities == ('name:alice',)
    refused(ledger(plain, seen, max_share=0.9), 'is no worker any more')
    show(ledger(workers(KEYS | {'alice': None}, alice=[K1]), seen))


def test_the_cap_holds_over_all_keys_of_a_worker(seen):
    """A worker that was two others has seen what both have."""
    both = workers({'alice': K4, 'bob': K5, 'carol': K3}, alice=[K1, K2])
    kept = ledger(both, seen)
    assert kept.share('alice') == pytest.approx(seen.share('alice') + seen.share('bob'))
    with pytest.raises(ExposureError, match='alice: would have seen'):
        show(kept)


def test_whoever_left_still_counts(seen):
    """A window that a worker of the past has seen is shown to nobody else."""
    fewer = ledger(workers({'alice': K1, 'bob': K2}), seen, max_share=0.9)
    refused(fewer, f'carol, who was {K3} and is no worker any more')
    assert fewer.workers.keys() == {'alice', 'bob', K3}
    assert fewer.share(K3) == seen.share('carol') > 0
    assert fewer.largest_region(K3) > 0


def test_a_spare_keeps_its_role_under_other_names_and_keys():
    """The role is between two hosts, not between two names."""
    keys = KEYS | {'dave': K4}
    kept = ledger(workers(keys, ['dave']), max_share=0.9)
    show(kept)
    kept.bind('dave', 'bob')
    renamed = ledger(
        workers({'alice': K1, 'bobby': K2, 'carol': K3, 'dan': K5}, ['dan'], dan=[K4]),
        kept,
        max_share=0.9,
    )
    assert renamed.stands_in == {'dan': 'bobby'}
    with pytest.raises(ExposureError, match='stands in for bobby, not for alice'):
        renamed.bind('dan', 'alice')
    renamed.bind('dan', 'bobby')
    assert renamed.bound == {K4: K2, K5: K2}


def test_a_spare_of_somebody_who_left_is_not_free():
    """Nor is one that has replaced two under its keys."""
    kept = ledger(workers(KEYS | {'dave': K4}, ['dave']))
    kept.bind('dave', 'bob')
    later = ledger(workers({'alice': K1, 'carol': K3, 'dave': K4}, ['dave']), kept)
    assert later.stands_in == {'dave': K2}
    kept.bound[K5] = K1
    both = ledger(workers(KEYS | {'dave': K4}, ['dave'], dave=[K5]), kept)
    assert both.stands_in == {'dave': SEVERAL}
    with pytest.raises(ExposureError, match='is for'):
        both.admit({'dave': [0]}, SQUARE, 0, 0.0)


def test_two_workers_cannot_have_one_identity():
    """Otherwise what one has seen would be the other's."""
    with pytest.raises(ConfigError, match='as well'):
        Ledger(GRID, {}, identities={'alice': (K1,), 'bob': (K2, K1)})


def test_a_full_ledger_takes_nobody_else(seen):
    """It refuses, and forgets nobody."""
    for number in range(300):
        if len(seen.seen) < 256:
            seen.seen[f'name:w{number}'] = type(seen.exposure('alice'))(f'w{number}')
    more = ledger(workers(KEYS | {'alice': K4}, alice=[K1]), seen)
    with pytest.raises(ExposureError, match='ledger: full, with 256 workers'):
        show(more)
    show(seen)


def test_a_ledger_of_version_1_knows_names(seen):
    """For workers without keys it goes on. One with a key says which name it had."""
    plain = ledger(workers(dict.fromkeys(KEYS)))
    show(plain)
    plain.bind('dave', 'bob')
    old = json.loads(plain.to_json())
    old['version'], old['stands_in'] = 1, {'dave': 'bob'}
    old['workers'] = {each.pop('name'): each for each in old['workers'].values()}
    assert set(old['workers']) == set(KEYS)

    class Old:
        to_json = staticmethod(lambda: json.dumps(old))

    same = ledger(workers(dict.fromkeys(KEYS)), Old)
    assert same.to_json() == plain.to_json()
    show(same)
    refused(ledger(workers(KEYS), Old, max_share=0.9), 'add name:alice to the former_keys')
    show(ledger(workers(KEYS, **{name: [f'name:{name}'] for name in KEYS}), Old))
