"""Every rule of the settings, and what its error names."""

import pytest

from pedsam_ros.core.automatic_config import AutomaticConfig
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import BadPrompt, ConfigError
from pedsam_ros.core.types import Prompt
from pedsam_ros.core.worker_config import WorkerConfig
from pedsam_ros.core.workers_file import WorkerEntry, parse_workers

ALICE, BOB = {'name': 'alice', 'domain_id': 11}, {'name': 'bob', 'domain_id': 12, 'windows': 'all'}


@pytest.mark.parametrize(
    ('setting', 'named'),
    [
        ({'transport': 'float8'}, "transport='float8': one of float32, float16, int8"),
        ({'deadline_s': 0.0}, 'deadline_s=0.0: from 0.01 to 600.0'),
        ({'deadline_s': float('nan')}, 'deadline_s=nan'),
        ({'max_in_flight': 0}, 'max_in_flight=0'),
        ({'image_transport': 'theora'}, "image_transport='theora'"),
        ({'precision': 'int4'}, "precision='int4'"),
    ],
)
def test_a_setting_outside_its_rule_is_named(setting, named):
    """With its rule."""
    with pytest.raises(ConfigError) as error:
        EdgeConfig(**setting)
    assert named in str(error.value)


def test_other_configs_check_themselves_too():
    """The worker's and the automatic grid's."""
    with pytest.raises(ConfigError, match='points_per_side=0'):
        AutomaticConfig(points_per_side=0)
    with pytest.raises(ConfigError, match="name='Bob the 2nd'"):
        WorkerConfig(name='Bob the 2nd')


def test_prompts_come_from_points_and_boxes():
    """One mask for each; nothing means the automatic grid."""
    config = EdgeConfig(points=(1.0, 2.0, 3.0, 4.0), boxes=(5.0, 6.0, 7.0, 8.0))
    assert config.prompts == (
        Prompt(points=((1.0, 2.0, 1),)),
        Prompt(points=((3.0, 4.0, 1),)),
        Prompt(box=(5.0, 6.0, 7.0, 8.0)),
    )
    assert EdgeConfig().prompts == ()
    with pytest.raises(BadPrompt, match='3 numbers of points'):
        EdgeConfig(points=(1.0, 2.0, 3.0))


def test_a_workers_file_is_read():
    """All windows unless it says which."""
    workers = parse_workers(
        {'workers': [ALICE, {**BOB, 'windows': [0, 3], 'peers': ['10.0.0.7']}]}, own_domain=0
    )
    assert workers == (
        WorkerEntry(name='alice', domain_id=11),
        WorkerEntry(name='bob', domain_id=12, windows=(0, 3), peers=('10.0.0.7',)),
    )


@pytest.mark.parametrize(
    ('data', 'named'),
    [
        (None, "one key 'workers'"),
        ({'workers': {}}, "one key 'workers'"),
        ({'workers': [ALICE, BOB], 'more': 1}, "one key 'workers'"),
        ({'workers': []}, '0 worker'),
        ({'workers': [ALICE]}, '1 worker'),
        ({'workers': [ALICE, {'name': 'bob'}]}, 'name and domain_id'),
        ({'workers': [ALICE, 'bob']}, 'name and domain_id'),
        ({'workers': [ALICE, {**BOB, 'colour': 1}]}, 'name and domain_id'),
        ({'workers': [ALICE, {**BOB, 'domain_id': 11}]}, 'domain_id=11 stands twice'),
        ({'workers': [ALICE, {**BOB, 'name': 'alice'}]}, "name='alice' stands twice"),
        ({'workers': [ALICE, {**BOB, 'domain_id': 233}]}, 'bob: domain_id=233'),
        ({'workers': [ALICE, {**BOB, 'domain_id': -1}]}, 'bob: domain_id=-1'),
        ({'workers': [ALICE, {**BOB, 'domain_id': 'x'}]}, "bob: domain_id='x'"),
        ({'workers': [ALICE, {**BOB, 'domain_id': True}]}, 'bob: domain_id=True'),
        ({'workers': [ALICE, {**BOB, 'domain_id': 3}]}, "bob: domain_id=3 is the edge's own"),
        ({'workers': [ALICE, {**BOB, 'name': 'b/b'}]}, "name='b/b'"),
        ({'workers': [ALICE, {**BOB, 'windows': 'some'}]}, "windows='some'"),
        ({'workers': [ALICE, {**BOB, 'windows': [-1]}]}, 'windows=(-1,)'),
        ({'workers': [ALICE, {**BOB, 'windows': []}]}, 'bob: windows=[]'),
        ({'workers': [ALICE] * 65}, '65 workers; at most 64'),
        ({'workers': [ALICE, {**BOB, 'windows': [0] * 4097}]}, '4097 values, at most 4096'),
        ({'workers': [ALICE, {**BOB, 'peers': ['a'] * 33}]}, '33 values, at most 32'),
        ({'workers': [ALICE, {**BOB, 'peers': ['a;10.0.0.9']}]}, "peers='a;10.0.0.9'"),
        ({'workers': [ALICE, {**BOB, 'domain_id': 10**5000}]}, 'a whole number of'),
        ({'workers': [ALICE, {**BOB, 'name': '\x1b[2J' * 10**6}]}, 'more)'),
        ({'workers': [ALICE, {**BOB, 'key': 5}]}, 'bob: key=5'),
        ({'workers': [ALICE, {**BOB, 'former_keys': [5]}]}, 'bob: former_keys=5'),
    ],
)
def test_a_wrong_workers_file_is_named(data, named):
    """The worker, the value and the rule."""
    with pytest.raises(ConfigError) as error:
        parse_workers(data, own_domain=3)
    assert named in str(error.value)


@pytest.mark.parametrize('peers', ['10.0.0.5', [10], {'a': 1}])
def test_peers_are_a_list_of_addresses(peers):
    """Not one taken apart into characters."""
    with pytest.raises(ConfigError, match='bob: peers='):
        parse_workers({'workers': [ALICE, {**BOB, 'peers': peers}]}, own_domain=3)


def test_no_peers_may_be_written_as_nothing():
    """`peers:` left empty."""
    workers = parse_workers({'workers': [ALICE, {**BOB, 'peers': None}]}, own_domain=3)
    assert workers[1].peers == ()
