"""Which of a camera's topics is read, how, and what keeps its images from coming."""

import pytest

from pedsam_ros.core.camera import (
    COMPRESSED_IMAGE,
    IMAGE,
    CameraState,
    Offer,
    Source,
    View,
    advice,
    choose,
    fits_reliable,
    judge,
)

RAW, COMPRESSED = Source('image', IMAGE), Source('image/compressed', COMPRESSED_IMAGE)
RELIABLE, BEST_EFFORT = Offer(IMAGE, True), Offer(IMAGE, False)
JPEG = Offer(COMPRESSED_IMAGE, True)
TOPICS = {'image': '/cam', 'image/compressed': '/cam/compressed'}
SILENT_S = 5.0


def published(raw=(), compressed=()):
    return {'image': list(raw), 'image/compressed': list(compressed)}


def view(offers, source=RAW, reliable=True, every_frame=False):
    return View(source, TOPICS, offers, reliable, every_frame)


def state(seen, quiet_s=0.0, came=False):
    return judge(seen, quiet_s, came, SILENT_S)


@pytest.mark.parametrize(
    ('transport', 'offers', 'current', 'chosen'),
    [
        ('raw', published(compressed=[JPEG]), None, RAW),
        ('compressed', published(raw=[RELIABLE]), None, COMPRESSED),
        ('auto', published(), None, RAW),
        ('auto', published(raw=[RELIABLE], compressed=[JPEG]), None, RAW),
        ('auto', published(compressed=[JPEG]), RAW, COMPRESSED),
        ('auto', published(raw=[RELIABLE], compressed=[JPEG]), COMPRESSED, COMPRESSED),
        ('auto', published(raw=[RELIABLE]), COMPRESSED, RAW),
        ('auto', published(), COMPRESSED, COMPRESSED),
        ('auto', published(raw=[JPEG]), None, Source('image', COMPRESSED_IMAGE)),
    ],
)
def test_auto_takes_what_is_there_and_stays_with_it(transport, offers, current, chosen):
    """The others take what they are told."""
    assert choose(transport, offers, current) == chosen


@pytest.mark.parametrize(
    ('offers', 'current', 'reliable'),
    [
        ([], True, True),
        ([], False, False),
        ([RELIABLE], False, True),
        ([RELIABLE, RELIABLE], False, True),
        ([RELIABLE, BEST_EFFORT], True, False),
    ],
)
def test_reading_is_reliable_if_every_publisher_offers_it(offers, current, reliable):
    """Without publishers nothing changes."""
    assert fits_reliable(offers, current) is reliable


@pytest.mark.parametrize(
    ('seen', 'quiet_s', 'came', 'told'),
    [
        (view(published([RELIABLE])), 1.0, True, CameraState.OK),
        (view(published([RELIABLE])), 1.0, False, CameraState.WAITING),
        (view(published()), 1.0, False, CameraState.WAITING),
        (view(published()), 1.0, True, CameraState.OK),
        (view(published()), 6.0, True, CameraState.NO_PUBLISHER),
        (view(published([RELIABLE])), 6.0, True, CameraState.SILENT),
        (view(published([JPEG])), 0.0, False, CameraState.OTHER_TYPE),
        (view(published([JPEG, RELIABLE])), 0.0, True, CameraState.OK),
        (view(published([BEST_EFFORT])), 0.0, False, CameraState.INCOMPATIBLE_QOS),
        (view(published([BEST_EFFORT, RELIABLE])), 0.0, True, CameraState.OK),
        (view(published([BEST_EFFORT]), reliable=False), 0.0, True, CameraState.OK),
        (
            view(published([BEST_EFFORT]), reliable=False, every_frame=True),
            0.0,
            True,
            CameraState.LOSSY,
        ),
    ],
)
def test_the_state_follows_from_what_is_published_and_for_how_long_nothing_came(
    seen, quiet_s, came, told
):
    """What is certain is told at once; a camera may take `silent_s` to start."""
    assert state(seen, quiet_s, came) is told


@pytest.mark.parametrize('told', CameraState)
def test_every_fault_names_the_topic_and_what_to_do(told):
    """The others have no text."""
    text = advice(told, view(published([BEST_EFFORT])), SILENT_S)
    assert bool(text) is (told not in (CameraState.OK, CameraState.WAITING))
    assert '/cam' in text or not text


@pytest.mark.parametrize(
    ('seen', 'named'),
    [
        (view(published(compressed=[JPEG])), '/cam/compressed is published'),
        (view(published(raw=[JPEG]), COMPRESSED), 'without /compressed'),
        (view(published(raw=[RELIABLE]), COMPRESSED), '/cam is published'),
        (view(published()), 'ros2 topic list'),
    ],
)
def test_a_topic_that_nobody_publishes_says_where_the_image_is(seen, named):
    """The other transport, or the name with /compressed given as the image's."""
    assert named in advice(CameraState.NO_PUBLISHER, seen, SILENT_S)


def test_another_type_is_named():
    """CompressedImage on the name of a raw image."""
    text = advice(CameraState.OTHER_TYPE, view(published([JPEG])), SILENT_S)
    assert '/cam' in text
    assert COMPRESSED_IMAGE in text
    assert 'image_transport' in text
