"""The quality-of-service profile of every topic, named by its purpose."""

from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSProfile,
    ReliabilityPolicy,
)

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks

_BURST = 30  # images that DDS may hold until the node takes them into its own queue


def camera(reliable: bool, depth: int = 0) -> QoSProfile:
    """Returns how a camera is read: only the newest image, or with a `depth` the last so many.

    DDS bounds them by number alone, so it holds at most 30.
    """
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=min(depth, _BURST) or 1,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.VOLATILE,
    )


def no_events() -> SubscriptionEventCallbacks:
    """Returns callbacks that keep rclpy from warning of a publisher that does not match yet."""
    return SubscriptionEventCallbacks(use_default_callbacks=False)


def reliable(depth: int) -> QoSProfile:
    """Returns a reliable profile that keeps the last `depth` messages."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.VOLATILE,
    )


# A lost one would cost the frame, so DDS repeats it. 64 windows are five frames for two workers.
WINDOWS = reliable(64)
EMBEDDINGS = reliable(32)
STATUS = reliable(1)
# Masks and pictures, for rviz2 and recorders, which ask for reliable by default.
OUTPUT = reliable(10)
PROMPTS = reliable(10)
# Two readers: the best-effort one hears every publisher, and the reliable one misses nothing that
# a reliable publisher sent. Hearing a region twice does no harm.
REGIONS = (QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT), reliable(100))
CAMERA_INFO = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
IMU = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)
DIAGNOSTICS = reliable(10)
