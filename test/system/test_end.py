"""How nodes end, whatever they are doing: on Ctrl-C and SIGTERM, with exit status 0."""

import json
import signal
from pathlib import Path

import pytest
from lifecycle_msgs.msg import Transition

from fakes import frame
from rig import WAIT_S, change, image_msg, state

pytestmark = pytest.mark.ros
CONFIGURE, ACTIVATE = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE
DEACTIVATE, CLEAN_UP = Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP
SHUT_DOWN = Transition.TRANSITION_UNCONFIGURED_SHUTDOWN
STATES = {  # state -> the transitions that lead there
    'unconfigured': (),
    'inactive': (CONFIGURE,),
    'active': (CONFIGURE, ACTIVATE),
    'inactive again': (CONFIGURE, ACTIVATE, DEACTIVATE),
    'unconfigured again': (CONFIGURE, CLEAN_UP),
    'finalized': (SHUT_DOWN,),
}


def test_ctrl_c_ends_all_four_cleanly(rig):
    """The exit statuses are 0 and no log has a traceback, also with frames in flight."""
    rig.start_edge(every_frame=True)
    rig.start_workers()
    camera = rig.client.camera()
    rig.wait_ready()
    for stamp in range(1, 21):
        camera.publish(image_msg(frame(480, 640).rgb, stamp))
    rig.client.masks_for(1)
    logs = {name: process.log for name, process in rig.processes.items()}
    assert rig.end() == dict.fromkeys(('edge', 'alice', 'bob', 'carol'), 0)
    for log in logs.values():
        assert 'Traceback' not in log.read_text()


@pytest.mark.parametrize('name', STATES)
def test_sigterm_ends_an_edge_in_every_state(rig, name):
    """SIGTERM, which systemd and docker send."""
    rig.start_edge(autostart=False)
    for transition in STATES[name]:
        assert change(rig, transition)
    assert state(rig) == name.split()[0]
    process = rig.processes['edge'].process
    process.send_signal(signal.SIGTERM)
    assert process.wait(WAIT_S) == 0
    assert 'Traceback' not in rig.log('edge')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('loaded', ['libtorch_cpu', 'libfastrtps|libfastdds'])
def test_a_signal_while_a_node_starts_ends_it_too(rig, loaded, number):
    """While libraries load, and while the node configures and activates itself."""
    rig.start_workers('alice')
    process = rig.processes['alice'].process
    maps = Path(f'/proc/{process.pid}/maps')
    rig.client.until(lambda: any(name in maps.read_text() for name in loaded.split('|')))
    process.send_signal(number)
    assert process.wait(WAIT_S) == 0
    assert 'Traceback' not in rig.log('alice')


def test_the_ledger_is_written_at_the_end(rig):
    """With the counts of all frames, which it holds on the disk only now and then."""
    rig.start_edge(every_frame=True)
    rig.start_workers()
    camera = rig.client.camera()
    rig.wait_ready()
    for stamp in (1, 2, 3):
        camera.publish(image_msg(frame().rgb, stamp))
        rig.client.masks_for(stamp)
    assert not any(rig.end().values())
    workers = json.loads(rig.ledger_file.read_text())['workers']
    assert {seen['frames'] for seen in workers.values()} == {3}
