"""ROS parameters <-> the settings of core.config: declared from them, read back into them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from pedsam_ros.core.errors import ConfigError, PedsamError
from pedsam_ros.core.settings import ConfigT, Group, Setting, groups_of, made, settings_of
from pedsam_ros.core.shown import written
from pedsam_ros.ros import clock

_TYPES = {
    bool: Parameter.Type.BOOL,
    int: Parameter.Type.INTEGER,
    float: Parameter.Type.DOUBLE,
    str: Parameter.Type.STRING,
    tuple[float, ...]: Parameter.Type.DOUBLE_ARRAY,
    tuple[int, ...]: Parameter.Type.INTEGER_ARRAY,
    tuple[str, ...]: Parameter.Type.STRING_ARRAY,
}
_ABSENT = 'not given from outside'


def declare(node: Node, config: type[Any]) -> dict[str, str]:
    """Declares every setting of a config class as a parameter; those of a group as GROUP.NAME.

    Some values given from outside may be of the wrong type or out of range. Their parameters keep
    the default until they are set again. Returns what is wrong with each of them, by name.
    Whole numbers may stand for doubles, here and later.
    """
    wrong = {}
    for name, each in _named(config).items():
        value = each.default
        try:
            value = _given(node, name, each)
        except ConfigError as error:
            wrong[name] = f'{name.removesuffix(each.name)}{error}'
        _declare(node, name, each, value)
    if hasattr(node, 'add_pre_set_parameters_callback'):  # Humble's has none: it wants doubles
        node.add_pre_set_parameters_callback(partial(_fitted, node, _named(config)))
    return wrong


def _named(config: type[Any]) -> dict[str, Setting]:
    """The settings by the names of their parameters."""
    return {
        group.prefix + each.name: each for group in groups_of(config) for each in group.settings
    }


def _given(node: Node, name: str, each: Setting) -> Any:
    """The value from outside that a parameter must begin with, or else its default.

    Raises ConfigError if the value is of another type or out of range.
    """
    of_any_type = ParameterDescriptor(dynamic_typing=True)
    given = node.declare_parameter(name, _ABSENT, of_any_type).value
    node.undeclare_parameter(name)
    if given == _ABSENT:
        return each.default
    value = each.fitted([] if given is None else given)  # ROS reads [] as no value at all
    if each.rule.low is not None and (broken := each.broken_rule(value)):
        raise ConfigError(f'{each.name}={written(value)}: {broken}')
    return value


def _declare(node: Node, name: str, each: Setting, value: Any) -> None:
    """Declares a parameter, with its value. ROS cannot tell the type of an empty list."""
    empty = value == ()
    first = _TYPES[each.kind] if empty else list(value) if isinstance(value, tuple) else value
    node.declare_parameter(name, first, _descriptor(name, each), ignore_override=True)
    if empty:
        node.set_parameters([Parameter(name, _TYPES[each.kind], [])])


def _fitted(
    node: Node, settings: Mapping[str, Setting], changes: list[Parameter]
) -> list[Parameter]:
    """The changes, each of its parameter's type if it can be.

    ROS itself refuses the others. Its reason is short, so the log says what to set instead.
    """
    fitted = []
    for change in changes:
        try:
            fitted.append(_fitted_to(settings.get(change.name), change))
        except ConfigError as error:
            node.get_logger().warning(str(error), **clock.SELDOM)
            fitted.append(change)
    return fitted


def _fitted_to(each: Setting | None, change: Parameter) -> Parameter:
    if each is None:  # a parameter of ROS itself
        return change
    value = each.fitted(change.value)
    as_list = list(value) if isinstance(value, tuple) else value
    return Parameter(change.name, _TYPES[each.kind], as_list)


def read(node: Node, config: type[ConfigT]) -> ConfigT:
    """The parameters as a checked config. Raises PedsamError if a value breaks a rule."""
    return made(config, partial(_values, node))


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
    live = live_changes(config, changes)
    names = _named(config)
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
    values = {c.name: tuple(c.value) for c in changes if c.name in names}
    return replace(current, **values)  # type: ignore[type-var]


def _values(node: Node, group: Group) -> dict[str, Any]:
    """The parameters of a group, as its config class takes them."""
    values = {}
    for each in group.settings:
        value = node.get_parameter(group.prefix + each.name).value
        values[each.name] = tuple(value) if isinstance(each.default, tuple) else value
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
