"""Which windows are awaited from whom, and until when."""

from pedsam_ros.core.dispatch import Dispatch


def test_dispatch_forgets_what_it_closes():
    """Memory does not grow with frames."""
    dispatch = Dispatch(deadline_s=1.0)
    for now in range(100):
        serial = dispatch.open(now)
        for window, worker in enumerate(('alice', 'bob', 'alice')):
            dispatch.ask(serial, window, worker, now)
        dispatch.ask(serial, 0, 'spare', now)
        dispatch.close(serial)
    assert len(dispatch) == 0
    assert dispatch._requests == {}
