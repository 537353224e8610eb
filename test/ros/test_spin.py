"""A node's process and its end."""

import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.ros
WAIT_S = 300.0  # only catches hangs
BOTH = pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
PROGRAM = """
from pedsam_ros.nodes import process
process.begin()
import atexit, os, sys, threading

def ready():
    os.write(1, b'ready\\n')  # a signal that comes within a print would spoil its buffer

def wait_for_ever():
    ready()
    threading.Event().wait()

kind = sys.argv[1]
atexit.register(print, 'called at exit')
if kind == 'imports':
    wait_for_ever()

from rclpy.node import Node
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.nodes import spin

class Fine(Node):
    def __init__(self):
        super().__init__('fine')
        self.create_timer(0.01, self.tick)
    def tick(self):
        ready()
        raise ValueError('a defect in a callback')

class Slow(Fine):
    def destroy_node(self):
        print('ending', flush=True)
        sys.stdin.readline()
        super().destroy_node()

class Hangs(Fine):
    def destroy_node(self):
        threading.Event().wait()

class Exits(Fine):
    def tick(self):
        raise SystemExit(7)

def refuses():
    raise ConfigError('opacity=7: from 0.0 to 1.0')

def fails():
    raise ZeroDivisionError

if kind == 'hangs':
    spin._END_S = 1.0
kinds = {'fine': Fine, 'slow': Slow, 'hangs': Hangs, 'exits': Exits, 'refuses': refuses,
    'fails': fails, 'makes': wait_for_ever}
process.finish(lambda: spin.run(kinds[kind]))
"""
LOADING = """
from pedsam_ros.nodes import process
process.begin()
import threading
from functools import partial
from pedsam_ros.nodes.compute import ComputeThread
from pedsam_ros.nodes.spin import run
from pedsam_ros.nodes.worker_node import WorkerNode

def wait_for_ever():
    print('ready', flush=True)
    threading.Event().wait()

class configures(WorkerNode):
    def load(self):
        wait_for_ever()

class activates(WorkerNode):
    def load(self):
        pass
    def start(self, running):
        compute = ComputeThread(lambda: None, print)
        compute.start()
        running.callback(compute.close)
        compute.call(wait_for_ever)

process.finish(partial(run, {}))
"""


@pytest.fixture
def start(domain_id):
    """Starts a program with some words, and ends it if the test has not."""
    started = []

    def begin(*words, program=PROGRAM):
        process = subprocess.Popen(
            [sys.executable, '-c', program, *words],
            stdin=subprocess.PIPE,
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


@BOTH
def test_a_node_survives_its_defects_and_ends_on_a_signal(start, number):
    """Its exit status is 0 and the defect stands in the log."""
    process = start('fine')
    assert process.stdout.readline() == 'ready\n'
    assert process.stdout.readline() == 'ready\n'
    process.send_signal(number)
    _, log = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
    assert 'a defect in a callback' in log


@BOTH
@pytest.mark.parametrize('stage', ['imports', 'makes'])
def test_a_process_that_is_not_a_node_yet_ends_on_a_signal(start, stage, number):
    """While it imports, and while it makes the node. What atexit holds is called all the same."""
    process = start(stage)
    assert process.stdout.readline() == 'ready\n'
    process.send_signal(number)
    out, log = process.communicate(timeout=WAIT_S)
    assert (process.returncode, out, log) == (0, 'called at exit\n', '')


@BOTH
@pytest.mark.parametrize('step', ['configures', 'activates'])
def test_a_node_that_loads_ends_on_a_signal(start, step, number):
    """It has nothing to lose, so nobody waits until it has loaded."""
    process = start('--ros-args', '-p', 'autostart:=true', program=LOADING.replace('{}', step))
    assert process.stdout.readline() == 'ready\n'
    process.send_signal(number)
    _, log = process.communicate(timeout=WAIT_S)
    assert (process.returncode, 'Traceback' in log) == (0, False)


def test_a_second_signal_changes_nothing(start):
    """A node that is ending already ends in order."""
    process = start('slow')
    assert process.stdout.readline() == 'ready\n'
    process.send_signal(signal.SIGINT)
    while process.stdout.readline() != 'ending\n':
        pass
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate('go on\n', timeout=WAIT_S)
    assert (process.returncode, out) == (0, 'called at exit\n')


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
    process = start('refuses')
    _, log = process.communicate(timeout=WAIT_S)
    assert process.returncode == 2
    assert 'opacity=7' in log
    assert 'Traceback' not in log


def test_arguments_that_ros_cannot_read_are_explained(start):
    """The exit status is 2; what to write stands in the log, and there is no traceback."""
    process = start('fine', '--ros-args', '-p', 'points:=[320, 240.5]')
    _, log = process.communicate(timeout=WAIT_S)
    assert process.returncode == 2
    assert 'points=[320, 240.5]: a list holds one type; write [320.0, 240.5]' in log
    assert 'Traceback' not in log


@pytest.mark.parametrize(('kind', 'status'), [('fails', 1), ('exits', 7)])
def test_what_a_node_raises_gives_its_status(start, kind, status):
    """An error gives 1 and a traceback; a node may also ask for a status of its own."""
    process = start(kind)
    _, log = process.communicate(timeout=WAIT_S)
    assert process.returncode == status
    assert ('ZeroDivisionError' in log) == (kind == 'fails')


@pytest.mark.parametrize(
    ('main', 'status'),
    [('3', 3), ('None', 0), ('True', 1), ('sys.exit()', 0), ("sys.exit('said')", 1), ('1 / 0', 1)],
)
def test_a_program_ends_with_the_status_of_its_main(main, status):
    """As with sys.exit; what was printed is not lost."""
    program = f"""import sys
from pedsam_ros.nodes import process
print('printed')
process.finish(lambda: {main})"""
    ended = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (status, 'printed\n')
    assert ('said' in ended.stderr) == ('said' in main)


def test_the_overlay_node_loads_no_torch():
    """It runs where torch is missing, and a viewer should start at once."""
    program = 'import sys, pedsam_ros.nodes.overlay_node; sys.exit("torch" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', program]).returncode == 0
