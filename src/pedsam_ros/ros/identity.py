"""Limits what DDS reveals about this machine, and to whom."""

from __future__ import annotations

import os
from pathlib import Path

from ament_index_python.packages import get_package_share_directory

_BEFORE_FAST_DDS_3 = ('humble', 'iron', 'jazzy')


def hide() -> None:
    """Makes Fast DDS load our profile, unless the user has set another one.

    Fast DDS announces the host, user and process of every participant. Our profile hides them. It
    also makes Fast DDS announce participants and repair losses sooner. A user's own profile
    should do the same; the comments in ours say how. Call this before the process makes its first
    participant. No profile hides the machine-id that Fast DDS announces in another field:
    docs/trust-model.md.
    """
    vendor = 'fastrtps' if os.environ.get('ROS_DISTRO') in _BEFORE_FAST_DDS_3 else 'fastdds'
    profile = Path(get_package_share_directory('pedsam_ros'), 'config', f'{vendor}.xml')
    os.environ.setdefault(f'{vendor.upper()}_DEFAULT_PROFILES_FILE', str(profile))


def stay_on_this_machine() -> None:
    """Keeps DDS traffic on this machine, for the demo and tests, unless the user set a range."""
    if on_humble():
        os.environ.setdefault('ROS_LOCALHOST_ONLY', '1')
    else:
        os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')


def on_humble() -> bool:
    """Says whether this is Humble, which has neither discovery ranges nor static peers."""
    return os.environ.get('ROS_DISTRO') == 'humble'
