"""An image topic of a bag, and its frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CompressedImage, Image

from pedsam_ros.bags.make_bag import COMPRESSED, IMAGE
from pedsam_ros.bags.rosbag import contents_of, read_bag
from pedsam_ros.core.errors import BadImage, ConfigError
from pedsam_ros.core.types import Frame
from pedsam_ros.ros import convert


@dataclass(frozen=True, slots=True)
class Camera:
    """An image topic of a bag."""

    bag: Path
    topic: str
    type_name: str
    count: int

    def messages(self) -> Iterator[bytes]:
        """Its serialised images."""
        return (record.cdr for record in read_bag(self.bag, [self.topic]))

    def frames(self) -> Iterator[Frame]:
        """Its images that can be read."""
        kind = Image if self.type_name == IMAGE else CompressedImage
        for message in self.messages():
            try:
                yield convert.frame_from_msg(deserialize_message(message, kind))
            except BadImage as error:
                print(f'demo: {error}')


def find_camera(bag: Path, topic: str | None) -> Camera:
    """The image topic of that name, or the first. Raises ConfigError if there is none."""
    contents = contents_of(bag)
    images = [
        name for name, content in contents.items() if content.type_name in (IMAGE, COMPRESSED)
    ]
    topic = topic or next(iter(images), '')
    if topic not in images:
        has = {name: content.type_name for name, content in contents.items()}
        raise ConfigError(f'{bag}: topic={topic!r} is no image topic in it; it has {has}')
    found = contents[topic]
    return Camera(bag, topic, found.type_name, found.messages)
