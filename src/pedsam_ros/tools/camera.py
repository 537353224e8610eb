"""`pedsam camera`: publishes images in a loop like a camera, stamped with the clock's time."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from pedsam_ros.bags.image_files import frames_of
from pedsam_ros.bags.sample_photos import panned_photos
from pedsam_ros.core.errors import ConfigError, PedsamError
from pedsam_ros.core.types import Pixels
from pedsam_ros.nodes.spin import run as spin
from pedsam_ros.ros import clock, identity
from pedsam_ros.ros.images import image_to_msg

_DEPTH = 4  # images kept for a slow reader; more would only fill memory with old ones


class CameraNode(Node):
    """Publishes images on `camera/image_raw`, rgb8, at a steady rate.

    It offers reliable, which every reader can hear; the parameters `qos_overrides` change that.
    """

    def __init__(self, images: Iterable[Pixels], rate_hz: float, frame_id: str) -> None:
        super().__init__('camera')
        self._images = iter(images)
        self._frame_id = frame_id
        self._publisher = self.create_publisher(
            Image,
            'camera/image_raw',
            QoSProfile(depth=_DEPTH),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        clock.timer(self, 1 / rate_hz, self._publish)

    def _publish(self) -> None:
        try:
            rgb = next(self._images)
        except PedsamError as error:  # one of the user's files is not an image
            self.get_logger().fatal(str(error))
            raise SystemExit(2) from None
        header = Header(stamp=clock.stamp(self), frame_id=self._frame_id)
        self._publisher.publish(image_to_msg(rgb, 'rgb8', header))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument('--images', type=Path, help='a folder of images or a video of your own')
    parser.add_argument('--rate', type=float, default=10.0, help='images a second, Hz (10)')
    parser.add_argument('--frame-id', default='camera', help='frame_id of the images (camera)')


def run(args: argparse.Namespace) -> int:
    """Publishes until Ctrl-C. Raises PedsamError if the source has no first image."""
    if args.rate <= 0:
        raise ConfigError(f'--rate={args.rate}: more than 0 Hz')
    images = _endless(args.images, args.rate)
    first = next(images)  # so that a bad source is an error before there is a node
    identity.carry_images()
    return spin(lambda: CameraNode(chain([first], images), args.rate, args.frame_id))


def _endless(source: Path | None, rate_hz: float) -> Iterator[Pixels]:
    """Yields the frames of the source, or of the sample photographs, again and again."""
    while True:
        frames = frames_of(source, rate_hz) if source else panned_photos()
        yield from (rgb for _, rgb in frames)
