"""Which of a camera's topics is read, how, and what keeps its images from coming. No I/O; time is
an argument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

IMAGE, COMPRESSED_IMAGE = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'


class Source(NamedTuple):
    """A topic, as it is called before it is remapped, and the type of its messages."""

    name: str
    type_name: str


SOURCES = {  # image_transport -> what may be read, the preferred first
    'raw': (Source('image', IMAGE),),
    'compressed': (Source('image/compressed', COMPRESSED_IMAGE),),
    'auto': (
        Source('image', IMAGE),
        Source('image/compressed', COMPRESSED_IMAGE),
        Source('image', COMPRESSED_IMAGE),  # somebody gave the name with /compressed
    ),
}


class Offer(NamedTuple):
    """What a publisher offers."""

    type_name: str
    reliable: bool


Offers = Mapping[str, Sequence[Offer]]  # by topic, as it is called before it is remapped


class CameraState(Enum):
    """How a camera stands with a node. `/diagnostics` shows the value under the key `state`."""

    OK = 'ok'
    WAITING = 'waiting'  # no image yet, but not for long
    NO_PUBLISHER = 'no_publisher'
    OTHER_TYPE = 'other_type'  # what is published there has another type than is read
    INCOMPATIBLE_QOS = 'incompatible_qos'  # reliable was asked for, and nobody offers it
    SILENT = 'silent'  # it has a publisher, and no image has come for a while
    LOSSY = 'lossy'  # every image is asked for, and the publisher may lose some


@dataclass(frozen=True, slots=True)
class View:
    """What is read, and what is there to be read."""

    source: Source
    topics: Mapping[str, str]  # full name of each topic, after it was remapped
    offers: Offers
    reliable: bool  # whether it is read so
    every_frame: bool = False  # whether no image may be lost

    @property
    def topic(self) -> str:
        """The full name of the topic that is read."""
        return self.topics[self.source.name]

    @property
    def readable(self) -> list[Offer]:
        """The offers of the type that is read."""
        return readable(self.source, self.offers)


def readable(source: Source, offers: Offers) -> list[Offer]:
    """The offers on a source's topic that have its type."""
    return [offer for offer in offers[source.name] if offer.type_name == source.type_name]


def choose(transport: str, offers: Offers, current: Source | None = None) -> Source:
    """What to read: the current source as long as it has a publisher, otherwise the first that has
    one. If none has, the current one, or else the first."""
    sources = SOURCES[transport]
    found = [source for source in sources if readable(source, offers)]
    if current in found or not found:
        return current or sources[0]
    return found[0]


def fits_reliable(offers: Sequence[Offer], current: bool = True) -> bool:
    """Whether to read reliably: every publisher must offer it. Without publishers `current`
    stays, because a change would cost the first images."""
    return all(offer.reliable for offer in offers) if offers else current


def judge(view: View, quiet_s: float, came: bool, silent_s: float) -> CameraState:
    """How a camera stands. `quiet_s` is for how long no image has come though one was wanted, s;
    `came` whether one ever came. More than `silent_s` is too long."""
    offers = view.readable
    if not offers and view.offers[view.source.name]:
        return CameraState.OTHER_TYPE
    if view.reliable and offers and not any(offer.reliable for offer in offers):
        return CameraState.INCOMPATIBLE_QOS
    if quiet_s > silent_s:
        return CameraState.SILENT if offers else CameraState.NO_PUBLISHER
    if view.every_frame and not all(offer.reliable for offer in offers):
        return CameraState.LOSSY
    return CameraState.OK if came else CameraState.WAITING


def advice(state: CameraState, view: View, silent_s: float) -> str:
    """Says in words what is wrong and what to do; empty if nothing is wrong.

    Only people read the result. Code compares the state.
    """
    topic, kind = view.topic, view.source.type_name.rpartition('/')[2]
    there = sorted({offer.type_name for offer in view.offers[view.source.name]})
    auto = 'set image_transport to auto, or ' if {IMAGE, COMPRESSED_IMAGE} & {*there} else ''
    return {
        CameraState.OK: '',
        CameraState.WAITING: '',
        CameraState.NO_PUBLISHER: f'{topic}: nobody publishes it{_elsewhere(view)}',
        CameraState.OTHER_TYPE: f'{topic} is {" and ".join(there)}, {kind} is read; '
        f'{auto}remap the image to another topic',
        CameraState.INCOMPATIBLE_QOS: f'{topic} ({kind}) is read as reliable, and its publisher '
        'offers best effort; leave out qos_overrides, or let the publisher offer reliable',
        CameraState.SILENT: f'{topic} ({kind}): it has a publisher, but no image came for '
        f'{silent_s:g} s; is the camera running, and does the network carry its images? See '
        'docs/deployment.md, Cameras',
        CameraState.LOSSY: f'{topic} ({kind}): its publisher offers best effort, so images may be '
        'lost in spite of every_frame; let it offer reliable',
    }[state]


def _elsewhere(view: View) -> str:
    """Where the image is published instead."""
    for name, offers in view.offers.items():
        if name != view.source.name and offers:
            topic, kind = view.topics[name], offers[0].type_name
            if view.source.name == 'image/compressed' and kind == COMPRESSED_IMAGE:
                return (
                    f'; {topic} is {kind} itself: give the name of the image without /compressed'
                )
            return f'; {topic} is published ({kind}): set image_transport to auto'
    return '; start the camera, or remap the image to its topic (ros2 topic list)'
