"""The files in config/ say what the code does: every parameter, its default, and what it is."""

import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from pedsam_ros.core.config import EdgeConfig, OverlayConfig, WorkerConfig
from pedsam_ros.core.workers_file import parse_workers

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'config'
NODES = {'edge.yaml': EdgeConfig(), 'worker.yaml': WorkerConfig()}
_LINE = re.compile(r'(?P<off># )?(?P<key>[a-z_0-9]+):(?P<value> .+?)??(?:  # (?P<comment>.+))?')


def parameters(name: str) -> dict[str, Any]:
    """What a node reads from the file."""
    (node, content), *more = yaml.safe_load((CONFIG / name).read_text()).items()
    assert (node, list(content), more) == ('/**', ['ros__parameters'], [])
    return content['ros__parameters']


def lines(name: str) -> dict[str, re.Match]:
    """Key -> its line, also where the line itself is a comment."""
    matches = [_LINE.fullmatch(line.strip()) for line in (CONFIG / name).read_text().splitlines()]
    return {match['key']: match for match in matches if match and match['key'] not in NODES}


def settings(config: Any) -> dict[str, Any]:
    """Field -> default; nested as in YAML, without the empty lists that ROS cannot read there."""
    values = {each.name: getattr(config, each.name) for each in fields(config)}
    return {
        name: settings(value) if is_dataclass(value) else _as_in_yaml(value)
        for name, value in values.items()
        if value != ()
    }


def _as_in_yaml(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def every_field(config: Any) -> list:
    """The fields of a config, each followed by those nested in it."""
    found = []
    for each in fields(config):
        value = getattr(config, each.name)
        found += [each, *(every_field(value) if is_dataclass(value) else ())]
    return found


def with_types(values: Any) -> Any:
    """1.0 is another default than 1: ROS parameters are strict."""
    if isinstance(values, dict):
        return {name: with_types(value) for name, value in values.items()}
    return type(values), values


@pytest.mark.parametrize('name', NODES)
def test_file_holds_every_parameter_with_its_default(name):
    """Neither more nor less, in the order of the code."""
    ours, theirs = parameters(name), settings(NODES[name])
    assert with_types(ours) == with_types(theirs)
    assert [key for key in lines(name) if key != 'ros__parameters'] == [
        each.name for each in every_field(NODES[name])
    ]


@pytest.mark.parametrize('name', NODES)
def test_every_parameter_is_explained(name):
    """By a comment on its line, with its unit, bounds and choices."""
    for each in every_field(NODES[name]):
        comment, rule = lines(name)[each.name]['comment'], each.metadata
        assert comment, each.name
        if 'low' in rule:
            assert comment.endswith(f': {rule["low"]} to {rule["high"]}'), each.name
        for choice in rule.get('choices', ()):
            assert str(choice) in comment, each.name
        for name_end, unit in (('_s', ', s:'), ('_px', ', px:')):
            assert unit in comment or not each.name.endswith(name_end), each.name


@pytest.mark.parametrize('name', NODES)
def test_lists_are_shown_with_an_example(name):
    """Commented out, because their default, the empty list, cannot be written."""
    empty = {each.name: each.type for each in every_field(NODES[name]) if each.default == ()}
    shown = {key: match for key, match in lines(name).items() if match['off']}
    assert list(shown) == list(empty)
    for key, match in shown.items():
        kinds = {type(value).__name__ for value in yaml.safe_load(match['value'])}
        assert empty[key] == f'tuple[{kinds.pop()}, ...]'


def test_overlay_file_holds_what_the_node_declares():
    """Keys and values of OverlayConfig."""
    defaults = {each.name: each.default for each in fields(OverlayConfig)}
    assert with_types(parameters('overlay.yaml')) == with_types(defaults)


def test_workers_file_keeps_the_rules():
    """Three workers, none of them in the default domain; each key is explained above."""
    text = (CONFIG / 'workers.yaml').read_text()
    workers = parse_workers(yaml.safe_load(text), 0)
    assert len(workers) == 3
    for key in ('name', 'domain_id', 'windows', 'peers', 'spare'):
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
