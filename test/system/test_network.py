"""Faults of the network between edge and workers: each worker in a network namespace of its own.

Needs root and `ip`; loss, delay and reordering need the kernel's netem.
"""

import os
import subprocess
from dataclasses import replace

import pytest

from domains import domains
from fakes import frame
from pedsam_ros.ros import convert
from pedsam_ros.tools.processes import NodeProcess
from rig import SEED, Rig, image_msg, local_pipeline, same

pytestmark = pytest.mark.ros


def ip(*words):
    """Runs `ip`; what it says if it fails, else nothing."""
    try:
        ended = subprocess.run(['ip', *words], capture_output=True, text=True, timeout=20)
    except FileNotFoundError:
        return 'there is no `ip` here'
    return '' if ended.returncode == 0 else ended.stderr.strip() or 'failed'


class Wires:
    """A namespace for each worker, with a wire to this one."""

    def __init__(self, names):
        self.names, self.number = names, os.getpid() % 200

    def lay(self):
        """What is missing here for it; empty if all is laid."""
        for place, name in enumerate(self.names):
            here, there = f'{self.space(name)}h', f'{self.space(name)}t'
            for words in (
                ('netns', 'add', self.space(name)),
                ('link', 'add', here, 'type', 'veth', 'peer', 'name', there),
                ('link', 'set', there, 'netns', self.space(name)),
                ('addr', 'add', f'{self.address(place, 1)}/24', 'dev', here),
                ('-n', self.space(name), 'addr', 'add', f'{self.address(place)}/24', 'dev', there),
                ('link', 'set', here, 'up'),
                ('-n', self.space(name), 'link', 'set', 'lo', 'up'),
                ('-n', self.space(name), 'link', 'set', there, 'up'),
            ):
                if told := ip(*words):
                    return f'no network namespaces here: ip {" ".join(words)}: {told}'
        return ''

    def space(self, name):
        return f'ps{self.number}{name[:3]}'

    def address(self, place, last=2):
        return f'10.{self.number}.{place + 1}.{last}'

    def cut(self, name):
        """Nothing gets through."""
        assert not ip('link', 'set', f'{self.space(name)}h', 'down')

    def mend(self, name):
        """As before."""
        assert not ip('link', 'set', f'{self.space(name)}h', 'up')

    def spoil(self, name, how):
        """What is missing here for it; empty if it is done, both ways."""
        for space, end in (([], 'h'), (['ip', 'netns', 'exec', self.space(name)], 't')):
            words = ['tc', 'qdisc', 'add', 'dev', f'{self.space(name)}{end}', 'root', 'netem']
            ended = subprocess.run([*space, *words, *how.split()], capture_output=True, text=True)
            if ended.returncode:
                return f'no netem here: {ended.stderr.strip()}'
        return ''

    def remove(self):
        for name in self.names:
            ip('netns', 'del', self.space(name))
            ip('link', 'del', f'{self.space(name)}h')


@pytest.fixture
def wires():
    """Skips where the machine does not allow them."""
    made = Wires(('alice', 'bob', 'carol'))
    try:
        if told := made.lay():
            pytest.skip(told)
        yield made
    finally:
        made.remove()


@pytest.fixture
def apart(wires, tmp_path, monkeypatch):
    """A rig whose workers run, and are reached over the wires alone."""
    monkeypatch.setenv('FASTDDS_BUILTIN_TRANSPORTS', 'UDPv4')  # no memory is shared across them
    with domains(4) as taken:
        rig = Rig(taken, tmp_path)
        rig.workers = [
            replace(worker, peers=(wires.address(place),))
            for place, worker in enumerate(rig.workers)
        ]
        for worker in rig.workers:
            settings = {'checkpoint': SEED, 'threads': 1, 'name': worker.name, 'autostart': True}
            prefix = ('ip', 'netns', 'exec', wires.space(worker.name))
            rig.processes[worker.name] = NodeProcess(
                *('nodes.worker_node', worker.name, worker.domain_id, tmp_path, settings),
                prefix=prefix,
            )
        yield rig
        rig.close()


def test_a_partitioned_worker_is_lost_and_found_again(apart, wires):
    """While the wire is cut its frames fail; mended, the next frame is done and right."""
    apart.start_edge(**{'loss.worker_timeout_s': 2.0})
    camera = apart.client.camera()
    apart.wait_ready()
    camera.publish(image_msg(frame().rgb, 1))
    apart.client.masks_for(1)
    wires.cut('bob')
    apart.client.until(lambda: apart.client.report['/edge: bob'][0] == 'silent')
    camera.publish(image_msg(frame().rgb, 2))
    apart.client.until(lambda: apart.client.figures()['failed'] == '1')
    assert apart.client.report['/edge: alice'][0] == ''
    wires.mend('bob')
    apart.wait_ready('bob')
    camera.publish(image_msg(frame().rgb, 3))
    masks = convert.masks_from_msg(apart.client.masks_for(3))
    assert same(masks, local_pipeline(apart.workers).segment(frame(stamp_ns=3)))


def test_a_short_cut_is_repaired_before_the_deadline(apart, wires):
    """By DDS itself, which would by its own settings look for gaps every three seconds only, and
    be late with every frame."""
    apart.start_edge(deadline_s=2.5, **{'loss.retry_s': 60.0})
    camera = apart.client.camera()
    apart.wait_ready()
    for stamp in range(1, 11):
        wires.cut('bob')
        camera.publish(image_msg(frame().rgb, stamp))
        apart.client.until(lambda: int(apart.client.figures()['frames_in']) == stamp)  # noqa: B023
        wires.mend('bob')
        apart.client.until(lambda: apart.client.all_ended(stamp))  # noqa: B023
        if apart.client.figures()['done'] != '0':
            break
    assert apart.client.figures()['done'] == '1'


@pytest.mark.parametrize('how', ['loss 5%', 'delay 30ms 10ms', 'delay 20ms reorder 30%'])
def test_a_bad_link_costs_time_and_nothing_else(apart, wires, how):
    """Reliable delivery repairs it: all frames are done, and right."""
    if told := wires.spoil('carol', how):
        pytest.skip(told)
    apart.start_edge()
    camera = apart.client.camera()
    apart.wait_ready()
    expected = local_pipeline(apart.workers)
    for stamp in range(1, 11):
        camera.publish(image_msg(frame(seed=stamp).rgb, stamp))
        masks = convert.masks_from_msg(apart.client.masks_for(stamp))
        assert same(masks, expected.segment(frame(seed=stamp, stamp_ns=stamp)))
