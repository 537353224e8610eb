"""Limits what DDS reveals about this machine, and to whom."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ament_index_python.packages import get_package_share_directory

_FAST_DDS_2 = 'FASTRTPS_DEFAULT_PROFILES_FILE'  # Humble, Jazzy
_FAST_DDS_3 = 'FASTDDS_DEFAULT_PROFILES_FILE'  # Kilted and newer


def hide() -> None:
    """Makes Fast DDS load our profile, unless the user has set another one.

    Fast DDS announces the host, user and process of every participant. Our profile hides them. It
    also makes Fast DDS announce participants and repair losses sooner. A user's own profile
    should do the same; the comments in ours say how. Call this before the process makes its first
    participant. No profile hides the machine-id that Fast DDS announces in another field:
    docs/trust-model.md.
    """
    _load({_FAST_DDS_2: 'fastrtps.xml', _FAST_DDS_3: 'fastdds.xml'})


def carry_images() -> None:
    """Makes Fast DDS load config/camera_fastdds.xml, unless the user has set another profile.

    It gives this process shared memory that is large enough for the images it publishes. Call
    this before the process makes its first participant, and before `hide`.
    """
    _load(dict.fromkeys((_FAST_DDS_2, _FAST_DDS_3), 'camera_fastdds.xml'))


def _load(profiles: Mapping[str, str]) -> None:
    """Each version of Fast DDS reads a variable of its own, and its own alone."""
    config = Path(get_package_share_directory('pedsam_ros'), 'config')
    for variable, file in profiles.items():
        os.environ.setdefault(variable, str(config / file))


def stay_on_this_machine() -> None:
    """Keeps DDS traffic on this machine, for the demo and tests, unless the user set a range."""
    if on_humble():
        os.environ.setdefault('ROS_LOCALHOST_ONLY', '1')
    else:
        os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')


def on_humble() -> bool:
    """Says whether this is Humble, which has neither discovery ranges nor static peers."""
    return os.environ.get('ROS_DISTRO') == 'humble'
