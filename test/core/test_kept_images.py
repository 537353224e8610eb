"""The image that masks belong to is found, or nothing is said."""

import itertools

import pytest

from pedsam_ros.core.errors import NoImage
from pedsam_ros.core.kept_images import KeptImages
from pedsam_ros.core.types import FrameKey

SIZE = 480, 640
MB = 10**6
others = itertools.count()


def key(number: int) -> FrameKey:
    return FrameKey(number, 'camera')


@pytest.fixture
def kept():
    """Room for ten images of one megabyte."""
    return KeptImages(10 * MB + 10_000)


def fill(kept, numbers, size=SIZE, nbytes=MB):
    """Images that all differ."""
    for number in numbers:
        kept.keep(key(number), size, nbytes, f'unlike any other {next(others)}')


def test_masks_find_the_image_of_their_stamp_and_frame_id(kept):
    """More than once: a new prompt gives new masks of the same image."""
    for number in range(5):
        kept.keep(key(number), SIZE, MB, f'image {number}')
    assert [kept.find(key(number), SIZE) for number in (3, 1, 3)] == [
        'image 3',
        'image 1',
        'image 3',
    ]
    with pytest.raises(NoImage, match='none of the last 5 images'):
        kept.find(FrameKey(3, 'another camera'), SIZE)


def test_the_budget_counts_bytes(kept):
    """Twenty images leave the ten newest, or one if it is that large."""
    fill(kept, range(20))
    assert len(kept) == 10
    kept.find(key(10), SIZE)
    with pytest.raises(NoImage):
        kept.find(key(9), SIZE)
    fill(kept, [20], nbytes=9 * MB)
    assert len(kept) == 2


def test_the_newest_image_is_kept_whatever_its_size(kept):
    """It alone."""
    fill(kept, range(3))
    kept.keep(key(3), SIZE, 100 * MB, 'large')
    assert len(kept) == 1
    assert kept.find(key(3), SIZE) == 'large'


def test_images_without_data_are_not_for_nothing(kept):
    """Their number is bounded as well."""
    fill(kept, range(100_000), nbytes=0)
    assert len(kept) <= 10_010


def test_a_cleared_memory_holds_nothing(kept):
    """Afterwards it takes as much as before."""
    fill(kept, range(20))
    kept.clear()
    assert len(kept) == 0
    with pytest.raises(NoImage, match='no image has come yet'):
        kept.find(key(19), SIZE)
    fill(kept, range(20))
    assert len(kept) == 10


def test_a_stamp_that_is_repeated_belongs_to_no_image(kept):
    """Not even if other images came in between."""
    fill(kept, [0, 1, 0])
    with pytest.raises(NoImage, match='different images have their stamp'):
        kept.find(key(0), SIZE)
    kept.find(key(1), SIZE)


def test_a_repeated_stamp_is_noticed_where_only_one_image_has_room(kept):
    """The image before was another one, though it is gone."""
    fill(kept, [0, 0], nbytes=20 * MB)
    assert len(kept) == 1
    with pytest.raises(NoImage, match='different images'):
        kept.find(key(0), SIZE)
    fill(kept, [1], nbytes=20 * MB)
    kept.find(key(1), SIZE)


def test_a_single_image_without_a_stamp_is_found(kept):
    """A bag may begin at zero."""
    fill(kept, [0, 1, 2])
    kept.find(key(0), SIZE)


def test_the_same_image_twice_is_one(kept):
    """A bag that is played in a loop repeats stamps and images."""
    for _ in range(2):
        kept.keep(key(0), SIZE, MB, 'first')
        kept.keep(key(0), SIZE, MB, 'first')
        kept.keep(key(1), SIZE, MB, 'second')
    assert kept.find(key(0), SIZE) == 'first'


def test_the_size_tells_images_of_one_stamp_apart(kept):
    """Masks of a third size belong to none of them."""
    kept.keep(key(0), SIZE, MB, 'large')
    kept.keep(key(0), (240, 320), MB, 'small')
    assert kept.find(key(0), SIZE) == 'large'
    with pytest.raises(NoImage, match='they are 160x120 px, but the image'):
        kept.find(key(0), (120, 160))


def test_an_image_that_was_dropped_still_makes_its_stamp_doubtful(kept):
    """Whether by the budget or cleared; the masks may be those of the image that is gone."""
    fill(kept, [0, *range(1, 15), 0])
    with pytest.raises(NoImage, match='different images have their stamp'):
        kept.find(key(0), SIZE)
    kept.find(key(14), SIZE)
    kept.clear()
    fill(kept, [14])
    with pytest.raises(NoImage, match='different images have their stamp'):
        kept.find(key(14), SIZE)


def test_a_stamp_of_several_dropped_images_stays_doubtful(kept):
    """Also if the one that is there equals one of them."""
    for image in ('first', 'second', 'first'):
        kept.keep(key(0), SIZE, 20 * MB, image)
    with pytest.raises(NoImage, match='different images have their stamp'):
        kept.find(key(0), SIZE)


def test_a_bag_in_a_loop_finds_its_images_though_they_were_dropped(kept):
    """They are the same each time."""
    for _ in range(3):
        for number in range(20):
            kept.keep(key(number), SIZE, MB, f'image {number}')
    assert kept.find(key(15), SIZE) == 'image 15'


def test_dropped_images_are_forgotten_in_the_end(kept):
    """A simulation that is started anew repeats the stamps of a run before."""
    fill(kept, range(500))
    fill(kept, range(100))
    kept.find(key(99), SIZE)
    assert len(kept._dropped) <= 300
