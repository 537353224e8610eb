"""The launch files under the real `ros2 launch`, where it is installed."""

import os
import runpy
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import yaml
from sensor_msgs.msg import Image

from pedsam_ros.core.config import EdgeConfig, WorkerConfig
from rig import Client, workers_in

pytestmark = pytest.mark.ros

LAUNCH = Path(__file__).resolve().parents[2] / 'launch'
FILES = sorted(path.name for path in LAUNCH.glob('*.launch.py'))
END_S = 40.0
MUST_HAVE = {
    'demo.launch.py': 'image workers_file checkpoint device precision autostart rviz bag',
    'edge.launch.py': 'image image_transport workers_file checkpoint device precision transport '
    'every_frame autostart params_file overlay rviz',
    'replay.launch.py': 'bag rate loop',
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


@pytest.mark.parametrize(
    ('name', 'config'), [('edge.launch.py', EdgeConfig()), ('worker.launch.py', WorkerConfig())]
)
def test_arguments_become_parameters_of_that_type(name, config):
    """Every one that a launch file sets is declared by the node, with the same type."""
    for parameter, kind in runpy.run_path(str(LAUNCH / name))['PARAMETERS'].items():
        assert type(getattr(config, parameter)) is kind
        assert parameter in arguments_of(name)


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


@pytest.mark.timeout(240)  # five processes that load torch, and every wait below at its longest
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
