"""ROS parameters as users give them: in files, at launch, by `ros2 param`."""

from contextlib import contextmanager
from pathlib import Path

import pytest
import rclpy
import yaml
from rcl_interfaces.srv import GetParameters, ListParameters, SetParameters
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter, parameter_value_to_python

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.overlay_config import OverlayConfig
from pedsam_ros.core.worker_config import WorkerConfig
from pedsam_ros.core.workers_file import read_workers
from pedsam_ros.nodes.edge_node import EdgeNode
from pedsam_ros.nodes.overlay_node import OverlayNode
from pedsam_ros.nodes.worker_node import WorkerNode
from pedsam_ros.ros import params, ros_arguments

pytestmark = pytest.mark.ros
NODES = {
    EdgeNode: EdgeConfig,
    WorkerNode: WorkerConfig,
    OverlayNode: OverlayConfig,
}
LATER = hasattr(Node, 'add_pre_set_parameters_callback')  # not so on Humble
DOUBLES = pytest.mark.skipif(not LATER, reason='this ROS cannot take numbers for doubles here')


def params_file(folder: Path, line: str) -> list[str]:
    """The words that have a node read a file with this line of parameters."""
    file = folder / 'params.yaml'
    file.write_text(f'/**:\n  ros__parameters:\n    {line}\n')
    return ['--ros-args', '--params-file', str(file)]


@contextmanager
def running(kind, domain_id, words=()):
    """A node, and a function that calls one of its services."""
    rclpy.init(args=list(words), domain_id=domain_id)
    node, caller = kind(), Node('caller', use_global_arguments=False)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    executor.add_node(caller)

    def ask(service, name, **fields):
        client = caller.create_client(service, f'{node.get_fully_qualified_name()}/{name}')
        while not client.service_is_ready():
            executor.spin_once(timeout_sec=0.1)
        call = client.call_async(service.Request(**fields))
        executor.spin_until_future_complete(call)
        return call.result()

    try:
        yield node, ask
    finally:
        executor.shutdown()
        caller.destroy_node()
        node.destroy_node()
        rclpy.shutdown()


@contextmanager
def declared(domain_id, words, config=EdgeConfig):
    """A plain node with the parameters of a config, and what was wrong with those given."""
    context = Context()
    context.init(args=list(words), domain_id=domain_id)
    node = Node('edge', context=context, start_parameter_services=False)
    try:
        yield node, params.declare(node, config)
    finally:
        node.destroy_node()
        context.try_shutdown()


def nested(values):
    """Parameters as a file holds them: `a.b: 1` is b in a."""
    tree = {}
    for name, value in values.items():
        *groups, last = name.split('.')
        inside = tree
        for group in groups:
            inside = inside.setdefault(group, {})
        inside[last] = list(value) if hasattr(value, '__iter__') and value != str(value) else value
    return tree


@pytest.mark.parametrize('kind', NODES)
def test_all_parameters_can_be_dumped_and_read_again(kind, domain_id, tmp_path):
    """`ros2 param dump` asks for all in one request, which ROS answers with nothing if one of
    them has no value. The file that it writes gives a node the same settings."""
    config = NODES[kind]
    with running(kind, domain_id) as (node, ask):
        names = ask(ListParameters, 'list_parameters').result.names
        values = ask(GetParameters, 'get_parameters', names=names).values
        before = params.read(node, config)
    dumped = {n: parameter_value_to_python(v) for n, v in zip(names, values, strict=True)}
    assert [name for name, value in dumped.items() if value is None] == []
    assert len(dumped) >= len(config.__dataclass_fields__)
    file = tmp_path / 'dumped.yaml'
    file.write_text(yaml.safe_dump({'/**': {'ros__parameters': nested(dumped)}}))
    with running(kind, domain_id, ['--ros-args', '--params-file', str(file)]) as (node, _):
        assert params.read(node, config) == before == config()


GIVEN = {  # as in a file -> (setting, its value)
    'points: [320, 240]': ('points', (320.0, 240.0)),
    'points: [320.5, 240.0]': ('points', (320.5, 240.0)),
    'points: []': ('points', ()),
    'deadline_s: 2': ('deadline_s', 2.0),
    'loss: {audit_rate: 1}': ('loss.audit_rate', 1.0),
    'loss: {on_server_loss: []}': ('loss.on_server_loss', ()),
    'placement: {local_windows: [3, 4]}': ('placement.local_windows', (3, 4)),
}


@pytest.mark.parametrize('text', GIVEN)
def test_numbers_and_empty_lists_are_taken(text, domain_id, tmp_path):
    """A whole number stands for a double, and every list may be empty."""
    name, value = GIVEN[text]
    with declared(domain_id, params_file(tmp_path, text)) as (node, wrong):
        assert wrong == {}
        config = params.read(node, EdgeConfig)
    for part in name.split('.'):
        config = getattr(config, part)
    assert config == value
    numbers = config if isinstance(config, tuple) else (config,)
    assert {type(number) for number in numbers} <= {type(each) for each in (value, *numbers)}


