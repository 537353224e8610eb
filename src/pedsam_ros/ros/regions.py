"""Reads the regions of the image that must not leave the edge, as detectors publish them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from rclpy.subscription import Subscription
from sensor_msgs.msg import RegionOfInterest

from pedsam_ros.core.router import EVERYWHERE, Region

try:
    from vision_msgs.msg import Detection2DArray
except ImportError:  # it is not part of every ROS installation
    Detection2DArray = None

_MOST_DETECTIONS = 1024  # of one message; so many boxes leave little of an image


def region_from_msg(msg: RegionOfInterest) -> Region:
    """Returns a region as x0, y0, x1, y1, image px.

    A region without width or height means the whole image, as in sensor_msgs/CameraInfo.
    """
    if not msg.width or not msg.height:
        return EVERYWHERE
    x, y = float(msg.x_offset), float(msg.y_offset)
    return x, y, x + msg.width, y + msg.height


def regions_from_detections(msg: Any) -> list[Region]:
    """Returns an upright box, x0, y0, x1, y1, image px, around each box of a Detection2DArray.

    Too many detections become one region, the whole image.
    """
    if len(msg.detections) > _MOST_DETECTIONS:
        return [EVERYWHERE]
    return [_region_of(detection.bbox) for detection in msg.detections]


def _region_of(box: Any) -> Region:
    """Returns the upright box around a vision_msgs/BoundingBox2D, which may be turned.

    If one of its numbers is NaN or infinite, or a side is not above 0, the region is the whole
    image.
    """
    centre = getattr(box.center, 'position', box.center)  # older versions have no `position`
    numbers = centre.x, centre.y, box.center.theta, box.size_x, box.size_y
    if not (all(map(math.isfinite, numbers)) and min(box.size_x, box.size_y) > 0):
        return EVERYWHERE
    cos, sin = abs(math.cos(box.center.theta)), abs(math.sin(box.center.theta))
    half_x = (box.size_x * cos + box.size_y * sin) / 2
    half_y = (box.size_x * sin + box.size_y * cos) / 2
    return centre.x - half_x, centre.y - half_y, centre.x + half_x, centre.y + half_y


def sources() -> list[tuple[type[Any], str, Callable[[Any], list[Region]]]]:
    """Lists the ways to name regions, each as message class, topic and reading function."""
    found: list[Any] = [(RegionOfInterest, '~/sensitive', lambda msg: [region_from_msg(msg)])]
    if Detection2DArray is not None:
        found.append((Detection2DArray, '~/detections', regions_from_detections))
    return found


def waiting(subscription: Subscription) -> Iterator[Any]:
    """Takes the messages of a subscription that have come, at most as many as DDS keeps for it."""
    for _ in range(subscription.qos_profile.depth):
        with subscription.handle:
            taken = subscription.handle.take_message(subscription.msg_type, False)
        if taken is None:
            return
        yield taken[0]
