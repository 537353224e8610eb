"""The command line as a user calls it, in a process of its own."""

import json
import os
import signal
import subprocess
import sys
from contextlib import closing

import cv2
import numpy as np
import pytest
from rclpy.serialization import serialize_message
from rosbags.rosbag2 import Reader
from sensor_msgs.msg import CompressedImage

from child_processes import children_of, gone
from domains import domains
from fakes import frame
from pedsam_ros.bags.rosbag import BagWriter, read_bag
from pedsam_ros.core.model import checkpoint
from pedsam_ros.nodes import process
from pedsam_ros.trial.client import Client
from pedsam_ros.trial.processes import NAMES, SPARE
from pedsam_ros.trial.system import EDGE
from rig import WAIT_S

pytestmark = pytest.mark.ros


def pedsam(*arguments, timeout=2 * WAIT_S):
    """Runs a command to its end."""
    command = [sys.executable, '-m', 'pedsam_ros.tools.cli', *map(str, arguments)]
    env = {**os.environ, 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=env)


@pytest.fixture
def images(tmp_path):
    """A folder of images of different sizes."""
    folder = tmp_path / 'images'
    folder.mkdir()
    for i, size in enumerate([(96, 128), (128, 96), (77, 131)]):
        cv2.imwrite(str(folder / f'{i}.png'), frame(*size, seed=i).rgb)
    return folder


def as_of_a_depth_camera(bag, path):
    """The bag with a topic of depth images before its own, and with a damaged image."""
    _, png = cv2.imencode('.png', np.full((8, 8), 1500, np.uint16))
    depth = CompressedImage(format='16UC1; compressedDepth png', data=bytes(12) + png.tobytes())
    with BagWriter(path) as writer:
        kind = 'sensor_msgs/msg/CompressedImage'
        writer.write('/camera/depth/compressedDepth', kind, 1, serialize_message(depth))
        for record in read_bag(bag):
            writer.write(*record)
        writer.write(record.topic, kind, record.stamp_ns + 1, record.cdr[:-9])
    return path


@pytest.mark.parametrize('kind', ['images', 'compressed bag'])
def test_demo_of_ones_own_images_and_bags(kind, images, tmp_path, domain_ids):
    """Every image gives the masks of one process; overlays, a bag and figures are written."""
    source = ['--images', images]
    if kind == 'compressed bag':
        bag = tmp_path / 'bag'
        made = pedsam('make-bag', images, bag, '--compressed')
        assert made.returncode == 0, made.stderr
        source = ['--bag', as_of_a_depth_camera(bag, tmp_path / 'both')]
    ended = pedsam('demo', *source, '--out', tmp_path / 'out', '--domains', *domain_ids)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for said in ('/camera/depth/compressedDepth is passed over for', 'an image is left out'):
        assert (said in ended.stdout) == (kind != 'images')
    figures = json.loads((tmp_path / 'out' / 'demo.json').read_text())
    assert figures['frames_in'] == figures['frames_done'] == figures['masks_compared'] == 3
    assert figures['masks_equal_in_process'] is True
    assert len(set(figures['domains'])) == 4
    assert 0 < figures['largest_coverage'] <= figures['coverage_cap'] < 0.45
    assert all(np.isfinite(times['p50']) for times in figures['stages_s'].values())
    assert figures['bytes_up_per_frame'] > 0
    assert cv2.imread(str(tmp_path / 'out' / 'demo' / '0002.png')).shape == (77, 131, 3)
    assert (tmp_path / 'out' / 'demo' / 'contact_sheet.png').is_file()
    assert (tmp_path / 'out' / 'demo' / 'masks.mcap').is_file()
    with Reader(tmp_path / 'out' / 'demo') as reader:
        counts = {topic: info.msgcount for topic, info in reader.topics.items()}
    assert counts['/edge/masks'] == counts['/edge/label_image'] == counts['/edge/mask'] == 3


def test_split_writes_both_halves(tmp_path):
    """Both files have the same model_id, which is printed."""
    ended = pedsam('split', '--seed', 3, '--out', tmp_path)
    assert ended.returncode == 0, ended.stderr
    halves = [checkpoint.read(str(path)) for path in sorted(tmp_path.glob('*.safetensors'))]
    assert len(halves) == 2
    assert len({half.model_id for half in halves}) == 1
    assert halves[0].model_id in ended.stdout


@pytest.mark.parametrize(
    ('arguments', 'named'),
    [
        (['demo', '--images', '/nowhere'], '/nowhere'),
        (['demo', '--checkpoint', '/nowhere.pth'], '/nowhere.pth'),
        (['split', '/nowhere.pth'], 'no such file'),
        (['replay', '/nowhere'], '/nowhere'),
        (['evaluate', '--data', '/nowhere'], '/nowhere/index.json'),
    ],
)
def test_what_the_user_can_mend_is_named(arguments, named, tmp_path):
    """A wrong argument is named without a traceback, and the exit status is 2."""
    out = ['--out', tmp_path / 'out'] if arguments[0] in ('demo', 'split') else []
    ended = pedsam(*arguments, *out)
    assert ended.returncode == 2
    assert named in ended.stderr
    assert 'Traceback' not in ended.stderr


