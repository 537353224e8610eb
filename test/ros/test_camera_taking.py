"""Which images the edge takes of its camera, when, and what becomes of the others."""

import math
import time

import pytest

from pedsam_ros.core.errors import BadImage
from two_nodes import image

pytestmark = pytest.mark.ros


def test_an_edge_that_is_busy_gets_the_newest_image_and_counts_the_others(watched):
    """They were displaced in DDS."""
    made = watched()
    publisher = made.publisher()
    made.show(publisher)
    made.until_offered()
    made.now_s += 1.0
    made.show(publisher, 5)
    made.input.want(True)
    taken, _, displaced = made.until_offered()
    assert (taken.key.stamp_ns, displaced) == (5 * 10**9, 4)
    assert made.input.part().values['lost'] == 0


def test_an_edge_that_is_busy_fetches_the_newest_image_itself(watched):
    """At once, where the ROS thread would have to be waited for."""
    made = watched()
    publisher = made.publisher()
    made.show(publisher)
    made.until_offered()
    made.input.fetch()
    assert made.offered == []
    made.now_s += 1.0
    made.show(publisher, 3)
    made.input.fetch()
    made.input.fetch()
    ((taken, _, displaced),) = made.offered
    assert (taken.key.stamp_ns, displaced) == (3 * 10**9, 2)


@pytest.mark.parametrize(('regions', 'fetched'), [(False, True), (True, False)])
def test_an_image_is_fetched_only_where_no_region_can_be_overtaken(watched, regions, fetched):
    """The ROS thread alone knows which regions came before it. It gets the image instead."""
    made = watched(regions=regions)
    publisher = made.publisher()
    made.show(publisher)
    made.until_offered()
    made.show(publisher)
    made.input.want(True, soon=True)
    made.input.fetch()
    assert bool(made.offered) is fetched
    made.until_offered()


def numbered(made, *numbers, period_s=0.04):
    """Images come with the numbers that their publisher gave them, and each is wanted. Returns how
    many count as displaced, and how many as lost."""
    before = made.input.part().values['lost']
    for number in numbers:
        made.now_s += period_s
        info = {'received_timestamp': time.time_ns(), 'publication_sequence_number': number}
        made.input._on_image(image(), info)
        made.input.want(True)
    displaced = sum(missed for *_, missed in made.offered)
    return displaced, made.input.part().values['lost'] - before


def test_images_that_are_missing_while_one_is_wanted_were_lost(watched):
    """At the rate of a camera, with and without every_frame."""
    for config in ({}, {'every_frame': True}):
        assert numbered(watched(**config), 1, 3, 4, 9) == (0, 5)


def test_numbers_of_several_publishers_count_nothing(watched):
    """Whether they are far from each other or near: each publisher counts its own."""
    assert numbered(watched(), 10_000, 5, 10_001, 6, 10_002, 7) == (0, 0)
    assert numbered(watched(), 8, 5, 9, 6, 10, 7) == (0, 0)


def test_every_frame_takes_every_image(watched):
    """In their order, whether the edge is busy or not."""
    made = watched(every_frame=True)
    publisher = made.publisher()
    made.input.want(False)
    made.show(publisher, 5)
    made.nodes.until(lambda: len(made.offered) == 5)
    assert [offered[0].key.stamp_ns // 10**9 for offered in made.offered] == [1, 2, 3, 4, 5]
    assert {offered[2] for offered in made.offered} == {0}


def test_an_image_of_unknown_age_is_as_old_as_can_be(watched):
    """Humble's rclpy does not tell when DDS received a message."""
    made = watched()
    made.input._on_image(image(), {})
    assert made.until_offered()[1] == math.inf


def test_an_image_is_offered_as_it_came(watched):
    """With its size and header; pixels are made only on demand."""
    made = watched()
    publisher = made.publisher()
    made.show(publisher)
    taken, age_s, _ = made.until_offered()
    assert (taken.nbytes, taken.key.stamp_ns) == (1, 10**9)
    assert age_s >= 0.0
    with pytest.raises(BadImage):
        taken.read()
