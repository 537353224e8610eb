"""Finds the Python class of a message type, and checks serialised messages against it."""

from __future__ import annotations

import re
from functools import reduce
from importlib import import_module
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from rclpy.serialization import deserialize_message

from pedsam_ros.core.errors import ConfigError

_TYPE = re.compile(r'([A-Za-z]\w*)/(msg|srv|action)/([A-Za-z]\w*)', re.ASCII)
_INNER = (  # the end of a type's name -> where its class is below that of the service or action
    ('_FeedbackMessage', 'Impl.FeedbackMessage'),
    ('_SendGoal_Event', 'Impl.SendGoalService.Event'),
    ('_GetResult_Event', 'Impl.GetResultService.Event'),
    ('_Event', 'Event'),
)


def message_class(type_name: str) -> Any:
    """The Python class of package/msg/Name, or of a service's events or an action's feedback.

    Raises ConfigError if it is not installed.
    """
    match = _TYPE.fullmatch(type_name)
    if match is None:
        raise ConfigError(f'type={type_name!r}: package/msg/Name is expected')
    package, kind, name = match.groups()
    inner: list[str] = []
    if kind != 'msg':
        for end, path in _INNER:
            if name.endswith(end):
                name, inner = name.removesuffix(end), path.split('.')
                break
    try:
        get_package_prefix(package)  # so that a bag cannot name any module to import
        found = reduce(getattr, [name, *inner], import_module(f'{package}.{kind}'))
    except PackageNotFoundError as error:
        raise ConfigError(f'type={type_name!r}: package {package} is not installed') from error
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f'type={type_name!r}: not installed: {error}') from error
    if not hasattr(found, 'get_fields_and_field_types'):
        raise ConfigError(f'type={type_name!r}: names no message')
    return found


def begins_with_header(kind: Any) -> bool:
    """Whether the first field of a message class is a std_msgs/Header."""
    return next(iter(kind.get_fields_and_field_types().values()), '') == 'std_msgs/Header'


def decoded(cdr: bytes, kind: Any) -> Any:
    """The message of a class that is serialised in `cdr`, in either byte order.

    Raises ValueError if it is none. A reader that got it would fail, or end.
    """
    try:
        return deserialize_message(cdr, kind)
    except Exception as error:  # of the middleware's; on bad data Python's as well
        told = str(error).partition('\n')[0].partition(', at /')[0]
        raise ValueError(f'{len(cdr)} bytes are no {kind.__name__}: {told}') from error
