"""Reads a file of ROS parameters as settings, where there is no node to read it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pedsam_ros.core.errors import ConfigError, PedsamError
from pedsam_ros.core.foreign_text import parsed_yaml, read_bounded
from pedsam_ros.core.settings import ConfigT, Group, made
from pedsam_ros.core.shown import shown, written

_ALL = '/**'
_PARAMETERS = 'ros__parameters'
_OF_ROS = ('use_sim_time', 'start_type_description_service', 'qos_overrides')  # any node's


def read_parameters(file: Path, config: type[ConfigT]) -> ConfigT:
    """The settings of a config class as a params file gives them; the others keep their default.

    The file has one node, or `/**` for all. Parameters that every ROS node has are passed over.
    Raises ConfigError, which names the file, if it cannot be read, has a name that is no setting,
    or if a value breaks a rule.
    """
    try:
        data = parsed_yaml(read_bounded(file))
    except (OSError, ValueError) as error:
        raise ConfigError(f'{shown(file, 300)}: {shown(error, 200)}') from None
    try:
        return settings_from(data, config)
    except PedsamError as error:  # also BadPrompt
        raise ConfigError(f'{shown(file, 300)}: {error}') from None


def settings_from(data: Any, config: type[ConfigT]) -> ConfigT:
    """The same of a file that has been read. Raises PedsamError."""
    given = _flat(_of_one_node(data))
    read = made(config, partial(_taken, given))
    if strange := [name for name in given if name.split('.')[0] not in _OF_ROS]:
        raise ConfigError(f'{shown(strange[0])}: no setting has this name')
    return read


def _of_one_node(data: Any) -> Mapping[Any, Any]:
    if not isinstance(data, Mapping) or len(data) != 1:
        raise ConfigError(f'one entry, such as {_ALL}, is expected')
    entry = next(iter(data.values()))
    if not isinstance(entry, Mapping) or set(entry) != {_PARAMETERS}:
        raise ConfigError(f'{shown(next(iter(data)))}: one key, {_PARAMETERS}, is expected')
    parameters = entry[_PARAMETERS]
    if not isinstance(parameters, Mapping):
        raise ConfigError(f'{_PARAMETERS}={written(parameters)}: names with values are expected')
    return parameters


def _flat(parameters: Mapping[Any, Any], prefix: str = '') -> dict[str, Any]:
    """Values by their whole names, as in loss.stale_s. ROS takes both ways of writing one."""
    found: dict[str, Any] = {}
    for key, value in parameters.items():
        if not isinstance(key, str):
            raise ConfigError(f'{written(key)}: no setting has this name')
        inner = {prefix + key: value}
        if isinstance(value, Mapping):
            inner = _flat(value, f'{prefix}{key}.')
        for name in inner:
            if name in found:
                raise ConfigError(f'{shown(name)}: stands twice')
        found |= inner
    return found


def _taken(given: dict[str, Any], group: Group) -> dict[str, Any]:
    """The given values of a group, which are taken out of `given`. Raises ConfigError."""
    values = {}
    for each in group.settings:
        name = group.prefix + each.name
        if name not in given:
            continue
        value = given.pop(name)
        try:
            values[each.name] = each.fitted([] if value is None else value)
        except ConfigError as error:
            raise ConfigError(f'{group.prefix}{error}') from None
        if broken := each.broken_rule(values[each.name]):
            raise ConfigError(f'{name}={written(values[each.name])}: {broken}')
    return values
