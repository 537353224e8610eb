"""Gives rosbags the definitions of message types: ROS's own, and others from the ament index."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from pedsam_ros.core.errors import ConfigError


def typestore_with(type_name: str) -> Typestore:
    """The store of all types asked for so far, with `type_name` and the types inside it.

    `type_name` is package/msg/Name. Raises ConfigError if its definition is not installed or
    rosbags cannot represent it.
    """
    store = _store()
    found: dict[str, Any] = {}
    wanted = [type_name]
    while wanted:
        name = wanted.pop()
        if name not in store.fielddefs and name not in found:
            found.update(_definition(name))
            wanted += _types_in(found[name])
    if found:
        store.register(found)
    return store


@cache
def _store() -> Typestore:
    """The types of this distribution of ROS, or else of Kilted.

    Few differ, but those of a bag must be those of its publishers.
    """
    own = f'ROS2_{os.environ.get("ROS_DISTRO", "").upper()}'
    return get_typestore(Stores.__members__.get(own, Stores.ROS2_KILTED))


def _definition(type_name: str) -> dict[str, Any]:
    """The parsed .msg file of a type, found through the ament index. Raises ConfigError."""
    package, kind, name = type_name.split('/') if type_name.count('/') == 2 else ('', '', '')
    if kind != 'msg':
        raise ConfigError(f'type={type_name!r}: package/msg/Name is expected')
    try:
        file = Path(get_package_share_directory(package), 'msg', f'{name}.msg')
        return dict(get_types_from_msg(file.read_text(encoding='utf-8'), type_name))
    except (PackageNotFoundError, OSError, ValueError) as error:
        raise ConfigError(f'type={type_name!r}: no definition is installed: {error}') from error
    except TypesysError as error:
        raise ConfigError(f'type={type_name!r}: rosbags cannot read {file}: {error}') from error


def _types_in(definition: Any) -> list[str]:
    """The names of the message types among the fields of a parsed definition."""
    plain = (
        inner[0] if kind in (Nodetype.ARRAY, Nodetype.SEQUENCE) else (kind, inner)
        for _, (kind, inner) in definition[1]
    )
    return [name for kind, name in plain if kind == Nodetype.NAME]
