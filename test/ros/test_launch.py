"""The launch files under the real `ros2 launch`, where it is installed."""

import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from rcl_interfaces.srv import GetParameters
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image

from fakes import frame
from pedsam_ros.msg import Masks
from pedsam_ros.trial.processes import workers_in
from rig import Client, image_msg

pytestmark = pytest.mark.ros

END_S = 40.0


@pytest.fixture
def ros2_launch(tmp_path, domain_ids):
    """Starts `ros2 launch pedsam_ros ...` as a session of its own; leaves nothing behind."""
    if shutil.which('ros2') is None:
        pytest.skip('the command ros2 is not installed (it is not on the package index)')
    started = []

    def start(*words: str) -> subprocess.Popen:
        folders = dict.fromkeys(('ROS_HOME', 'ROS_LOG_DIR'), str(tmp_path))
        env = {**os.environ, 'ROS_DOMAIN_ID': str(domain_ids[0]), **folders}
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


def running(launched: subprocess.Popen, program: str) -> list[int]:
    """The processes of a launch that run one of our programs."""
    return [pid for pid in alive(launched.pid) if f'/{program}\0' in command_line(pid)]


def command_line(pid: int) -> str:
    """Words that each end in a zero; none if the process has ended."""
    try:
        return Path(f'/proc/{pid}/cmdline').read_text()
    except OSError:
        return ''


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


def show_until(client: Client, condition: Callable[[], Any]) -> Any:
    """What a simulator does until the condition holds: publishes its clock and a camera's images.
    Returns the condition's value."""
    clock = client.node.create_publisher(Clock, '/clock', 10)
    camera = client.node.create_publisher(Image, '/cam/image', 10)
    shown = itertools.count(1)

    def once_more() -> Any:
        image = image_msg(frame(480, 640).rgb, next(shown) * 10**8)
        clock.publish(Clock(clock=image.header.stamp))
        camera.publish(image)
        return condition()

    return client.until(once_more)


@pytest.mark.timeout(1800)
def test_names_topics_and_clock_are_the_users(ros2_launch, client, workers_file):
    """A robot's namespace, a camera of its own, a simulator's clock, and topics as it likes."""
    told = {
        'camera': 'none',
        'image': '/cam/image',
        'namespace': 'robot1',
        'node_name': 'eye',
        'masks': 'found',
        'overlay_topic': '/pictures',
        'use_sim_time': 'true',
    }
    words = [f'{name}:={value}' for name, value in told.items()]
    launched = ros2_launch('demo.launch.py', f'workers_file:={workers_file}', *words)
    masks, pictures, labels = (
        client.collect(*of)
        for of in (
            (Masks, '/robot1/found'),
            (Image, '/pictures'),
            (Image, '/robot1/eye/label_image'),
        )
    )
    show_until(client, lambda: masks and pictures and labels)
    assert len(masks[-1].masks) == 7  # six points and a box
    asked = client.node.create_client(GetParameters, '/robot1/eye/get_parameters')
    client.until(asked.service_is_ready)
    answer = client.ask(asked, GetParameters.Request(names=['use_sim_time']))
    assert answer.values[0].bool_value
    launched.send_signal(signal.SIGINT)
    assert launched.wait(END_S) == 0


@pytest.mark.timeout(1800)
def test_a_killed_node_is_started_again(ros2_launch, client, workers_file):
    """With `respawn`, until Ctrl-C: then nothing comes back."""
    words = ('respawn:=true', 'respawn_delay_s:=0.1')
    launched = ros2_launch('demo.launch.py', f'workers_file:={workers_file}', *words)
    pictures = client.collect(Image, '/overlay')
    client.until(lambda: pictures)
    (overlay,) = running(launched, 'overlay_node')
    os.kill(overlay, signal.SIGKILL)
    client.until(lambda: {overlay, *running(launched, 'overlay_node')} > {overlay})
    pictures.clear()
    client.until(lambda: pictures)
    launched.send_signal(signal.SIGINT)
    assert launched.wait(END_S) == 0
    assert alive(launched.pid) == []


def test_a_wrong_image_topic_starts_nothing(ros2_launch, tmp_path):
    """The /compressed is the transport's: `ros2 topic list` shows it, and people copy it."""
    launched = ros2_launch('demo.launch.py', 'image:=/cam/image/compressed')
    assert launched.wait(END_S) == 1
    assert alive(launched.pid) == []
    assert 'image_transport:=compressed' in (tmp_path / 'launch.txt').read_text()


def test_wrong_workers_file_starts_nothing(ros2_launch, tmp_path):
    """The rule is named, and no process is left without its launch."""
    wrong = tmp_path / 'one.yaml'
    wrong.write_text('workers: [{name: alice, domain_id: 50}]')
    launched = ros2_launch('demo.launch.py', f'workers_file:={wrong}')
    assert launched.wait(END_S) == 1
    assert alive(launched.pid) == []
    assert 'one alone would see the whole scene' in (tmp_path / 'launch.txt').read_text()
