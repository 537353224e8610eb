"""Finds an image topic in a bag and reads its frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from pedsam_ros.bags.channels import CDR, Lost
from pedsam_ros.bags.rosbag import Bag
from pedsam_ros.core.errors import BadImage, ConfigError
from pedsam_ros.core.types import Frame

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'
_TRIED = 5  # messages of a topic: if none of them is an image that can be read, it is passed over
_DEPTH = ('16UC1', '32FC1')  # encodings of distances, which are no picture of the scene


@dataclass(frozen=True, slots=True)
class ImageTopic:
    """An image topic of a bag, which must stay open."""

    bag: Bag
    topic: str
    type_name: str  # IMAGE or COMPRESSED
    count: int  # messages, of which some may be unreadable

    def images(self, lost: Lost | None = None) -> Iterator[tuple[bytes, Frame]]:
        """Yields each serialised image with its frame, by time.

        Images that cannot be read are left out, and `lost` is told. Raises ConfigError as
        `Bag.records`.
        """
        for cdr, _, frame in self._read(lost or _pass):
            yield cdr, frame

    def messages(self) -> Iterator[bytes]:
        """Yields the serialised images that can be read, by time. Raises as `images`."""
        return (cdr for cdr, _ in self.images())

    def frames(self, lost: Lost | None = None) -> Iterator[Frame]:
        """Yields the images that can be read, by time. Raises as `images`."""
        return (frame for _, frame in self.images(lost))

    def first_encoding(self) -> tuple[str | None, str]:
        """The encoding of the first image, as its camera wrote it, among the first messages.

        None if none of them is an image that can be read; the text says why.
        """
        told = ['no message']
        found = self._read(lambda _, what: told.append(what), _TRIED)
        return next((encoding for _, encoding, _ in found), None), told[-1]

    def _read(self, lost: Lost, most: int | None = None) -> Iterator[tuple[bytes, str, Frame]]:
        """Yields (serialised image, encoding, frame) of each that can be read; reads `most`."""
        from sensor_msgs.msg import CompressedImage, Image  # `pedsam make-bag` needs no rclpy

        from pedsam_ros.bags.message_classes import decoded
        from pedsam_ros.ros import convert

        kind = Image if self.type_name == IMAGE else CompressedImage
        for record in islice(self.bag.records([self.topic], lost), most):
            try:
                msg = decoded(record.cdr, kind)
                encoding = msg.encoding if kind is Image else msg.format.partition(';')[0]
                frame = convert.frame_from_msg(msg)
            except (ValueError, BadImage) as error:
                lost(self.topic, f'an image is left out: {error}')
            else:
                yield record.cdr, encoding.strip(), frame


def find_image_topic(
    bag: Bag, topic: str | None, tell: Callable[[str], None] = print
) -> ImageTopic:
    """The image topic of this name; without a name the first whose images can be read.

    Depth is taken only if there is nothing else. `tell` gets a sentence on each topic that is
    passed over. Raises ConfigError if there is no such topic, or the bag cannot be read.
    """
    images = {
        name: ImageTopic(bag, name, each.type_name, each.messages)
        for name, each in bag.contents.items()
        if each.type_name in (IMAGE, COMPRESSED) and each.encoding == CDR
    }
    if topic in images:
        return images[topic]
    passed: dict[str, str] = {}
    depth = []
    for name, each in images.items() if topic is None else ():
        encoding, why = each.first_encoding()
        if encoding is not None and encoding not in _DEPTH:
            return _after(bag, passed, each, tell)
        passed[name] = why if encoding is None else f'encoding={encoding!r} is depth'
        depth += [] if encoding is None else [each]
    if depth:
        del passed[depth[0].topic]
        return _after(bag, passed, depth[0], tell)
    has = {name: passed.get(name, each.type_name) for name, each in bag.contents.items()}
    wish = f'topic={topic!r} is no image topic in it' if topic else 'no image topic can be read'
    raise ConfigError(f'{bag.path}: {wish}; it has {has}')


def _after(
    bag: Bag, passed: dict[str, str], found: ImageTopic, tell: Callable[[str], None]
) -> ImageTopic:
    for name, why in passed.items():
        tell(f'{bag.path}: {name} is passed over for {found.topic}: {why}')
    return found


def _pass(_: str, __: str) -> None:
    """Keeps losses to itself."""
