"""The arguments of the launch files, and the nodes that follow them. Needs the real `launch`."""

import re
import runpy
from pathlib import Path

import pytest

from pedsam_ros.bags.replay_config import ReplayConfig
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.settings import settings_of
from pedsam_ros.core.worker_config import WorkerConfig

pytestmark = pytest.mark.ros

LAUNCH = Path(__file__).resolve().parents[2] / 'launch'
FILES = sorted(path.name for path in LAUNCH.glob('*.launch.py'))
OPTIONS = [('replay.launch.py', ReplayConfig), ('demo.launch.py', ReplayConfig)]
NODES = [('edge.launch.py', EdgeConfig), ('worker.launch.py', WorkerConfig)]
BOOLEANS = {'true', 'false', 'True', 'False'}
OF_PROCESSES = 'log_level respawn respawn_delay_s'
MUST_HAVE = {
    'demo.launch.py': 'image camera bag workers_file checkpoint device precision autostart rviz '
    f'points boxes node_name namespace use_sim_time {OF_PROCESSES}',
    'edge.launch.py': 'image camera_info masks overlay_topic image_transport workers_file '
    'checkpoint device precision transport every_frame autostart points boxes params_file overlay '
    f'rviz node_name namespace use_sim_time {OF_PROCESSES}',
    'replay.launch.py': 'bag topics rate clock_hz loop log_level',
    'worker.launch.py': 'name domain_id checkpoint device precision threads autostart params_file '
    + OF_PROCESSES,
}


@pytest.fixture(scope='module', autouse=True)
def _launch_is_here() -> None:
    """`launch` alone would be our own folder, where tests run from the root of the repository."""
    pytest.importorskip(
        'launch_ros.actions', reason='launch_ros is not installed (it is not on the package index)'
    )


def arguments_of(name: str) -> dict:
    """Name -> declaration, those of included files too."""
    from launch.launch_description_sources import get_launch_description_from_python_launch_file

    description = get_launch_description_from_python_launch_file(str(LAUNCH / name))
    return {each.name: each for each in description.get_launch_arguments()}


@pytest.mark.parametrize('name', FILES)
def test_every_argument_is_described_and_has_a_default(name):
    """Except for the bag of a replay, which nobody can guess."""
    arguments = arguments_of(name)
    assert set(MUST_HAVE[name].split()) <= set(arguments)
    for each in arguments.values():
        assert each.description not in ('', 'no description given'), each.name
    assert [each.name for each in arguments.values() if each.default_value is None] == (
        ['bag'] if name == 'replay.launch.py' else []
    )


def settings_set_by(name: str) -> dict:
    """Setting -> default of its argument, as a launch file has them."""
    names = runpy.run_path(str(LAUNCH / name))
    return names['PARAMETERS'] if 'PARAMETERS' in names else names['OPTIONS']


def given_by(config: type, **told: str) -> dict:
    """The parameters that arguments with these values set."""
    from launch import LaunchContext

    from pedsam_ros.ros.launch_arguments import given

    context = LaunchContext()
    context.launch_configurations.update(told)
    return {name: made.evaluate(context) for name, made in given(context, config, told).items()}


@pytest.mark.parametrize(('name', 'config'), NODES)
def test_arguments_become_parameters_of_that_type(name, config):
    """The node declares every parameter that a launch file sets, with the same type."""
    assert set(settings_set_by(name)) <= set(arguments_of(name))
    settings = {each.name: each for each in settings_of(config)}
    wanted = {
        parameter: list(settings[parameter].rule.example) or settings[parameter].default
        for parameter in settings_set_by(name)
    }
    made = given_by(config, **{key: str(value) or 'some' for key, value in wanted.items()})
    assert list(made) == list(wanted)
    assert [type(value) for value in made.values()] == [type(value) for value in wanted.values()]


def test_whole_numbers_become_the_floats_that_the_node_declares():
    """Who types `points:='[320, 240]'` means it."""
    made = given_by(EdgeConfig, points='[320, 240]')
    assert made == {'points': [320.0, 240.0]}
    assert {type(number) for number in made['points']} == {float}


@pytest.mark.parametrize(
    'text', ['320', '[320, a]', '[320, [240]]', '{1: 2}', '[', 'null', '"12"']
)
def test_a_list_that_is_none_is_refused(text):
    """With the value, and what is expected."""
    with pytest.raises(ConfigError, match=r'^points=.*expected a list like .\[320\.0, 240\.0\]'):
        given_by(EdgeConfig, points=text)


