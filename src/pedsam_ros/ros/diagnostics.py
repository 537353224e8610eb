"""Messages for /diagnostics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Header

OK: bytes = DiagnosticStatus.OK
WARN: bytes = DiagnosticStatus.WARN
ERROR: bytes = DiagnosticStatus.ERROR


def status(name: str, level: bytes, message: str, values: Mapping[str, Any]) -> DiagnosticStatus:
    """The message of one component. Floats are written with six significant digits."""
    pairs = [KeyValue(key=key, value=_text(value)) for key, value in values.items()]
    return DiagnosticStatus(
        name=name, level=level, message=message, hardware_id='pedsam', values=pairs
    )


def array(stamp: Time, statuses: list[DiagnosticStatus]) -> DiagnosticArray:
    """The message of all components of a node."""
    return DiagnosticArray(header=Header(stamp=stamp), status=statuses)


def _text(value: Any) -> str:
    return f'{value:.6g}' if isinstance(value, float) else str(value)
