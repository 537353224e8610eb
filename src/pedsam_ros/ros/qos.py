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

_BURST = 100  # images that DDS may hold while the node is busy; its queue is `queue_frames`


def camera(reliable: bool, every_frame: int = 0) -> QoSProfile:
    """Returns how a camera is read: only the newest image, or with `every_frame` the last so many.

    DDS bounds them by number alone, so it holds at most 100.
    """
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=min(every_frame, _BURST) or 1,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.VOLATILE,
    )


def every_frame(depth: int) -> QoSProfile:
    """Returns a reliable profile for bags and tests, which keeps the last `depth` images.

    Nothing may be lost between the player and the queue.
    """
    return _reliable(depth)


def no_events() -> SubscriptionEventCallbacks:
    """Returns callbacks that keep rclpy from warning of a publisher that does not match yet."""
    return SubscriptionEventCallbacks(use_default_callbacks=False)


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
DIAGNOSTICS = _reliable(10)
