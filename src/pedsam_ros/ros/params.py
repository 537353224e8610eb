"""ROS parameters <-> the settings of core.config: declared from them, read back into them."""

from __future__ import annotations

from dataclasses import replace
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
from pedsam_ros.core.settings import Group, Setting, groups_of, settings_of
from pedsam_ros.core.workers_file import WorkerEntry, parse_workers

ConfigT = TypeVar('ConfigT')
_LISTS = {
    tuple[float, ...]: Parameter.Type.DOUBLE_ARRAY,
    tuple[int, ...]: Parameter.Type.INTEGER_ARRAY,
}


def declare(node: Node, config: type[Any]) -> dict[str, str]:
    """Declares every setting of a config class as a parameter; those of a group as GROUP.NAME.

    Some values given from outside may be of the wrong type or out of range. Their parameters keep
    the default until they are set again. Returns what is wrong with each of them, by name.
    """
    wrong = {}
    for group in groups_of(config):
        for each in group.settings:
            name, value = group.prefix + each.name, each.default
            if value == ():
                value = _LISTS[each.kind]  # an empty list has no type of its own
            try:
                node.declare_parameter(name, value, _descriptor(name, each))
            except (InvalidParameterTypeException, InvalidParameterValueException) as error:
                wrong[name] = f'{name}: {error}'
                node.declare_parameter(name, value, _descriptor(name, each), ignore_override=True)
    return wrong


def read(node: Node, config: type[ConfigT]) -> ConfigT:
    """The parameters as a checked config. Raises PedsamError if a value breaks a rule."""
    own, *nested = groups_of(config)
    defaults: Any = config()
    values = _values(node, own)
    for group in nested:
        name = group.prefix.removesuffix('.')
        values[name] = replace(getattr(defaults, name), **_values(node, group))
    return config(**values)


def read_workers(path: str, own_domain: int) -> tuple[WorkerEntry, ...]:
    """The workers of a workers.yaml. Raises ConfigError."""
    try:
        data = yaml.safe_load(Path(path).expanduser().read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f'workers_file={path!r}: {error}') from None
    return parse_workers(data, own_domain)


def live_changes(config: type[Any], changes: list[Parameter]) -> list[Parameter]:
    """The changes of settings that may change while the node is configured."""
    live = {each.name for each in settings_of(config) if each.rule.live}
    return [change for change in changes if change.name in live]


def check_change(config: type[Any], current: Any, changes: list[Parameter]) -> SetParametersResult:
    """Whether these parameters may be set now. `current` is None while the node is unconfigured.

    While it is configured only live settings may change, and only as the rules allow.
    """
    if current is None:
        return SetParametersResult(successful=True)
    names = {group.prefix + each.name for group in groups_of(config) for each in group.settings}
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
    names = {each.name for each in settings_of(type(current))}
    values = {c.name: tuple(c.value or ()) for c in changes if c.name in names}
    return replace(current, **values)  # type: ignore[type-var]


def _values(node: Node, group: Group) -> dict[str, Any]:
    """The parameters of a group, as its config class takes them."""
    values = {}
    for each in group.settings:
        value = node.get_parameter_or(group.prefix + each.name).value
        values[each.name] = tuple(value or ()) if isinstance(each.default, tuple) else value
    return values


def _descriptor(name: str, each: Setting) -> ParameterDescriptor:
    rule = each.rule
    descriptor = ParameterDescriptor(name=name, description=each.text, read_only=rule.fixed)
    if rule.choices:
        descriptor.additional_constraints = f'one of: {each.allowed}'
    elif not rule.live:
        descriptor.additional_constraints = f'may change {each.changes}'
    if rule.low is not None:
        ends = {'from_value': rule.low, 'to_value': rule.high}
        if isinstance(rule.low, float):
            descriptor.floating_point_range = [FloatingPointRange(step=0.0, **ends)]
        else:
            descriptor.integer_range = [IntegerRange(step=1, **ends)]
    return descriptor
