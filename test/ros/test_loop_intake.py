"""The edge's loop and the camera's images: when they are read, counted, bounded and logged."""

import pytest

import fakes
from loop_with_fakes import PlayedLoop

pytestmark = pytest.mark.ros
LONG_S = 10.0  # longer than worker_timeout_s


def places(played):
    """Where the frames that came are now, without those that ended well."""
    figures = played.figures()
    return {k: figures[k] for k in ('superseded', 'failed', 'in_flight', 'waiting') if figures[k]}


def test_only_images_that_are_taken_are_read():
    """Those that newer ones displace cost nothing."""
    played, read = PlayedLoop(max_in_flight=1), []
    images = [fakes.Shown(stamp_ns=stamp) for stamp in range(5)]
    for image in images:
        image.read = lambda image=image: (read.append(image.key), fakes.Shown.read(image))[1]
        played.loop.offer(image)
        played.loop.offer(fakes.Shown(stamp_ns=9))
    played.step()
    assert read == []
    played.step_until_masks()
    assert [masks.key.stamp_ns for masks in played.masks] == [9]
    assert played.edge.endings == {'superseded': 9, 'done': 1}


def test_an_image_that_cannot_be_read_costs_no_other():
    """It ends as failed when it is taken, and is named. One step tries to read only one."""
    played = PlayedLoop(every_frame=True)
    for stamp, unreadable in ((1, True), (2, True), (3, False)):
        played.arrive(stamp_ns=stamp, unreadable=unreadable)
    assert played.loop.step() == 0.0  # there is more to do
    assert played.losses.reason == 'stamp_ns=1 failed: it cannot be read'
    assert places(played) == {'failed': 1, 'waiting': 2}
    played.step_until_masks()
    assert [masks.key.stamp_ns for masks in played.masks] == [3]
    assert played.edge.endings == {'failed': 2, 'done': 1}


def test_a_defect_while_reading_ends_the_frame(played):
    """The image was taken from the inbox, so it must end."""
    image = fakes.Shown()
    image.read = lambda: 1 / 0
    played.loop.offer(image)
    with pytest.raises(ZeroDivisionError):
        played.step()
    assert places(played) == {'failed': 1}
    assert played.all_are_in_the_report_once()


def test_what_waits_is_bounded_in_bytes():
    """The oldest make room, as many as it takes."""
    played = PlayedLoop(every_frame=True, queue_mb=1)
    played.lose('bob')
    for stamp in range(1, 6):
        played.arrive(stamp_ns=stamp, nbytes=300_000)
    assert places(played) == {'superseded': 2, 'waiting': 3}
    played.arrive(stamp_ns=6, nbytes=900_000)
    assert places(played) == {'superseded': 5, 'waiting': 1}
    played.regain('bob')
    played.step_until_masks()
    assert [masks.key.stamp_ns for masks in played.masks] == [6]
    assert played.all_are_in_the_report_once()


@pytest.mark.parametrize('every_frame', [False, True])
def test_an_image_that_is_larger_than_the_queue_is_refused(every_frame):
    """It displaces no other image for its size, and its size and the rule are named."""
    played = PlayedLoop(every_frame=every_frame, queue_mb=1)
    played.arrive(stamp_ns=7, nbytes=1_500_000)
    played.step()
    assert played.losses.reason == 'stamp_ns=7 failed: image of 1.5 MB: queue_mb=1'
    assert places(played) == {'failed': 1}
    played.arrive(stamp_ns=8, nbytes=1_000_000)
    played.step_until_masks()
    assert [masks.key.stamp_ns for masks in played.masks] == [8]


def test_images_that_were_displaced_before_they_came_are_counted(played):
    """DDS keeps only the newest for an edge that is busy."""
    played.loop.offer(fakes.Shown(), missed=5)
    assert places(played) == {'superseded': 5, 'waiting': 1}
    assert played.figures()['frames_in'] == 6


@pytest.mark.parametrize('every_frame', [False, True])
def test_an_image_that_comes_while_the_report_is_made_is_counted_once(every_frame, monkeypatch):
    """In this report or in the next."""
    played = PlayedLoop(every_frame=every_frame)
    take_news = played.losses.take_news

    def take_while_an_image_comes():
        played.arrive()
        return take_news()

    monkeypatch.setattr(played.losses, 'take_news', take_while_an_image_comes)
    played.arrive()
    assert played.all_are_in_the_report_once()
    assert played.all_are_in_the_report_once()


