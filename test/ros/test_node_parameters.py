"""Settings as parameters of a node."""

from contextlib import ExitStack, closing
from typing import Any

import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.worker_config import WorkerConfig
from pedsam_ros.ros import params
from pedsam_ros.trial.client import Client

pytestmark = pytest.mark.ros


@pytest.fixture
def other(domain_id):
    """A node on the other side of the link."""
    with closing(Client(domain_id, 'other_side')) as client:
        yield client


@pytest.fixture
def node_with(other):
    """Makes a node to which parameters are given at its start: name -> value."""
    with ExitStack() as opened:

        def make(given: dict[str, Any]) -> Node:
            overrides = [Parameter(name, value=value) for name, value in given.items()]
            node = Node('given', context=other.node.context, parameter_overrides=overrides)
            opened.callback(node.destroy_node)
            return node

        yield make


def test_every_setting_is_a_parameter_with_a_description(node_with):
    """Type, default, range and unit come from the config class. Defaults are read back."""
    node = node_with({})
    params.declare(node, EdgeConfig)
    assert params.read(node, EdgeConfig) == EdgeConfig()
    described = node.describe_parameter('deadline_s')
    assert described.description.endswith(', s')
    assert described.floating_point_range[0].to_value == 600.0
    assert node.describe_parameter('automatic.points_per_side').integer_range[0].from_value == 1
    assert 'float16' in node.describe_parameter('transport').additional_constraints
    assert node.describe_parameter('autostart').read_only


def test_given_parameters_are_read(node_with):
    """Also nested parameters and lists."""
    given = {'deadline_s': 0.25, 'points': [1.0, 2.0], 'automatic.points_per_side': 4}
    node = node_with(given)
    params.declare(node, EdgeConfig)
    config = params.read(node, EdgeConfig)
    assert (config.deadline_s, config.points) == (0.25, (1.0, 2.0))
    assert config.automatic.points_per_side == 4


def test_a_rule_broken_by_parameters_is_named(node_with):
    """The config class names it, as anywhere else."""
    node = node_with({'name': 'Not A Name'})
    params.declare(node, WorkerConfig)
    with pytest.raises(ConfigError, match="name='Not A Name'"):
        params.read(node, WorkerConfig)


@pytest.mark.parametrize(
    ('name', 'value'), [('deadline_s', '2'), ('points', ['left']), ('max_in_flight', 99)]
)
def test_a_parameter_of_wrong_type_or_range_is_named(node_with, name, value):
    """The parameter has its default until it is set again."""
    node = node_with({name: value})
    wrong = params.declare(node, EdgeConfig)
    assert list(wrong) == [name]
    assert name in wrong[name]
    assert params.read(node, EdgeConfig) == EdgeConfig()


def test_changes_are_judged_by_the_rules():
    """While unconfigured, any parameter may change. Later only live ones may, to values that keep
    the rules. Parameters of ROS itself are not judged."""
    current = EdgeConfig()

    def judged(*changes, now=current):
        return params.check_change(EdgeConfig, now, [Parameter(n, value=v) for n, v in changes])

    assert judged(('deadline_s', 1.0), now=None).successful
    assert 'only while unconfigured' in judged(('deadline_s', 1.0)).reason
    assert 'only while unconfigured' in judged(('automatic.points_per_side', 4)).reason
    assert judged(('points', [1.0, 2.0]), ('use_sim_time', True)).successful
    assert '3 numbers of points' in judged(('points', [1.0, 2.0, 3.0])).reason
    assert params.live_changes(EdgeConfig, [Parameter('use_sim_time', value=True)]) == []
