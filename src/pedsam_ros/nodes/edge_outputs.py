"""What the edge publishes: masks, pictures of them and the exposure ledger."""

from __future__ import annotations

from contextlib import ExitStack

from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from pedsam_ros.core import cell_picture, pictures
from pedsam_ros.core.edge import Edge
from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.types import Masks
from pedsam_ros.msg import Exposure as ExposureMsg
from pedsam_ros.msg import Masks as MasksMsg
from pedsam_ros.nodes.camera_info import CameraInfos
from pedsam_ros.ros import clock, convert, exposure_msg, qos
from pedsam_ros.ros.images import image_to_msg

_KINDS = {
    'masks': MasksMsg,
    'label_image': Image,
    'mask': Image,
    'camera_info': CameraInfo,
    'cells': Image,
    'exposure': ExposureMsg,
}


class Outputs:
    """The publishers of a node; `running` destroys them."""

    def __init__(self, node: Node, running: ExitStack) -> None:
        self._node = node
        self._publishers = {
            name: node.create_publisher(kind, f'~/{name}', qos.OUTPUT)
            for name, kind in _KINDS.items()
        }
        for publisher in self._publishers.values():
            running.callback(node.destroy_publisher, publisher)
        self.infos = CameraInfos(node, running)

    def masks(self, masks: Masks) -> None:
        """Publishes masks. Draws pictures of them only for topics that somebody subscribes to."""
        header, publishers = convert.key_to_header(masks.key), self._publishers
        publishers['masks'].publish(convert.masks_to_msg(masks))
        self._draw(masks, header)
        if publishers['camera_info'].get_subscription_count() and (info := self.infos.of(masks)):
            publishers['camera_info'].publish(info)

    def _draw(self, masks: Masks, header: Header) -> None:
        pictured = ('label_image', 'mask')
        wanted = {name for name in pictured if self._publishers[name].get_subscription_count()}
        if not wanted:
            return
        labels = pictures.label_image(masks)
        if 'label_image' in wanted:
            self._publishers['label_image'].publish(image_to_msg(labels, '16UC1', header))
        if 'mask' in wanted:
            picture = image_to_msg(pictures.any_mask(labels), 'mono8', header)
            self._publishers['mask'].publish(picture)

    def cells(self, encoded: Encoded) -> None:
        """Publishes who computed each part of a frame, if somebody subscribes to that."""
        publisher = self._publishers['cells']
        if publisher.get_subscription_count():
            header = convert.key_to_header(encoded.key)
            publisher.publish(image_to_msg(cell_picture.drawn(encoded), 'rgb8', header))

    def exposure(self, edge: Edge, insecure: bool) -> None:
        """Publishes what each worker has seen so far."""
        told = clock.stamp(self._node), insecure, edge.scene, edge.kept_here
        message = exposure_msg.exposure_to_msg(edge.ledger, *told)
        self._publishers['exposure'].publish(message)