WRONG = {  # as in a file -> what is said about it
    "points: ''": "points='': a list of numbers, such as [320.0, 240.0]",
    'points: 3.0': 'points=3.0: a list of numbers, such as [320.0, 240.0]',
    'points: [left]': "points=['left']: a list of numbers",
    'deadline_s: []': 'deadline_s=[]: a number',
    "deadline_s: '2'": "deadline_s='2': a number",
    'deadline_s: .nan': 'deadline_s=nan: from 0.01 to 600.0',
    'deadline_s: 700': 'deadline_s=700.0: from 0.01 to 600.0',
    'max_in_flight: 2.0': 'max_in_flight=2.0: a whole number',
    'max_in_flight: true': 'max_in_flight=True: a whole number',
    "autostart: 'true'": "autostart='true': true or false, without quotes",
    'autostart: 1': 'autostart=1: true or false, without quotes',
    'checkpoint: 3': 'checkpoint=3: a text',
    'loss: {on_server_loss: spare}': "loss.on_server_loss='spare': a list of texts",
    'placement: {local_windows: [0.5]}': 'placement.local_windows=[0.5]: a list of whole numbers',
}


@pytest.mark.parametrize('text', WRONG)
def test_a_value_of_another_type_is_refused_with_a_hint(text, domain_id, tmp_path):
    """It names the parameter and what to write; the parameter keeps its default."""
    with declared(domain_id, params_file(tmp_path, text)) as (node, wrong):
        (said,) = wrong.values()
        assert said.startswith(WRONG[text])
        assert params.read(node, EdgeConfig) == EdgeConfig()


@DOUBLES
def test_what_param_set_sends_is_taken_too(domain_id):
    """It takes [] for a list of booleans, and 3 for an integer. Other types are refused."""
    sent = {
        'points': [Parameter('points', value=[3, 4]), Parameter('points', value=[True])],
        'boxes': [Parameter('boxes', Parameter.Type.BOOL_ARRAY, [])],
        'deadline_s': [Parameter('deadline_s', value=3), Parameter('deadline_s', value='3')],
    }
    with running(EdgeNode, domain_id) as (node, ask):
        for name, (taken, *refused) in sent.items():
            for parameter in (taken, *refused):
                asked = [parameter.to_parameter_msg()]
                (result,) = ask(SetParameters, 'set_parameters', parameters=asked).results
                assert result.successful == (parameter is taken), (name, result.reason)
                assert result.successful or 'Wrong parameter type' in result.reason
        config = params.read(node, EdgeConfig)
    assert (config.points, config.boxes, config.deadline_s) == ((3.0, 4.0), (), 3.0)


@pytest.mark.parametrize(
    ('content', 'hint'),
    [
        (
            'points: [320, 240.5]',
            'points=[320, 240.5]: a list holds one type; write [320.0, 240.5',
        ),
        ('loss: {on_server_loss: [spare, 1]}', "loss.on_server_loss=['spare', 1]: a list holds"),
        ('points:', 'points: has no value; leave it out, or write []'),
    ],
)
def test_a_file_that_ros_cannot_read_is_explained(content, hint, tmp_path):
    """ROS itself names only a line."""
    words = params_file(tmp_path, content)
    with pytest.raises(RuntimeError) as error:
        Context().init(args=words)
    assert hint in ros_arguments.explain(error.value, words)


def test_other_errors_are_left_as_they_are(tmp_path):
    """Nothing is added where no parameter is at fault."""
    words = ['--params-file', str(tmp_path / 'none.yaml'), '-p', 'deadline_s:=2', '-p']
    assert ros_arguments.explain(RuntimeError('said'), words) == 'said'


UNUSABLE = {  # what is given as workers_file -> what is said
    '': "workers_file='': name the file that lists the workers",
    '{}/none.yaml': 'is not there',
    'none\0.yaml': "workers_file='",
    '{}': 'is no file',
    '{}/empty.yaml': 'is empty',
    '{}/large.yaml': 'is larger than',
    '{}/text.yaml': 'one key',
    '{}/broken.yaml': "workers_file='",
    '{}/laughs.yaml': 'anchors and aliases are not read',
    '{}/bytes.yaml': "workers_file='",
    '~nobody-of-this-name/workers.yaml': "workers_file='~nobody",
}


@pytest.mark.parametrize('name', UNUSABLE)
def test_an_unusable_workers_file_is_named(name, tmp_path):
    """Not set, not there, a folder, empty, too large, no YAML, or other YAML."""
    for file, content in (('empty', b' \n'), ('text', b'text'), ('bytes', b'\xff\xfe\xff')):
        (tmp_path / f'{file}.yaml').write_bytes(content)
    (tmp_path / 'broken.yaml').write_text('workers: [')
    (tmp_path / 'laughs.yaml').write_text('workers: [&a [x], *a]')
    (tmp_path / 'large.yaml').write_text('#' * 1_000_001)
    with pytest.raises(ConfigError, match=r'workers.file') as error:
        read_workers(name.format(tmp_path), own_domain=0)
    assert UNUSABLE[name] in str(error.value)
