"""A loop that needs six steps for the masks of a frame, because each prompt is a batch."""

import fakes
from pedsam_ros.core.types import Prompt

SIX = {'points': (10.0, 10.0, 20.0, 20.0, 30.0, 30.0, 40.0, 40.0, 50.0, 50.0, 60.0, 60.0)}
BOX = (Prompt(box=(5.0, 6.0, 70.0, 80.0)),)
OUTSIDE = fakes.prompt(500.0, 5.0)


def begin(slow, stamp_ns):
    """A frame comes, all workers answer, and the first batch of its masks is made."""
    slow.arrive(stamp_ns=stamp_ns)
    slow.step()
    slow.answer()
    slow.step()
    assert (slow.masks, slow.edge.in_flight) == ([], 1)


def stamps(slow):
    """The frames whose masks were published, and of how many prompts, in their order."""
    return [(masks.key.stamp_ns, len(masks.masks)) for masks in slow.masks]
