"""Paints the masks on the camera's image, for rviz2. It is a node of its own, so that it loads no
torch."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import Any

from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CompressedImage, Image

from pedsam_ros.core import pictures
from pedsam_ros.core.config import OverlayConfig
from pedsam_ros.core.errors import BadImage, ConfigError
from pedsam_ros.core.types import Frame, FrameKey
from pedsam_ros.msg import Masks as MasksMsg
from pedsam_ros.nodes.spin import run
from pedsam_ros.ros import clock, convert, params, qos
from pedsam_ros.ros.images import image_to_msg

_KEPT_IMAGES = 60  # masks may be so many images late: two seconds of a 30 Hz camera


class OverlayNode(Node):
    """Pairs `image` and `masks` by the camera's stamp and publishes `overlay` (rgb8)."""

    def __init__(self) -> None:
        super().__init__('overlay')
        wrong = params.declare(self, OverlayConfig)
        if wrong:
            raise ConfigError(next(iter(wrong.values())))
        config = params.read(self, OverlayConfig)
        self._opacity = config.opacity
        compressed = config.image_transport == 'compressed'
        kind, name = (CompressedImage, 'image/compressed') if compressed else (Image, 'image')
        self._images: OrderedDict[FrameKey, Any] = OrderedDict()
        self._overlay = self.create_publisher(Image, 'overlay', qos.OUTPUT)
        options = QoSOverridingOptions.with_default_policies()
        self.create_subscription(
            kind, name, self._on_image, qos.CAMERA, qos_overriding_options=options
        )
        self.create_subscription(MasksMsg, 'masks', self._on_masks, qos.OUTPUT)

    def _on_image(self, msg: Any) -> None:
        self._images[convert.key_from_header(msg.header)] = msg
        if len(self._images) > _KEPT_IMAGES:
            self._images.popitem(last=False)

    def _on_masks(self, msg: MasksMsg) -> None:
        image = self._images.get(convert.key_from_header(msg.header))
        if not self._overlay.get_subscription_count():
            return
        if image is None:
            stamp = f'{msg.header.stamp.sec}.{msg.header.stamp.nanosec:09}'
            text = f'stamp={stamp}: no image for these masks among the last {_KEPT_IMAGES}'
            self.get_logger().warning(text, **clock.SELDOM)
            return
        try:
            self._paint(convert.frame_from_msg(image), msg)
        except BadImage as error:
            self.get_logger().warning(str(error), **clock.SELDOM)

    def _paint(self, frame: Frame, msg: MasksMsg) -> None:
        picture = pictures.overlay(frame.rgb, convert.masks_from_msg(msg), self._opacity)
        self._overlay.publish(image_to_msg(picture, 'rgb8', msg.header))


main = partial(run, OverlayNode)