def test_the_edge_is_hungry_while_a_frame_would_be_started_at_once(played):
    """It is not while one waits, or while enough are at the workers."""
    assert played.loop.hungry
    played.arrive()
    assert not played.loop.hungry
    played.step()
    assert played.loop.hungry
    played.arrive()
    played.step()
    assert played.edge.in_flight == 2
    assert not played.loop.hungry
    played.step_until_masks(2)
    assert played.loop.hungry


def test_an_image_that_lies_in_dds_is_sent_before_the_edge_computes(played):
    """So workers have something to do meanwhile. None is fetched that cannot be started."""
    for stamp in (1, 2):
        played.arrive(stamp_ns=stamp)
    played.step()
    played.arrive(stamp_ns=3)
    played.step()
    played.lying = [fakes.Shown(stamp_ns=4)]
    played.answer()
    sent = []
    played.while_publishing = lambda: sent.append(sum(played.unanswered().values()))
    played.step()
    assert len(played.lying) == 1
    played.step()
    assert played.lying == []
    assert sent == [0, 20]


@pytest.mark.parametrize(('age_s', 'held'), [(0.0, False), (0.5, True), (9.0, True)])
def test_a_frame_arrives_when_its_image_came_not_when_it_was_taken(age_s, held):
    """So a region that held then holds for it."""
    played = PlayedLoop(regions=True, region_s=1.0)
    played.loop.protect((0.0, 0.0, 20.0, 20.0))
    played.wait(1.2)
    played.loop.offer(fakes.Shown(), age_s)
    played.step()
    sent = {window.index for link in played.links.values() for window in link.ever}
    assert (0 not in sent) is held


def test_images_arrive_in_their_order(played):
    """Whatever age a clock that jumps gives them."""
    ages = []
    start = played.edge.start

    def note_and_start(frame, now_s, *others):
        ages.append(now_s - frame.arrived_s)
        return start(frame, now_s, *others)

    played.edge.start = note_and_start
    for age_s in (0.0, 5.0, -5.0):
        played.wait(1.0)
        played.loop.offer(fakes.Shown(), age_s)
        played.step()
        played.answer()
        played.step()
    assert ages == [0.0, 1.0, 0.0]


def test_no_worker_is_silent_while_its_heartbeats_wait(played):
    """The edge was busy for longer than worker_timeout_s; then the report is made first."""
    played.arrive()
    played.step()
    played.answer()
    played.while_publishing = lambda: played.pass_time(LONG_S)
    played.step()
    assert [played.state(name) for name in played.links] == ['usable'] * 3
    assert played.message() == ''


def test_reading_an_image_for_long_loses_no_worker(played):
    """Heartbeats that came meanwhile count before the frame is planned."""
    image = fakes.Shown()
    image.read = lambda: (played.pass_time(LONG_S), fakes.Shown.read(image))[1]
    played.loop.offer(image)
    played.step()
    assert all(played.unanswered().values())


def test_a_worker_that_is_silent_is_still_found(played):
    """Waiting heartbeats of the others do not hide it."""
    played.unheard.add('bob')
    played.pass_time(LONG_S)
    assert [played.state(name) for name in ('alice', 'bob', 'carol')] == [
        'usable',
        'silent',
        'usable',
    ]


@pytest.mark.parametrize('size', [(1, 1), (16, 16), (8, 2000), (2000, 3)])
@pytest.mark.parametrize('stamp_ns', [0, -2_500_000_000])
def test_odd_sizes_and_stamps_end_once(size, stamp_ns):
    """Also the same stamp twice: each has masks of its own size."""
    played = PlayedLoop(points=(0.0, 0.0))
    for _ in range(2):
        played.play(height=size[0], width=size[1], stamp_ns=stamp_ns)
    assert [(m.height, m.width, m.key.stamp_ns) for m in played.masks] == [(*size, stamp_ns)] * 2
    assert played.edge.endings == {'done': 2}
