"""Privacy-enhanced, distributed Segment Anything for ROS 2. docs/architecture.md describes the
rooms in here."""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)  # code and messages may lie in two places