@pytest.mark.parametrize(('name', 'config'), NODES)
def test_an_empty_argument_leaves_the_parameter_to_the_params_file(name, config):
    """Also where only some values are allowed."""
    empty = [parameter for parameter, default in settings_set_by(name).items() if not default]
    assert given_by(config, **dict.fromkeys(empty, '')) == {}
    for parameter in empty:
        choices = arguments_of(name)[parameter].choices
        assert choices is None or '' in choices


@pytest.mark.parametrize(('name', 'config'), [*NODES, *OPTIONS])
def test_arguments_say_what_the_settings_say(name, config):
    """Text, unit, bounds and choices."""
    settings = {each.name: each for each in settings_of(config)}
    for parameter in settings_set_by(name):
        argument, each = arguments_of(name)[parameter], settings[parameter]
        assert argument.description.startswith(each.text)
        assert each.rule.low is None or each.allowed in argument.description
        assert set(map(str, each.rule.choices)) == set(argument.choices or ()) - {'', *BOOLEANS}


@pytest.mark.parametrize(('name', 'config'), NODES)
def test_the_params_file_names_the_parameters_that_its_launch_file_sets(name, config):
    """A user of the file would wonder otherwise."""
    text = (LAUNCH.parent / 'config' / name.replace('.launch.py', '.yaml')).read_text()
    (line,) = (line for line in text.splitlines() if f'{name} sets ' in line)
    named = re.findall(
        r'\w+', line.split(' sets ')[1].split(', whatever')[0].replace(' and ', ' ')
    )
    assert named == [parameter for parameter, default in settings_set_by(name).items() if default]


@pytest.mark.parametrize(('name', 'config'), OPTIONS)
def test_a_bag_is_played_as_pedsam_replay_would(name, config):
    """Unless an argument says otherwise. Only the demo plays its bag again and again."""
    told = {
        each: argument.default_value[0].text
        for each, argument in arguments_of(name).items()
        if each in ('rate', 'loop')
    }
    usual = {'rate': str(config().rate), 'loop': str(config().loop).lower()}
    assert told == usual | ({'loop': 'true'} if name == 'demo.launch.py' else {})


def words_of(node) -> list[str]:
    """The command of a node, with an empty word where launch puts its name."""
    return [''.join(getattr(part, 'text', '') for part in word) for word in node.cmd]


@pytest.mark.parametrize(
    ('topics', 'words'),
    [('', []), ('/a, /b', ['--topics', '/a', '/b']), ('/a', ['--topics', '/a'])],
)
def test_a_replay_plays_the_chosen_topics(topics, words):
    """All of them if none is named."""
    from launch import LaunchContext

    told = {'bag': 'b', 'rate': '2.0', 'clock_hz': '50.0', 'loop': 'true', 'log_level': 'info'}
    context = LaunchContext()
    context.launch_configurations.update(told, topics=topics)
    (node,) = runpy.run_path(str(LAUNCH / 'replay.launch.py'))['_player'](context)
    command = words_of(node)
    ours = command[1 : command.index('--ros-args')]
    assert ours == ['replay', 'b', '--rate', '2.0', '--clock', '50.0', '--loop', *words]


def made_node(follows: tuple[str, ...], **told: str):
    """A node that follows arguments with these values."""
    from launch import LaunchContext

    from pedsam_ros.ros.launch_arguments import node, node_arguments

    context = LaunchContext()
    for argument in node_arguments():
        argument.visit(context)
    context.launch_configurations.update(told)
    return node(context, 'edge_node', 'edge', follows)


@pytest.mark.parametrize(
    ('told', 'logger'),
    [
        ({}, 'edge'),
        ({'namespace': 'robot1'}, 'robot1.edge'),
        ({'namespace': '/a/b/'}, 'a.b.edge'),
        ({'ros_namespace': '/fleet', 'namespace': 'robot1'}, 'fleet.robot1.edge'),
        ({'ros_namespace': '/fleet'}, 'fleet.edge'),
    ],
)
def test_the_log_level_is_for_the_logger_of_the_node(told, logger):
    """Wherever it is: rcl's own loggers would fill the log at debug."""
    from pedsam_ros.ros.launch_arguments import OF_NODES

    node = made_node(OF_NODES, log_level='debug', **told)
    words = words_of(node)
    assert words[words.index('--log-level') + 1] == f'{logger}:=debug'


@pytest.mark.parametrize('text', ['soon', '-1', 'nan', 'inf', ''])
def test_a_delay_that_is_no_time_is_refused(text):
    """Before anything starts."""
    from pedsam_ros.ros.launch_arguments import OF_NODES

    with pytest.raises(ConfigError, match=r'^respawn_delay_s='):
        made_node(OF_NODES, respawn_delay_s=text)
