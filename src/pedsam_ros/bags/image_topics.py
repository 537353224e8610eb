"""Finds an image topic in a bag and reads its frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pedsam_ros.bags.rosbag import contents_of, read_bag
from pedsam_ros.core.errors import BadImage, ConfigError
from pedsam_ros.core.types import Frame

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'


@dataclass(frozen=True, slots=True)
class ImageTopic:
    """An image topic of a bag."""

    bag: Path
    topic: str
    type_name: str  # IMAGE or COMPRESSED
    count: int  # messages

    def messages(self) -> Iterator[bytes]:
        """Yields the serialised images by time. Raises ConfigError as `read_bag`."""
        return (record.cdr for record in read_bag(self.bag, [self.topic]))

    def frames(self) -> Iterator[Frame]:
        """Yields the images by time; prints a line for each that cannot be read, and skips it."""
        from rclpy.serialization import deserialize_message  # `pedsam make-bag` needs no rclpy
        from sensor_msgs.msg import CompressedImage, Image

        from pedsam_ros.ros import convert

        kind = Image if self.type_name == IMAGE else CompressedImage
        for message in self.messages():
            try:
                yield convert.frame_from_msg(deserialize_message(message, kind))
            except BadImage as error:
                print(f'{self.bag}: {error}')


def find_image_topic(bag: Path, topic: str | None) -> ImageTopic:
    """The image topic of this name, or the bag's first one if `topic` is None.

    Raises ConfigError if the bag has no such topic or cannot be read.
    """
    contents = contents_of(bag)
    images = [
        name for name, content in contents.items() if content.type_name in (IMAGE, COMPRESSED)
    ]
    topic = topic or next(iter(images), '')
    if topic not in images:
        has = {name: content.type_name for name, content in contents.items()}
        raise ConfigError(f'{bag}: topic={topic!r} is no image topic in it; it has {has}')
    found = contents[topic]
    return ImageTopic(bag, topic, found.type_name, found.messages)
