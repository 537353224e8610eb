"""Somebody in a worker's domain who knows every topic and every type, and has no key."""

from contextlib import suppress
from typing import Any

from rclpy._rclpy_pybind11 import RCLError

from pedsam_ros.core.allow_list import topic
from pedsam_ros.msg import SealedEmbedding, SealedStatus, SealedWindow
from pedsam_ros.ros import qos
from pedsam_ros.trial.client import Client

TOPICS = {
    'windows': (SealedWindow, qos.WINDOWS),
    'embeddings': (SealedEmbedding, qos.EMBEDDINGS),
    'status': (SealedStatus, qos.reliable(200)),
}


class Stranger:
    """Hears everything, on a thread of its own, and says whatever it likes."""

    def __init__(self, domain_id: int, worker: str) -> None:
        self.client = Client(domain_id, 'stranger')
        self.node = self.client.node
        self.heard: dict[str, list[bytes]] = {
            what: self.client.collect(kind, topic(worker, what), profile, raw=True)
            for what, (kind, profile) in TOPICS.items()
        }
        self._says = {
            what: self.node.create_publisher(kind, topic(worker, what), qos.reliable(64))
            for what, (kind, _) in TOPICS.items()
        }
        self.client.spin_in_background()

    def says(self, what: str, message: Any) -> None:
        """Publishes a message, or the bytes of one, on a topic, if its type can hold them."""
        with suppress(RCLError):
            self._says[what].publish(message)

    def known(self) -> bool:
        """Whether edge and worker hear what it says."""
        return all(p.get_subscription_count() >= 2 for p in self._says.values())  # and it itself

    def everything(self) -> list[bytes]:
        """All that it has heard."""
        return [message for messages in self.heard.values() for message in messages]

    def nodes(self) -> set[str]:
        """Names of the other nodes in the domain."""
        return set(self.node.get_node_names()) - {'stranger'}

    def of(self, node: str) -> dict[str, set[str]]:
        """The topics and services of one node."""
        by_node = (
            self.node.get_publisher_names_and_types_by_node,
            self.node.get_subscriber_names_and_types_by_node,
            self.node.get_service_names_and_types_by_node,
            self.node.get_client_names_and_types_by_node,
        )
        names = ('publishes', 'subscribes', 'serves', 'calls')
        return {
            name: {topic for topic, _ in ask(node, '/')}
            for name, ask in zip(names, by_node, strict=True)
        }

    def close(self) -> None:
        """Goes away."""
        self.client.close()
