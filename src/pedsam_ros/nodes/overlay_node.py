"""Paints the masks on the camera's image, for rviz2. It is a node of its own, so that it loads no
torch."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from pedsam_ros.core import pictures
from pedsam_ros.core.errors import BadImage, BadMasks, ConfigError, NoImage
from pedsam_ros.core.kept_images import KeptImages
from pedsam_ros.core.overlay_config import OverlayConfig
from pedsam_ros.core.prompts import MOST_PROMPTS
from pedsam_ros.msg import Masks as MasksMsg
from pedsam_ros.nodes.spin import run
from pedsam_ros.ros import clock, convert, identity, params, qos
from pedsam_ros.ros.camera import Camera
from pedsam_ros.ros.images import image_to_msg, nbytes_of, size_of

_SAMPLED = 997  # one byte of so many; no divisor of a row, so that all columns are seen
_LOOK_S = 0.5  # how often to look whether somebody looks


class OverlayNode(Node):
    """Pairs `image` and `masks` and publishes `overlay` (rgb8).

    While nobody subscribes to the overlay, no image is taken from DDS, and none is kept. The
    subscription stays, so that the first masks after somebody came find their image. `options`
    are those of rclpy's Node.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__('overlay', **options)
        wrong = params.declare(self, OverlayConfig)
        if wrong:
            raise ConfigError(next(iter(wrong.values())))
        config = params.read(self, OverlayConfig)
        self._opacity, self._most_px = config.opacity, config.max_image_px
        self._kept = KeptImages(config.kept_mb * 10**6, _sample)
        self._overlay = self.create_publisher(Image, 'overlay', qos.OUTPUT)
        self._camera = Camera(self, config.image_transport, self._on_image, wanted=self._watched)
        self.create_subscription(MasksMsg, 'masks', self._on_masks, qos.OUTPUT)
        clock.timer(self, _LOOK_S, self._look)

    def _watched(self) -> bool:
        return bool(self._overlay.get_subscription_count())

    def _look(self) -> None:
        if not self._watched():
            self._kept.clear()

    def _on_image(self, msg: Image | CompressedImage) -> None:
        try:
            size = size_of(msg, self._most_px)
        except BadImage as error:
            self._warn(str(error))
            return
        self._kept.keep(convert.key_from_header(msg.header), size, nbytes_of(msg), msg)

    def _on_masks(self, msg: MasksMsg) -> None:
        if not self._watched():
            return
        try:
            self._paint(msg)
        except NoImage as error:
            stamp = f'{msg.header.stamp.sec}.{msg.header.stamp.nanosec:09}'
            self._warn(f'stamp={stamp}: masks are not painted: {error} ({self._reading()})')
        except (BadImage, BadMasks) as error:
            self._warn(str(error))

    def _paint(self, msg: MasksMsg) -> None:
        if len(msg.masks) > MOST_PROMPTS:  # more would take seconds
            raise BadMasks(f'{len(msg.masks)} masks: at most {MOST_PROMPTS} are painted')
        image = self._kept.find(convert.key_from_header(msg.header), (msg.height, msg.width))
        rgb = convert.frame_from_msg(image, self._most_px).rgb
        picture = pictures.overlay(rgb, convert.masks_from_msg(msg), self._opacity)
        self._overlay.publish(image_to_msg(picture, 'rgb8', msg.header))

    def _reading(self) -> str:
        kept_mb = self.get_parameter('kept_mb').value
        return f'topic={self._camera.view.topic}, kept_mb={kept_mb}'

    def _warn(self, text: str) -> None:
        self.get_logger().warning(text, **clock.SELDOM)


def _sample(msg: Image | CompressedImage) -> int:
    """A number that tells different images apart, without the time that reading all takes."""
    return hash(bytes(memoryview(msg.data)[::_SAMPLED]))


def main() -> int:
    """Runs the node until Ctrl-C or SIGTERM; returns the exit status."""
    identity.carry_images()
    return run(OverlayNode)
