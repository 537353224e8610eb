"""Repeats the camera's calibration beside the edge's pictures, with the header that they have.

Nodes such as those of depth_image_proc take an image and a camera_info with equal stamps.
"""

from __future__ import annotations

from contextlib import ExitStack
from copy import copy

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo

from pedsam_ros.core.types import Frame, FrameKey, Masks
from pedsam_ros.ros import convert, qos

_KEPT = 128  # calibrations of single images: two seconds of a 60 Hz camera
_MOST_NUMBERS = _MOST_LETTERS = 256  # of a distortion model, of a name


def info_topic(node: Node) -> str:
    """Name of the camera's info topic: camera_info beside its image, as image_transport has it.

    A remapping of `camera_info` names another one.
    """
    if (name := _remapped(node, 'camera_info')) is not None:
        return name
    image = _remapped(node, 'image')
    if image is None and (compressed := _remapped(node, 'image/compressed')) is not None:
        image = compressed.removesuffix('/compressed')
    image = image or node.resolve_topic_name('image')
    return f'{image.rpartition("/")[0]}/camera_info'


class CameraInfos:
    """The calibrations that `node` has heard of last; `running` ends the subscription."""

    def __init__(self, node: Node, running: ExitStack) -> None:
        self._by_stamp: dict[int, CameraInfo] = {}  # ns; changed by the ROS thread only
        self._newest: CameraInfo | None = None
        subscription = node.create_subscription(
            CameraInfo, info_topic(node), self._on_info, qos.CAMERA_INFO
        )
        running.callback(node.destroy_subscription, subscription)

    def of(self, masks: Masks) -> CameraInfo | None:
        """The calibration of the masks' image, with its header: the one with the same stamp or,
        if there is none, the newest. None if its image has another size. Any thread may call it.
        """
        info = self._found(masks.key, masks.height, masks.width)
        if info is None:
            return None
        repeated = copy(info)
        repeated.header = convert.key_to_header(masks.key)
        return repeated

    def matrix(self, frame: Frame) -> NDArray[np.float64] | None:
        """The calibration's K, (3, 3), for the pixels of a frame; None if it is not known, also
        if the camera was never calibrated. Any thread may call it."""
        info = self._found(frame.key, *frame.rgb.shape[:2])
        if info is None or not info.k[0]:
            return None
        stretched = np.diag([1 / max(1, info.binning_x), 1 / max(1, info.binning_y), 1.0])
        moved = np.array([[1, 0, -info.roi.x_offset], [0, 1, -info.roi.y_offset], [0, 0, 1.0]])
        return np.asarray(stretched @ moved @ np.reshape(info.k, (3, 3)), np.float64)

    def _found(self, key: FrameKey, height: int, width: int) -> CameraInfo | None:
        info = self._by_stamp.get(key.stamp_ns, self._newest)
        return info if info is not None and _image_size(info) == (height, width) else None

    def _on_info(self, info: CameraInfo) -> None:
        names = (info.header.frame_id, info.distortion_model)
        if len(info.d) > _MOST_NUMBERS or any(len(name) > _MOST_LETTERS for name in names):
            return
        self._newest = info
        self._by_stamp[convert.key_from_header(info.header).stamp_ns] = info
        if len(self._by_stamp) > _KEPT:
            del self._by_stamp[next(iter(self._by_stamp))]


def _remapped(node: Node, name: str) -> str | None:
    """What a remapping makes of a topic's name; None if there is none for it."""
    used = node.resolve_topic_name(name)
    return used if used != node.resolve_topic_name(name, only_expand=True) else None


def _image_size(info: CameraInfo) -> tuple[int, int]:
    """Height and width of the images that a calibration is for, px: of its region of interest, if
    it has one, after binning."""
    height, width = info.roi.height or info.height, info.roi.width or info.width
    return height // max(1, info.binning_y), width // max(1, info.binning_x)
