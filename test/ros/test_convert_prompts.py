"""Prompts convert to messages and back, and malformed ones are refused alone."""

import pytest
from geometry_msgs.msg import Point, PointStamped
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header

from pedsam_ros.core.errors import BadPrompt
from pedsam_ros.core.prompts import check_prompt
from pedsam_ros.core.types import Prompt
from pedsam_ros.msg import Prompt as PromptMsg
from pedsam_ros.ros import convert

pytestmark = pytest.mark.ros


@pytest.mark.parametrize(
    'prompt',
    [
        Prompt(points=((1.5, 2.0, 1), (3.0, 4.0, 0))),
        Prompt(box=(1.0, 2.0, 3.0, 4.0)),
        Prompt(points=((1.0, 2.0, 1),), box=(1.0, 2.0, 3.0, 4.0)),
    ],
)
def test_prompts_survive(prompt):
    """Points with labels, a box, or both come back unchanged."""
    wire = serialize_message(convert.prompt_to_msg(prompt))
    assert convert.prompts_from_msg([deserialize_message(wire, PromptMsg)]) == (prompt,)


def test_a_click_is_a_point_on_the_object():
    """rviz2 and others publish a click as geometry_msgs/PointStamped."""
    click = PointStamped(header=Header(), point=Point(x=3.0, y=4.0, z=9.0))
    assert convert.prompt_from_point(click) == Prompt(points=((3.0, 4.0, 1),))


@pytest.mark.parametrize(
    'msg', [PromptMsg(points=[1.0]), PromptMsg(labels=[1]), PromptMsg(box=[1.0, 2.0, 3.0])]
)
def test_prompts_that_do_not_add_up_are_refused_alone(msg):
    """Each label needs two coordinates, and a box needs four numbers. The others are read."""
    good = PromptMsg(points=[1.0, 2.0], labels=[1])
    bad, kept = convert.prompts_from_msg([msg, good])
    assert kept == Prompt(points=((1.0, 2.0, 1),))
    assert bad.points == ()
    with pytest.raises(BadPrompt, match='2 for each label, and 0 or 4'):
        check_prompt(bad)


def test_a_prompt_of_too_many_points_is_not_read():
    """Its numbers are not turned into Python's; it is refused alone."""
    many = PromptMsg(points=[1.0] * 2 * 65, labels=[1] * 65)
    most = PromptMsg(points=[1.0] * 2 * 64, labels=[1] * 64)
    bad, kept = convert.prompts_from_msg([many, most])
    assert (bad.points, bad.fault) == ((), '65 points: at most 64 in one prompt')
    assert len(kept.points) == 64


def test_too_many_prompts_are_refused_together():
    """Nobody waits for an answer to 1025 prompts."""
    assert len(convert.prompts_from_msg([PromptMsg()] * 1024)) == 1024
    with pytest.raises(BadPrompt, match='1025 prompts: at most 1024'):
        convert.prompts_from_msg([PromptMsg()] * 1025)
