"""Launch arguments that stand for settings: declared from them, and handed on as parameters.

Launch files cannot import each other, so what they share is here.
No other module of the package imports `launch`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from launch import LaunchContext, SomeSubstitutionsType
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.parameter_descriptions import ParameterValue

from pedsam_ros.core.settings import Setting, settings_of

BOOLEANS = ['true', 'false', 'True', 'False']
_AS_IN_FILE = ' (empty: as in params_file)'


def arguments(
    config: type[Any], defaults: Mapping[str, SomeSubstitutionsType]
) -> list[DeclareLaunchArgument]:
    """Declares a launch argument for each setting of `config` that `defaults` names.

    Where the default is empty, the value may be empty too: then params_file decides.
    """
    settings = {each.name: each for each in settings_of(config)}
    return [_argument(settings[name], default) for name, default in defaults.items()]


def given(
    context: LaunchContext, config: type[Any], names: Iterable[str]
) -> dict[str, ParameterValue]:
    """Makes node parameters of the named arguments, each of its setting's type.

    Empty arguments are left out.
    """
    kinds = {each.name: each.kind for each in settings_of(config)}
    return {
        name: ParameterValue(LaunchConfiguration(name), value_type=kinds[name])
        for name in names
        if context.launch_configurations[name]
    }


def _argument(each: Setting, default: SomeSubstitutionsType) -> DeclareLaunchArgument:
    description, choices = each.text, _choices(each)
    if each.allowed and not choices:  # launch itself appends the choices
        description += f': {each.allowed}'
    if default == '':
        description += _AS_IN_FILE
        choices += [''] if choices else []
    return DeclareLaunchArgument(
        each.name, default_value=default, description=description, choices=choices or None
    )


def _choices(each: Setting) -> list[str]:
    return list(BOOLEANS) if each.kind is bool else [str(choice) for choice in each.rule.choices]
