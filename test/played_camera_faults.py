"""The faults of docs/reliability.md that a camera or a busy edge causes; see played_faults.py."""

from loop_with_fakes import PlayedLoop


def too_fast():
    played = PlayedLoop(max_in_flight=1)
    for stamp in range(1, 6):
        played.arrive(stamp_ns=stamp)
        played.step()
    for _ in range(6):
        played.answer()
        played.step()
    assert [masks.key.stamp_ns for masks in played.masks] == [1, 5]
    return played, {'done': 2, 'superseded': 3}


def unreadable():
    played = PlayedLoop(queue_mb=1)
    played.play(unreadable=True)
    played.play(nbytes=2_000_000)
    played.play()
    return played, {'failed': 2, 'done': 1}


def busy():
    played = PlayedLoop()
    played.while_publishing = lambda: played.pass_time(10.0)
    played.play()
    assert played.message() == ''
    played.play()
    return played, {'done': 2}


def camera():
    played = PlayedLoop()
    for stamp, size in ((9, (96, 128)), (1, (128, 96)), (10, (90, 160))):
        played.play(stamp_ns=stamp, height=size[0], width=size[1])
        assert played.masks[-1].key.stamp_ns == stamp
    return played, {'done': 3}
