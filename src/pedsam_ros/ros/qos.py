"""The quality-of-service profiles, by what they are for."""

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

# Newest wins: a best-effort reader takes from reliable and best-effort cameras alike.
CAMERA = qos_profile_sensor_data


def every_frame(depth: int) -> QoSProfile:
    """Bags and tests: nothing may be lost between the player and the queue."""
    return _reliable(depth)


def when_incompatible(tell: Callable[[str], None]) -> SubscriptionEventCallbacks:
    """`tell` is given the policy for which a reader does not hear a publisher."""
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


# Windows and embeddings: a lost one costs the frame, so DDS repeats it; room for some frames.
WIRE = _reliable(128)
STATUS = _reliable(1)
# Masks and pictures: rviz2 and recorders ask for reliable by default.
OUTPUT = _reliable(10)
PROMPTS = _reliable(10)
# Best effort hears every publisher; reliable repeats what a reliable one lost. Twice does no harm.
REGIONS = (QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT), _reliable(100))
DIAGNOSTICS = _reliable(10)
