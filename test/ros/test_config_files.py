"""The files in config/: every parameter with its default and what it means, and rviz's view."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.overlay_config import OverlayConfig
from pedsam_ros.core.settings import Setting, groups_of, settings_of
from pedsam_ros.core.worker_config import WorkerConfig
from pedsam_ros.core.workers_file import WorkerEntry, parse_workers

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'config'
NODES = {'edge.yaml': EdgeConfig, 'worker.yaml': WorkerConfig, 'overlay.yaml': OverlayConfig}
_LINE = re.compile(r'(?P<off># )?(?P<key>[a-z_0-9]+):(?P<value> .+?)??(?:  # (?P<comment>.+))?')


def parameters(name: str) -> dict[str, Any]:
    """What a node reads from the file."""
    (node, content), *more = yaml.safe_load((CONFIG / name).read_text()).items()
    assert (node, list(content), more) == ('/**', ['ros__parameters'], [])
    return content['ros__parameters']


def lines(name: str) -> dict[str, re.Match]:
    """Key -> its line, also if the whole line is a comment."""
    matches = [_LINE.fullmatch(line.strip()) for line in (CONFIG / name).read_text().splitlines()]
    return {match['key']: match for match in matches if match}


def defaults(config: type) -> dict[str, Any]:
    """Name -> default, nested as in YAML, without the empty lists that ROS cannot read there."""
    own, *nested = (
        {each.name: as_in_yaml(each.default) for each in group.settings if each.default != ()}
        for group in groups_of(config)
    )
    return own | {
        group.prefix.removesuffix('.'): values
        for group, values in zip(groups_of(config)[1:], nested, strict=True)
    }


def as_in_yaml(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def every_setting(name: str) -> list[Setting]:
    return [each for group in groups_of(NODES[name]) for each in group.settings]


def every_key(name: str) -> list[str]:
    """The settings and the names of their groups, in the order of the code."""
    found = []
    for group in groups_of(NODES[name]):
        found += [group.prefix.removesuffix('.')] if group.prefix else []
        found += [each.name for each in group.settings]
    return found


def with_types(values: Any) -> Any:
    """1.0 is another default than 1: ROS parameters are strict."""
    if isinstance(values, dict):
        return {name: with_types(value) for name, value in values.items()}
    return type(values), values


@pytest.mark.parametrize('name', NODES)
def test_file_holds_every_parameter_with_its_default(name):
    """No more and no fewer, in the order of the code."""
    assert with_types(parameters(name)) == with_types(defaults(NODES[name]))
    assert [key for key in lines(name) if key != 'ros__parameters'] == every_key(name)


@pytest.mark.parametrize('name', NODES)
def test_every_parameter_is_explained(name):
    """By a comment on its line, with its unit, bounds and choices."""
    for each in every_setting(name):
        comment, rule = lines(name)[each.name]['comment'], each.rule
        assert comment, each.name
        if rule.low is not None:
            assert comment.endswith(f': {rule.low} to {rule.high}'), each.name
        for choice in (*rule.choices, *rule.each):
            assert str(choice) in comment, each.name
        for name_end, unit in (('_s', ', s:'), ('_px', ', px:')):
            assert unit in comment or not each.name.endswith(name_end), each.name


@pytest.mark.parametrize('name', NODES)
def test_lists_are_shown_with_an_example(name):
    """In a comment, because their default, the empty list, cannot be written."""
    empty = {each.name: each for each in every_setting(name) if each.default == ()}
    shown = {key: match for key, match in lines(name).items() if match['off']}
    assert list(shown) == list(empty)
    for key, match in shown.items():
        example = yaml.safe_load(match['value'])
        assert example
        assert empty[key].kind in [tuple[type(value), ...] for value in example]


def test_workers_file_keeps_the_rules():
    """Three workers outside the default domain; a comment explains each key."""
    text = (CONFIG / 'workers.yaml').read_text()
    workers = parse_workers(yaml.safe_load(text), 0)
    assert len(workers) == 3
    keys = [each.name for each in settings_of(WorkerEntry)]
    assert keys == ['name', 'domain_id', 'windows', 'peers', 'spare', 'key', 'former_keys']
    for key in keys:
        assert re.search(rf'^#   {key} ', text, re.MULTILINE), key


def test_rviz_shows_camera_overlay_and_labels():
    """Each as an image with a QoS that its publisher offers, and clicks go to the edge."""
    manager = yaml.safe_load((CONFIG / 'pedsam.rviz').read_text())['Visualization Manager']
    shown = {each['Topic']['Value']: each for each in manager['Displays']}
    assert {topic: each['Topic']['Reliability Policy'] for topic, each in shown.items()} == {
        '/camera/image_raw': 'Best Effort',
        '/overlay': 'Reliable',
        '/edge/label_image': 'Reliable',
    }
    assert {each['Class'] for each in shown.values()} == {'rviz_default_plugins/Image'}
    assert shown['/edge/label_image']['Normalize Range']
    assert '/edge/point' in [tool.get('Topic', {}).get('Value') for tool in manager['Tools']]


def test_every_test_that_the_fault_table_names_exists():
    """A row without its test would be a claim."""
    text = (ROOT / 'docs' / 'reliability.md').read_text()
    named = set(re.findall(r'`(test_[a-z_]+)`', text))
    sources = ''.join(path.read_text() for path in (ROOT / 'test').rglob('test_*.py'))
    assert len(named) > 15
    assert [name for name in sorted(named) if f'def {name}(' not in sources] == []