def test_a_bag_without_the_topic_is_named(images, tmp_path):
    """The error has the topic, and those that the bag has."""
    assert pedsam('make-bag', images, tmp_path / 'bag', '--topic', '/front').returncode == 0
    ended = pedsam(
        'demo', '--bag', tmp_path / 'bag', '--topic', '/rear', '--out', tmp_path / 'out'
    )
    assert ended.returncode == 2
    assert "topic='/rear'" in ended.stderr
    assert '/front' in ended.stderr


def test_a_terminated_demo_leaves_no_process_behind(images, tmp_path, domain_ids):
    """SIGTERM, as from `timeout` or a service manager, ends all four nodes of the demo too."""
    words = ['demo', '--images', images, '--out', tmp_path / 'out', '--domains', *domain_ids]
    command = [sys.executable, '-m', 'pedsam_ros.tools.cli', *map(str, words)]
    demo = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with closing(Client(domain_ids[0])) as client:
            client.until(lambda: demo.poll() is not None or EDGE in client.node.get_node_names())
        nodes = children_of(demo.pid)
        assert len(nodes) == 4
        demo.terminate()
        assert demo.wait(WAIT_S) == 130
        assert gone(nodes)
    finally:
        demo.terminate()
        demo.wait(WAIT_S)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('words', [('camera',), ('replay', '/nowhere'), ('record', '/x', '/y')])
def test_a_signal_is_the_end_of_a_command_that_goes_on_for_ever(words, number):
    """Its status is 0, even if it has not begun."""
    command = [sys.executable, '-m', 'pedsam_ros.tools.cli', *words]
    with process.held():
        started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    started.send_signal(number)
    said, _ = started.communicate(timeout=WAIT_S)
    assert (started.returncode, said) == (0, b'')


BAD_END = """
import atexit, os, sys
if 'worker_node' in ' '.join(sys.orig_argv):
    atexit.register(os._exit, 5)
"""


def test_a_demo_passes_on_the_bad_end_of_a_node(images, tmp_path, domain_ids, monkeypatch):
    """It says which nodes ended badly; the masks are all there."""
    (tmp_path / 'sitecustomize.py').write_text(BAD_END)
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join([str(tmp_path), os.environ['PYTHONPATH']]))
    ended = pedsam('demo', '--images', images, '--out', tmp_path / 'o', '--domains', *domain_ids)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert 'compared with one process: equal' in ended.stdout
    for name in NAMES:
        assert f'{name} ended with status 5' in ended.stdout
    assert 'edge ended' not in ended.stdout


def test_a_demo_whose_node_is_killed_says_so(images, tmp_path, domain_ids):
    """It ends at once, with a status other than 0."""
    words = ['demo', '--images', images, '--out', tmp_path / 'out', '--domains', *domain_ids]
    command = [sys.executable, '-m', 'pedsam_ros.tools.cli', *map(str, words)]
    demo = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        with closing(Client(domain_ids[0])) as client:
            client.until(lambda: demo.poll() is not None or EDGE in client.node.get_node_names())
        os.kill(children_of(demo.pid)[0], signal.SIGKILL)
        _, said = demo.communicate(timeout=WAIT_S)
        assert demo.returncode == 2
        assert 'alice ended with status -9' in said
    finally:
        demo.terminate()
        demo.communicate()


def test_a_camera_without_images_ends_and_says_why(tmp_path):
    """The error names the folder, or a file that is no image when its turn comes."""
    assert '/nowhere' in pedsam('camera', '--images', '/nowhere').stderr
    (tmp_path / '0.png').write_bytes(cv2.imencode('.png', frame().rgb)[1].tobytes())
    (tmp_path / '1.png').write_bytes(b'no image')
    ended = pedsam('camera', '--images', tmp_path)
    assert ended.returncode == 2
    assert '1.png' in ended.stdout + ended.stderr


@pytest.mark.timeout(1200)
def test_a_short_soak_breaks_nothing(tmp_path):
    """Every frame is accounted for, no mask is wrong, no cap exceeded; figures are written."""
    with domains(5) as taken:
        ended = pedsam(
            *('soak', '--frames', 40, '--every', 10, '--out', tmp_path, '--domains', *taken),
            timeout=4 * WAIT_S,
        )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    figures = json.loads((tmp_path / 'soak.json').read_text())
    endings = ('done', 'superseded', 'late', 'failed')
    assert figures['frames_in'] == sum(figures[ending] for ending in endings) >= 40
    assert (figures['wrong_masks'], figures['cap_violations']) == (0, 0)
    assert figures['unknown_windows'] == 0 < figures['windows_heard']
    assert figures['masks_compared'] == figures['masks_received'] > 0
    assert set(figures['rss_growth_percent']) == {EDGE, *NAMES, SPARE}
    ended = pedsam('exposure', tmp_path / 'soak' / 'exposure.json')
    assert ended.returncode == 0, ended.stderr
    assert 'alice (' in ended.stdout
    ended = pedsam('exposure', tmp_path / 'soak' / 'exposure.json.scene')
    assert ended.returncode == 0, ended.stderr
    assert 'alice: ' in ended.stdout
    assert (tmp_path / 'soak' / 'exposure.json.png').stat().st_size > 1000
