"""Makes command-line options from the settings of a config class, and the config from them."""

from __future__ import annotations

import argparse
from typing import Any, TypeVar

from pedsam_ros.core.settings import UNITS, Setting, settings_of

ConfigT = TypeVar('ConfigT')


def add_options(
    parser: argparse.ArgumentParser, defaults: Any, shown: str = '(default: {})'
) -> None:
    """Adds an option for each setting of the config `defaults`, which holds their defaults.

    An option has its setting's name, but a unit at the end of it becomes the placeholder:
    `wait_s` is `--wait S`. A bool is a flag, and `--no-` before it switches off what is on by
    default. A setting whose default is None takes a list of strings. The help is the setting's
    text, with its choices and the default as in `shown`.
    """
    for each in settings_of(type(defaults)):
        flag, placeholder = _flag(each)
        text, default = each.rule.text, getattr(defaults, each.name)
        if each.rule.choices:
            text += f': {each.allowed}'
        if default is True:
            both = argparse.BooleanOptionalAction
            parser.add_argument(flag, dest=each.name, action=both, default=True, help=text)
        elif default is False:
            parser.add_argument(flag, dest=each.name, action='store_true', help=text)
        elif default is None:
            one = placeholder.removesuffix('S')
            parser.add_argument(flag, dest=each.name, nargs='+', metavar=one, help=text)
        else:
            parser.add_argument(
                flag,
                dest=each.name,
                type=type(default),
                default=default,
                metavar=placeholder,
                help=f'{text} {shown.format(default)}',
            )


def config_of(config: type[ConfigT], args: argparse.Namespace) -> ConfigT:
    """The config that the options of `add_options` ask for. Raises ConfigError."""
    values = {each.name: getattr(args, each.name) for each in settings_of(config)}
    return config(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def _flag(each: Setting) -> tuple[str, str]:
    """The option's name and the placeholder of its value."""
    words, _, last = each.name.rpartition('_')
    if words and last in UNITS:
        return f'--{words.replace("_", "-")}', last.upper()
    return f'--{each.name.replace("_", "-")}', each.name.upper()
