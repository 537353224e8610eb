"""The quality-of-service profile of every topic, named by its purpose."""

from collections.abc import Callable

from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSProfile,
    ReliabilityPolicy,
    qos_policy_name_from_kind,
    qos_profile_sensor_data,
)

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks

# Only the newest images matter, and a best-effort reader hears reliable cameras as well.
CAMERA = qos_profile_sensor_data


def every_frame(depth: int) -> QoSProfile:
    """Returns a reliable profile for bags and tests, which keeps the last `depth` images.

    Nothing may be lost between the player and the queue.
    """
    return _reliable(depth)


def when_incompatible(tell: Callable[[str], None]) -> SubscriptionEventCallbacks:
    """Returns callbacks that call `tell` when a reader cannot hear a publisher.

    `tell` gets the name of the policy in which the two do not match.
    """
    return SubscriptionEventCallbacks(
        incompatible_qos=lambda event: tell(qos_policy_name_from_kind(event.last_policy_kind))
    )


def _reliable(depth: int) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.VOLATILE,
    )


# Windows and embeddings. A lost one would cost the frame, so DDS repeats it. 128 hold some frames.
WIRE = _reliable(128)
STATUS = _reliable(1)
# Masks and pictures, for rviz2 and recorders, which ask for reliable by default.
OUTPUT = _reliable(10)
PROMPTS = _reliable(10)
# Two readers: the best-effort one hears every publisher, and the reliable one misses nothing that
# a reliable publisher sent. Hearing a region twice does no harm.
REGIONS = (QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT), _reliable(100))
CAMERA_INFO = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
DIAGNOSTICS = _reliable(10)
