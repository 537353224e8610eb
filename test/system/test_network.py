"""Faults of the network between edge and workers: each worker in a network namespace of its own.

Needs root and `ip`; loss, delay and reordering are the kernel's netem, or our `bad_wire`.
"""

import os
import subprocess
from contextlib import suppress
from dataclasses import replace

import pytest

import bad_wire
from bad_wire import Harm
from domains import domains
from fakes import frame
from pedsam_ros.ros import convert
from pedsam_ros.tools.processes import NodeProcess
from rig import SEED, Rig, image_msg, local_pipeline, same

pytestmark = pytest.mark.ros


def run(*words):
    """Raises OSError if it can't be done, and says why."""
    ended = subprocess.run(words, capture_output=True, text=True, timeout=20)
    if ended.returncode:
        raise OSError(f'{" ".join(words)}: {ended.stderr.strip()}')


class Wires:
    """A namespace for each worker, with a wire to this one; `harm`: NAME -> what its wire does."""

    def __init__(self, names, harm):
        self.names, self.harm, self.number, self.bad = names, harm, os.getpid() % 200, []

    def lay(self):
        """Raises OSError if this machine can't."""
        for place, name in enumerate(self.names):
            space, here, there = self.parts(name)
            run('ip', 'netns', 'add', space)
            self.join(name)
            for words in (
                ('addr', 'add', f'{self.address(place, 1)}/24', 'dev', here),
                ('-n', space, 'addr', 'add', f'{self.address(place)}/24', 'dev', there),
                ('link', 'set', here, 'up'),
                ('-n', space, 'link', 'set', 'lo', 'up'),
                ('-n', space, 'link', 'set', there, 'up'),
            ):
                run('ip', *words)

    def join(self, name):
        """Lays the wire itself."""
        space, here, there = self.parts(name)
        run('ip', 'link', 'add', here, 'type', 'veth', 'peer', 'name', there)
        run('ip', 'link', 'set', there, 'netns', space)
        if (harm := self.harm.get(name)) and not self.has_netem(name):
            run('ip', 'link', 'del', here)
            self.bad.append(bad_wire.lay(here, there, harm))
            run('ip', 'link', 'set', there, 'netns', space)

    def has_netem(self, name):
        """Whether the kernel does the harm."""
        space, here, there = self.parts(name)
        netem = 'root', 'netem', *self.harm[name].netem
        try:
            run('tc', 'qdisc', 'add', 'dev', here, *netem)
            run('tc', '-n', space, 'qdisc', 'add', 'dev', there, *netem)
        except OSError:
            return False
        return True

    def parts(self, name):
        """The namespace, and the wire's ends here and there."""
        space = f'ps{self.number}{name[:3]}'
        return space, f'{space}h', f'{space}t'

    def address(self, place, last=2):
        return f'10.{self.number}.{place + 1}.{last}'

    def cut(self, name):
        """Nothing gets through."""
        run('ip', 'link', 'set', self.parts(name)[1], 'down')

    def mend(self, name):
        """As before."""
        run('ip', 'link', 'set', self.parts(name)[1], 'up')

    def remove(self):
        for wire in self.bad:
            wire.kill()
            wire.communicate()
        for name in self.names:
            space, here, _ = self.parts(name)
            for words in (('netns', 'del', space), ('link', 'del', here)):
                with suppress(OSError):  # gone already, or never there
                    run('ip', *words)


@pytest.fixture
def wires(request):
    """Skips where the machine does not allow them."""
    made = Wires(('alice', 'bob', 'carol'), getattr(request, 'param', {}))
    try:
        made.lay()
    except OSError as missing:
        made.remove()
        pytest.skip(str(missing))
    yield made
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
            prefix = ('ip', 'netns', 'exec', wires.parts(worker.name)[0])
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


HARMS = {
    'loss': Harm(loss=0.05),
    'delay': Harm(delay_s=0.03, jitter_s=0.01),
    'reordering': Harm(delay_s=0.02, ahead=0.3),
}


@pytest.mark.parametrize('wires', [{'carol': h} for h in HARMS.values()], ids=HARMS, indirect=True)
def test_a_bad_link_costs_time_and_nothing_else(apart):
    """Reliable delivery repairs it: all frames are done, and right."""
    apart.start_edge()
    camera = apart.client.camera()
    apart.wait_ready()
    expected = local_pipeline(apart.workers)
    for stamp in range(1, 11):
        camera.publish(image_msg(frame(seed=stamp).rgb, stamp))
        masks = convert.masks_from_msg(apart.client.masks_for(stamp))
        assert same(masks, expected.segment(frame(seed=stamp, stamp_ns=stamp)))
