"""core/parameter_file.py: a file of ROS parameters, read without a node."""

from pathlib import Path

import pytest

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.parameter_file import read_parameters

CONFIG = Path(__file__).resolve().parents[2] / 'config'
HEAD = '/**:\n  ros__parameters:\n'


def read(tmp_path, text):
    file = tmp_path / 'edge.yaml'
    file.write_text(text)
    return read_parameters(file, EdgeConfig)


def test_the_packages_own_file_gives_the_defaults():
    """config/edge.yaml lists every parameter with its default."""
    assert read_parameters(CONFIG / 'edge.yaml', EdgeConfig) == EdgeConfig()


def test_settings_may_be_nested_or_dotted(tmp_path):
    """ROS takes both; what is not named keeps its default, and a whole number may be a double."""
    text = f'{HEAD}    placement: {{max_share: 0.4}}\n    loss.stale_s: 2\n    pad: false\n'
    config = read(tmp_path, text)
    assert (config.placement.max_share, config.loss.stale_s, config.pad) == (0.4, 2.0, False)
    assert config.transport == EdgeConfig().transport


def test_parameters_of_every_node_are_passed_over(tmp_path):
    """use_sim_time and qos_overrides are ROS's own, and say nothing about privacy."""
    rest = '  ros__parameters:\n    use_sim_time: true\n    qos_overrides: {a: {b: 1}}\n'
    assert read(tmp_path, f'/robot/edge:\n{rest}') == EdgeConfig()


@pytest.mark.parametrize(
    ('text', 'told'),
    [
        (f'{HEAD}    transpot: int8\n', 'transpot'),
        (f'{HEAD}    placement: {{max_shares: 0.4}}\n', 'placement.max_shares'),
        (f'{HEAD}    placement: {{max_share: 1.4}}\n', 'placement.max_share=1.4'),
        (f'{HEAD}    placement: {{max_share: .nan}}\n', 'placement.max_share=nan'),
        (f'{HEAD}    pad: 1\n', 'pad=1'),
        (f'{HEAD}    transport: float64\n', 'transport'),
        (f'{HEAD}    loss.stale_s: 1\n    loss: {{stale_s: 2}}\n', 'loss.stale_s: stands twice'),
        (f'{HEAD}    1: 2\n', '1'),
        (f'{HEAD}    placement: 3\n', 'placement'),
        (f'{HEAD}    points: [1.0]\n', 'points'),
        ('/**:\n  ros__parameters: 3\n', 'ros__parameters=3'),
        ('/**: {parameters: {}}\n', 'ros__parameters'),
        ('/edge: {ros__parameters: {}}\n/worker: {ros__parameters: {}}\n', 'one entry'),
        ('[]', 'one entry'),
        ('a: &a [*a]', 'anchors'),
        ('', 'empty'),
    ],
)
def test_what_breaks_a_rule_is_named(tmp_path, text, told):
    """The error names the file, and the value or the rule."""
    with pytest.raises(ConfigError, match=r'edge\.yaml') as error:
        read(tmp_path, text)
    assert told in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    """So that a wrong path does not give an audit of the defaults."""
    with pytest.raises(ConfigError, match='not there'):
        read_parameters(tmp_path / 'none.yaml', EdgeConfig)
