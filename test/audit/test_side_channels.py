"""What sizes and numbers of sealed messages tell, and what they do not."""

from collections import Counter

import numpy as np
from tqdm import tqdm

from pedsam_ros.audit import side_channels, transcripts
from pedsam_ros.audit.attacks import sizes
from toy_subjects import drawn, subject


def test_padded_sizes_tell_nothing_and_unpadded_ones_do():
    """Sizes carry zero bits with padding; without it they tell small windows from whole ones."""
    figures = side_channels.run(subject(2), tqdm(disable=True)).figures
    assert figures['padded']['information_bits'] == 0
    assert figures['padded']['shapes']['sizes']['bits_per_message'] == 0
    bare = figures['unpadded']
    assert bare['information_bits'] > bare['information_by_chance_bits']
    assert bare['shapes']['sizes']['bits_per_message'] > 1
    told = figures['padded']['shapes']['sizes']['distinct_frames']
    assert told <= bare['shapes']['sizes']['distinct_frames'] <= len(side_channels.SHAPES)


def test_the_worker_tells_grey_windows_apart_and_an_eavesdropper_does_not():
    """The worker finds all private windows; in its domain the messages look as always."""
    found = side_channels.region(subject())
    assert found['worker'] == {'recall': 1.0, 'precision': 1.0}
    assert found['eavesdropper']['one_domain_transcripts_equal']
    assert 0 < found['windows_private'] < found['windows_sent']


def test_messages_held_back_are_found_by_their_order():
    """Who hears all domains sees from the order which messages came last."""
    usual = ['alice', 'bob', 'carol', 'alice', 'bob', 'carol']
    assert transcripts.displaced(usual, usual) == set()
    late = ['alice', 'carol', 'alice', 'bob', 'carol', 'bob']
    assert transcripts.displaced(usual, late) == {1}
    assert transcripts.displaced(usual, ['dave'] * 6) == set()


def test_entropy():
    """One size tells nothing; four equally frequent ones tell two bits."""
    assert sizes.entropy_bits(Counter({7: 10})) == 0
    assert sizes.entropy_bits(Counter()) == 0
    assert sizes.entropy_bits(Counter({1: 3, 2: 3, 3: 3, 4: 3})) == 2


def test_information_of_a_copy_is_its_entropy():
    """Sizes that copy the detail tell all of it; constant ones tell nothing."""
    values = [float(i % 8) for i in range(80)]
    copied = [int(v) for v in values]
    assert transcripts.information_bits(copied, values) > 2.7
    assert transcripts.information_bits([5] * 80, values) == 0


def test_jpeg_sizes_follow_detail():
    """A flat window is small as a JPEG, a noisy one is large."""
    flat = np.full((64, 64, 3), 90, np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    windows = [flat, drawn(0, 64, 64), noise]
    bytes_ = [transcripts.jpeg_bytes(window) for window in windows]
    assert bytes_ == sorted(bytes_)
    assert transcripts.correlation(bytes_, [transcripts.detail(w) for w in windows]) > 0.9


def test_precision_and_recall():
    """Of two sent windows one moves, of two that move one was sent."""
    assert transcripts.precision_recall([1, 1, 0, 0], [1, 0, 1, 0]) == (0.5, 0.5)


def test_a_still_camera_gives_the_avoided_designs_away():
    """Where windows are sent only when they change, their presence tells where something moves."""
    frames = []
    for number in range(60):
        frame = drawn(0, 216, 288)
        if number > 25:
            x = 4 * (number - 26)
            frame[70:110, x : x + 30] = 255
        frames.append(frame)
    from pedsam_ros.audit.scenes import Scene

    given = subject(1, motion=(Scene('walk', frames),))
    found = side_channels.run(given, tqdm(disable=True)).figures['avoided']
    assert found['only_changed_windows']['precision']['mean'] > 0.8
    assert found['only_changed_windows']['recall']['mean'] > 0.8
    assert found['only_changed_windows']['moving']['mean'] < 0.3
