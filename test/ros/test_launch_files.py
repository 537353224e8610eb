"""The launch files under the real `ros2 launch`, where it is installed."""

import os
import re
import runpy
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import yaml
from sensor_msgs.msg import Image

from pedsam_ros.bags.replay_config import ReplayConfig
from pedsam_ros.core.config import EdgeConfig, WorkerConfig
from pedsam_ros.core.settings import settings_of
from pedsam_ros.trial.processes import workers_in
from rig import Client

pytestmark = pytest.mark.ros

LAUNCH = Path(__file__).resolve().parents[2] / 'launch'
FILES = sorted(path.name for path in LAUNCH.glob('*.launch.py'))
OPTIONS = [('replay.launch.py', ReplayConfig), ('demo.launch.py', ReplayConfig)]
NODES = [('edge.launch.py', EdgeConfig), ('worker.launch.py', WorkerConfig)]
BOOLEANS = {'true', 'false', 'True', 'False'}
END_S = 40.0
MUST_HAVE = {
    'demo.launch.py': 'image workers_file checkpoint device precision autostart rviz bag',
    'edge.launch.py': 'image image_transport workers_file checkpoint device precision transport '
    'every_frame autostart params_file overlay rviz',
    'replay.launch.py': 'bag topics rate loop',
    'worker.launch.py': 'name domain_id checkpoint device precision threads autostart params_file',
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


@pytest.mark.parametrize(('name', 'config'), NODES)
def test_arguments_become_parameters_of_that_type(name, config):
    """The node declares every parameter that a launch file sets, with the same type."""
    from launch import LaunchContext

    from pedsam_ros.ros.launch_arguments import given

    assert set(settings_set_by(name)) <= set(arguments_of(name))
    defaults = {parameter: getattr(config(), parameter) for parameter in settings_set_by(name)}
    context = LaunchContext()
    for parameter, default in defaults.items():
        context.launch_configurations[parameter] = str(default) or 'some'
    made = given(context, config, defaults)
    assert list(made) == list(defaults)
    for parameter, default in defaults.items():
        assert type(made[parameter].evaluate(context)) is type(default)


@pytest.mark.parametrize(('name', 'config'), NODES)
def test_an_empty_argument_leaves_the_parameter_to_the_params_file(name, config):
    """Also where only some values are allowed."""
    from launch import LaunchContext

    from pedsam_ros.ros.launch_arguments import given

    empty = [parameter for parameter, default in settings_set_by(name).items() if not default]
    context = LaunchContext()
    context.launch_configurations.update(dict.fromkeys(empty, ''))
    assert given(context, config, empty) == {}
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


@pytest.mark.parametrize(
    ('topics', 'words'),
    [('', []), ('/a, /b', ['--topics', '/a', '/b']), ('/a', ['--topics', '/a'])],
)
def test_a_replay_plays_the_chosen_topics(topics, words):
    """All of them if none is named."""
    from launch import LaunchContext

    context = LaunchContext()
    context.launch_configurations.update(bag='b', topics=topics, loop='false', rate='1.0')
    (node,) = runpy.run_path(str(LAUNCH / 'replay.launch.py'))['_player'](context)
    command = [''.join(part.perform(context) for part in word) for word in node.cmd]
    ours = command[1 : command.index('--ros-args')]
    assert ours == ['replay', 'b', '--rate', '1.0', *words]


@pytest.fixture
def ros2_launch(tmp_path, domain_ids):
    """Starts `ros2 launch pedsam_ros ...` as a session of its own; leaves nothing behind."""
    if shutil.which('ros2') is None:
        pytest.skip('the command ros2 is not installed (it is not on the package index)')
    started = []

    def start(*words: str) -> subprocess.Popen:
        env = {**os.environ, 'ROS_DOMAIN_ID': str(domain_ids[0]), 'ROS_LOG_DIR': str(tmp_path)}
        command = ['env', '--default-signal=INT', 'ros2', 'launch', 'pedsam_ros', *words]
        with (tmp_path / 'launch.txt').open('wb') as log:
            started.append(
                subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
            )
        return started[-1]

    yield start
    for process in started:
        for pid in alive(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.wait()


def alive(session: int) -> list[int]:
    """The processes of a session that have not ended."""
    found = []
    for stat in Path('/proc').glob('[0-9]*/stat'):
        try:
            state, _, _, of_session = stat.read_text().rpartition(')')[2].split()[:4]
        except OSError:  # ended meanwhile
            continue
        if int(of_session) == session and state != 'Z':
            found.append(int(stat.parent.name))
    return found


@pytest.fixture
def client(domain_ids):
    """A node in the robot's domain."""
    client = Client(domain_ids[0])
    yield client
    client.close()


@pytest.fixture
def workers_file(tmp_path, domain_ids) -> Path:
    """alice, bob and carol, each in a fresh domain."""
    workers = [{'name': w.name, 'domain_id': w.domain_id} for w in workers_in(domain_ids)]
    path = tmp_path / 'workers.yaml'
    path.write_text(yaml.safe_dump({'workers': workers}))
    return path


@pytest.mark.timeout(1800)  # five processes that load torch, and every wait below at its longest
def test_demo_makes_masks_and_ends_with_ctrl_c(ros2_launch, client, workers_file, tmp_path):
    """Camera, edge, three workers and overlay: masks and pictures come; then nothing is left."""
    launched = ros2_launch('demo.launch.py', f'workers_file:={workers_file}')
    overlays = client.listen(Image, '/overlay')
    masks = client.until(lambda: client.masks)[-1]
    assert (masks.header.frame_id, masks.height, masks.width) == ('camera', 480, 640)
    assert client.until(lambda: overlays)[-1].encoding == 'rgb8'
    launched.send_signal(signal.SIGINT)
    assert launched.wait(END_S) == 0
    assert alive(launched.pid) == []
    said = (tmp_path / 'launch.txt').read_text()
    assert said.count('process has finished cleanly') == 6, said


def test_wrong_workers_file_starts_nothing(ros2_launch, tmp_path):
    """The rule is named, and no process is left without its launch."""
    wrong = tmp_path / 'one.yaml'
    wrong.write_text('workers: [{name: alice, domain_id: 50}]')
    launched = ros2_launch('demo.launch.py', f'workers_file:={wrong}')
    assert launched.wait(END_S) == 1
    assert alive(launched.pid) == []
    assert 'one alone would see the whole scene' in (tmp_path / 'launch.txt').read_text()
