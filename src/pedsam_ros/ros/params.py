"""ROS parameters <-> the settings of core.config: declared from them, read back into them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from pedsam_ros.core.errors import ConfigError, PedsamError
from pedsam_ros.core.workers_file import WorkerEntry, parse_workers

ConfigT = TypeVar('ConfigT')
_LISTS = {
    'tuple[float, ...]': Parameter.Type.DOUBLE_ARRAY,
    'tuple[int, ...]': Parameter.Type.INTEGER_ARRAY,
}


def declare(node: Node, config: type[Any]) -> dict[str, str]:
    """Declares every setting of a config class; nested ones as GROUP.NAME.

    Returns, by name, what is wrong with the values given from outside: of another type, or out of
    range. Those parameters have their defaults until they are set again.
    """
    wrong = {}
    for prefix, group in _groups(config()):
        for each in _settings(group):
            name, value = prefix + each.name, getattr(group, each.name)
            if value == ():
                value = _LISTS[str(each.type)]  # an empty list has no type of its own
            try:
                node.declare_parameter(name, value, _descriptor(name, each))
            except (InvalidParameterTypeException, InvalidParameterValueException) as error:
                wrong[name] = f'{name}: {error}'
                node.declare_parameter(name, value, _descriptor(name, each), ignore_override=True)
    return wrong


def read(node: Node, config: type[ConfigT]) -> ConfigT:
    """The parameters as a checked config. Raises ConfigError."""
    return _read(node, config, '')


def read_workers(path: str, own_domain: int) -> tuple[WorkerEntry, ...]:
    """The workers of a workers.yaml. Raises ConfigError."""
    try:
        data = yaml.safe_load(Path(path).expanduser().read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f'workers_file={path!r}: {error}') from None
    return parse_workers(data, own_domain)


def live_changes(config: type[Any], changes: list[Parameter]) -> list[Parameter]:
    """Those of settings that may change while the node is configured."""
    live = {each.name for each in _settings(config()) if each.metadata.get('live')}
    return [change for change in changes if change.name in live]


def check_change(config: type[Any], current: Any, changes: list[Parameter]) -> SetParametersResult:
    """May these parameters be set now? `current` is None while the node is unconfigured.

    While it is configured only live ones may, and only to what the rules allow.
    """
    if current is None:
        return SetParametersResult(successful=True)
    names = {
        prefix + each.name for prefix, group in _groups(config()) for each in _settings(group)
    }
    live = live_changes(config, changes)
    fixed = [change.name for change in changes if change.name in names and change not in live]
    if fixed:
        reason = f'{fixed[0]}: only while unconfigured (lifecycle: cleanup first)'
        return SetParametersResult(successful=False, reason=reason)
    try:
        replaced(current, live)
    except PedsamError as error:
        return SetParametersResult(successful=False, reason=str(error))
    return SetParametersResult(successful=True)


def replaced(current: ConfigT, changes: list[Parameter]) -> ConfigT:
    """`current` with its live settings changed. Raises PedsamError if a rule is broken."""
    values = {each.name: getattr(current, each.name) for each in fields(current)}  # type: ignore[arg-type]
    values |= {c.name: tuple(c.value or ()) for c in changes if c.name in values}
    return type(current)(**values)


def _read(node: Node, config: type[ConfigT], prefix: str) -> ConfigT:
    values: dict[str, Any] = {}
    for each in fields(config):  # type: ignore[arg-type]
        default = getattr(config(), each.name)
        if is_dataclass(default):
            values[each.name] = _read(node, type(default), f'{each.name}.')
        else:
            value = node.get_parameter_or(prefix + each.name).value
            values[each.name] = tuple(value or ()) if isinstance(default, tuple) else value
    return config(**values)


def _groups(config: Any) -> Iterator[tuple[str, Any]]:
    """The config itself and each config nested in it, with the prefix of its parameters."""
    yield '', config
    for each in fields(config):
        if is_dataclass(getattr(config, each.name)):
            yield f'{each.name}.', getattr(config, each.name)


def _settings(config: Any) -> list[Field[Any]]:
    return [each for each in fields(config) if 'note' in each.metadata]


def _descriptor(name: str, each: Field[Any]) -> ParameterDescriptor:
    rule = each.metadata
    descriptor = ParameterDescriptor(
        name=name, description=rule['note'], read_only=rule.get('fixed', False)
    )
    if 'choices' in rule:
        descriptor.additional_constraints = 'one of: ' + ', '.join(map(str, rule['choices']))
    elif not rule.get('live'):
        descriptor.additional_constraints = 'may change only while the node is unconfigured'
    if 'low' in rule and isinstance(rule['low'], float):
        ends = {'from_value': rule['low'], 'to_value': rule['high']}
        descriptor.floating_point_range = [FloatingPointRange(step=0.0, **ends)]
    elif 'low' in rule:
        ends = {'from_value': rule['low'], 'to_value': rule['high']}
        descriptor.integer_range = [IntegerRange(step=1, **ends)]
    return descriptor
