"""Limits what DDS reveals about this machine, and to whom."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ament_index_python.packages import (
    PackageNotFoundError,
    get_package_prefix,
    get_package_share_directory,
)

from pedsam_ros.core.errors import ConfigError

_BEFORE_FAST_DDS_3 = ('humble', 'iron', 'jazzy')


def hide() -> None:
    """Makes Fast DDS load our profile, unless the user has set another one.

    Fast DDS announces the host, user and process of every participant. Our profile hides them. It
    also makes Fast DDS announce participants and repair losses sooner. A user's own profile
    should do the same; the comments in ours say how. Call this before the process makes its first
    participant. No profile hides the machine-id that Fast DDS announces in another field:
    docs/trust-model.md.
    """
    _load('fastrtps.xml' if _fast_dds_2() else 'fastdds.xml')


def carry_images() -> None:
    """Makes Fast DDS load config/camera_fastdds.xml, unless the user has set another profile.

    It gives this process shared memory that is large enough for the images it publishes. Call
    this before the process makes its first participant, and before `hide`.
    """
    _load('camera_fastdds.xml')


def _load(profile: str) -> None:
    """Names a file of ours in the variable that this Fast DDS reads; Kilted warns of the other."""
    vendor = 'FASTRTPS' if _fast_dds_2() else 'FASTDDS'
    file = Path(get_package_share_directory('pedsam_ros'), 'config', profile)
    os.environ.setdefault(f'{vendor}_DEFAULT_PROFILES_FILE', str(file))


def _fast_dds_2() -> bool:
    """Whether Fast DDS is older than 3, also where ROS_DISTRO is not set."""
    if os.environ.get('ROS_DISTRO') in _BEFORE_FAST_DDS_3:
        return True
    try:
        prefix = get_package_prefix('rmw_fastrtps_shared_cpp')
    except PackageNotFoundError:  # another DDS, which reads neither variable
        return False
    return Path(prefix, 'share', 'fastrtps').is_dir()


def stay_on_this_machine() -> None:
    """Keeps DDS traffic on this machine, for the demo and tests, unless the user set a range."""
    if on_humble():
        os.environ.setdefault('ROS_LOCALHOST_ONLY', '1')
    else:
        os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')


OPERATOR_DOMAIN = 'PEDSAM_OPERATOR_DOMAIN'


@contextmanager
def apart() -> Iterator[int | None]:
    """Makes the contexts that are opened meanwhile invisible to every other process.

    If PEDSAM_OPERATOR_DOMAIN is set, they are visible in that domain, on this machine. Yields that
    domain, or None. They need no rights of DDS-Security, whose enclaves are for other domains.
    Raises ConfigError if it is no number. Humble cannot switch discovery off: there they are
    visible on this machine.
    """
    told = os.environ.get(OPERATOR_DOMAIN, '')
    if told and not (told.isascii() and told.isdecimal()):
        raise ConfigError(f'{OPERATOR_DOMAIN}={told!r:.20}: a domain id is expected')
    changed = {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST' if told else 'OFF'}
    if on_humble():
        changed = {'ROS_LOCALHOST_ONLY': '1'}
    changed |= {'ROS_STATIC_PEERS': '', 'ROS_SECURITY_ENABLE': 'false'}
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield int(told) if told else None
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def on_humble() -> bool:
    """Says whether this is Humble, which has neither discovery ranges nor static peers."""
    return os.environ.get('ROS_DISTRO') == 'humble'
