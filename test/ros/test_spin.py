"""A node's process and its end."""

import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.ros
WAIT_S = 300.0  # only catches hangs
PROGRAM = """
import sys, threading
from rclpy.node import Node
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.nodes import spin
spin._END_S = 1.0

class Fine(Node):
    def __init__(self):
        super().__init__('fine')
        self.create_timer(0.01, self.tick)
    def tick(self):
        print('ready', flush=True)
        raise ValueError('a defect in a callback')

class Hangs(Fine):
    def destroy_node(self):
        threading.Event().wait()

def refuses():
    raise ConfigError('opacity=7: from 0.0 to 1.0')

sys.exit(spin.run({'fine': Fine, 'hangs': Hangs, 'refuses': refuses}[sys.argv[1]]))
"""


@pytest.fixture
def start(domain_id):
    """Starts the program as one kind of node, and ends it if the test has not."""
    started = []

    def begin(kind):
        process = subprocess.Popen(
            [sys.executable, '-c', PROGRAM, kind],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, 'ROS_DOMAIN_ID': str(domain_id)},
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_node_survives_its_defects_and_ends_on_a_signal(start, number):
    """Its exit status is 0 and the defect stands in the log."""
    process = start('fine')
    assert process.stdout.readline() == 'ready\n'
    assert process.stdout.readline() == 'ready\n'
    process.send_signal(number)
    _, log = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
    assert 'a defect in a callback' in log


def test_an_end_that_hangs_is_cut_and_says_where(start):
    """The log holds the stack of every thread."""
    process = start('hangs')
    assert process.stdout.readline() == 'ready\n'
    process.send_signal(signal.SIGINT)
    _, log = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert 'destroy_node' in log


def test_a_node_that_cannot_be_made_says_why(start):
    """Its exit status is 2 and there is no traceback."""
    _, log = start('refuses').communicate(timeout=WAIT_S)
    assert 'opacity=7' in log
    assert 'Traceback' not in log


def test_the_overlay_node_loads_no_torch():
    """It runs where torch is missing, and a viewer should start at once."""
    program = 'import sys, pedsam_ros.nodes.overlay_node; sys.exit("torch" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', program]).returncode == 0
