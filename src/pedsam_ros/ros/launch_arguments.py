"""What the launch files share: arguments that stand for settings, and nodes that follow arguments.

Launch files cannot import each other, so it is here.
No other module of the package imports `launch`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from launch import LaunchContext, SomeSubstitutionsType
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.utilities import make_namespace_absolute, prefix_namespace

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.foreign_text import parsed_yaml
from pedsam_ros.core.settings import Setting, settings_of
from pedsam_ros.core.shown import shown

BOOLEANS = ['true', 'false', 'True', 'False']
PROMPTS = {'points': '; without points and boxes, everything in view is segmented, which is slow'}
_AS_IN_FILE = ' (empty: as in params_file)'
_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal']
_NODE = {  # argument -> its default, text and choices
    'namespace': ('', "namespace of the nodes and their topics, such as the robot's name", None),
    'use_sim_time': ('false', 'take the time from /clock, as a simulator sets it', BOOLEANS),
    'log_level': ('info', 'severity from which on the nodes log', _LEVELS),
    'respawn': ('false', 'start a node again if it ends by itself', BOOLEANS),
    'respawn_delay_s': ('2.0', 'time before a node is started again, s', None),
}
OF_PROCESSES = ('log_level', 'respawn', 'respawn_delay_s')
OF_NODES = ('namespace', 'use_sim_time', *OF_PROCESSES)


def arguments(
    config: type[Any],
    defaults: Mapping[str, SomeSubstitutionsType],
    notes: Mapping[str, str] | None = None,
) -> list[DeclareLaunchArgument]:
    """Declares a launch argument for each setting of `config` that `defaults` names.

    Where the default is empty, the value may be empty too: then params_file decides. `notes` are
    added to the texts of the settings.
    """
    settings = {each.name: each for each in settings_of(config)}
    return [
        _argument(settings[name], default, (notes or {}).get(name, ''))
        for name, default in defaults.items()
    ]


def node_arguments(names: Iterable[str] = OF_NODES) -> list[DeclareLaunchArgument]:
    """Declares what `node` follows. `names` is OF_NODES, OF_PROCESSES or some of them."""
    return [
        DeclareLaunchArgument(name, default_value=default, description=text, choices=choices)
        for name, (default, text, choices) in _NODE.items()
        if name in names
    ]


def node(
    context: LaunchContext,
    executable: str,
    name: str,
    follows: Iterable[str] = OF_NODES,
    *,
    package: str = 'pedsam_ros',
    namespace: str = '',
    parameters: Iterable[Any] = (),
    **options: Any,
) -> Node:
    """Makes a node that obeys the arguments `follows`. `namespace` holds if no argument sets it.

    Raises ConfigError if respawn_delay_s is not a time.
    """
    told = {key: context.launch_configurations[key] for key in follows}
    namespace = told.get('namespace', namespace)
    around = context.launch_configurations.get('ros_namespace')  # of PushRosNamespace
    logger = f'{make_namespace_absolute(prefix_namespace(around, namespace))}/{name}'
    level = f'{logger.strip("/").replace("/", ".")}:={told.get("log_level", "info")}'
    sim_time = [{'use_sim_time': True}] if _is_true(told, 'use_sim_time') else []  # or params_file
    return Node(
        package=package,
        executable=executable,
        name=name,
        namespace=namespace,
        parameters=[*parameters, *sim_time],
        ros_arguments=['--log-level', level],  # of this node alone: rcl would say too much
        respawn=_is_true(told, 'respawn'),
        respawn_delay=_seconds(told.get('respawn_delay_s', '0')),
        output='screen',
        **options,
    )


def given(
    context: LaunchContext, config: type[Any], names: Iterable[str]
) -> dict[str, ParameterValue]:
    """Makes node parameters of the named arguments, each of its setting's type.

    Empty arguments are left out. Raises ConfigError if an argument is no list where one is due.
    """
    settings = {each.name: each for each in settings_of(config)}
    values = {name: _value(settings[name], context.launch_configurations[name]) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _is_true(told: Mapping[str, str], name: str) -> bool:
    return told.get(name, 'false').lower() == 'true'


def _value(each: Setting, text: str) -> ParameterValue | None:
    """What a text stands for; None if it is empty."""
    if not isinstance(each.default, tuple):
        told = LaunchConfiguration(each.name)
        return ParameterValue(told, value_type=each.kind) if text else None
    kind, example = each.kind.__args__[0], list(each.rule.example)
    try:
        listed = parsed_yaml(text or '[]')
        items = [kind(item) for item in listed] if isinstance(listed, list) else None
    except (TypeError, ValueError, OverflowError):
        items = None
    if items is None:
        raise ConfigError(f"{each.name}='{shown(text)}': expected a list like '{example}'")
    return ParameterValue(items) if items else None


def _seconds(text: str) -> float:
    """The time that a text stands for, s. Raises ConfigError."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float('inf'):
        raise ConfigError(f"respawn_delay_s='{shown(text)}': a time of 0 s or more")
    return seconds


def _argument(each: Setting, default: SomeSubstitutionsType, note: str) -> DeclareLaunchArgument:
    description, choices = each.text, _choices(each)
    if each.allowed and not choices:  # launch itself appends the choices
        description += f': {each.allowed}'
    if each.rule.example:
        description += f", like '{list(each.rule.example)}'"
    description += note
    if default == '':
        description += _AS_IN_FILE
        choices += [''] if choices else []
    return DeclareLaunchArgument(
        each.name, default_value=default, description=description, choices=choices or None
    )


def _choices(each: Setting) -> list[str]:
    return list(BOOLEANS) if each.kind is bool else [str(choice) for choice in each.rule.choices]
