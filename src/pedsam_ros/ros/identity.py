"""What DDS itself would tell of this machine, and who can hear it."""

from __future__ import annotations

import os
from pathlib import Path

from ament_index_python.packages import get_package_share_directory

_BEFORE_FAST_DDS_3 = ('humble', 'iron', 'jazzy')


def hide() -> None:
    """Fast DDS announces host, user and process of every participant; our profile hides them, and
    has it find and repair things sooner.

    To be called before the first participant of the process. A profile of the user's own is left
    alone; ours says what it should hold. The machine-id goes out a second time, in
    a field that no profile reaches: docs/trust-model.md.
    """
    vendor = 'fastrtps' if os.environ.get('ROS_DISTRO') in _BEFORE_FAST_DDS_3 else 'fastdds'
    profile = Path(get_package_share_directory('pedsam_ros'), 'config', f'{vendor}.xml')
    os.environ.setdefault(f'{vendor.upper()}_DEFAULT_PROFILES_FILE', str(profile))


def stay_on_this_machine() -> None:
    """Unless the user has said otherwise, DDS is heard on this machine only (demo, tests)."""
    if on_humble():
        os.environ.setdefault('ROS_LOCALHOST_ONLY', '1')
    else:
        os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')


def on_humble() -> bool:
    """Humble knows neither discovery ranges nor static peers."""
    return os.environ.get('ROS_DISTRO') == 'humble'
