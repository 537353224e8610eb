"""Writes figures as JSON, with what a reader needs to judge them: machine, versions, command."""

from __future__ import annotations

import json
import os
import platform
import shlex
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = (
    *('numpy', 'torch', 'segment-anything', 'opencv-python-headless', 'safetensors'),
    *('rosbags', 'pycocotools'),
)


def write_figures(path: Path, figures: Mapping[str, Any]) -> None:
    """Writes `figures` to `path` as JSON, and makes the folder if it is not there.

    The keys `command`, `machine` and `versions` are added. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {**figures, 'command': _command(), 'machine': _machine(), 'versions': _versions()}
    path.write_text(json.dumps(whole, indent=2) + '\n')


def _command() -> str:
    program = Path(sys.argv[0]).name
    return shlex.join(['pedsam' if program == 'cli.py' else program, *sys.argv[1:]])


def _machine() -> dict[str, Any]:
    return {
        'system': platform.platform(),
        'processor': platform.machine(),
        'cpu': _cpu(),
        'cores': len(os.sched_getaffinity(0)),
        'memory_bytes': os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE'),
    }


def _cpu() -> str:
    """The processor as Linux names it; on ARM it has no name."""
    try:
        told = Path('/proc/cpuinfo').read_text()
    except OSError:
        return 'unknown'
    named = (line for line in told.splitlines() if line.startswith('model name'))
    return next(named, 'unknown').split(':')[-1].strip()


def _versions() -> dict[str, str]:
    found = {'python': platform.python_version(), 'ros': os.environ.get('ROS_DISTRO', 'unknown')}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = 'absent'
    return found
