"""Turns sealed messages into core's type and back."""

from __future__ import annotations

from array import array
from typing import Any

from pedsam_ros.core.seal import Sealed


def sealed_to_msg(sealed: Sealed, kind: type[Any]) -> Any:
    """Makes the message of a kind, one of our Sealed ones."""
    return kind(session=sealed.session, counter=sealed.counter, box=array('B', sealed.box))


def sealed_from_msg(msg: Any) -> Sealed:
    """Reads a sealed message. Its box shares the message's memory."""
    return Sealed(msg.session, msg.counter, memoryview(msg.box))
