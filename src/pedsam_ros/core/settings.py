"""What a setting is: a dataclass field that knows its text, its unit and what it may be.

config.py and workers_file.py list the settings. ROS parameters, launch arguments, command-line
options, config/*.yaml and docs/parameters.md are all made from them: `groups_of` hands them out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import islice
from typing import Any, TypeVar, get_args, get_type_hints

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.shown import written

ConfigT = TypeVar('ConfigT')
MOST_ITEMS = 8192  # of a list; twice what all points and boxes of a request need
_MOST_OF_FLOAT = 10**300  # Python cannot make a float of larger whole numbers
UNITS = {'s': 's', 'px': 'px', 'hz': 'Hz'}  # what the last word of a name stands for
_ONE = {  # type -> how to write a value of it
    bool: 'true or false, without quotes',
    int: 'a whole number',
    float: 'a number',
    str: 'a text, in quotes if it could be anything else',
}
_MANY = {int: 'whole numbers', float: 'numbers', str: 'texts'}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a setting means, what it may be and when it may change."""

    text: str  # one phrase; the unit and the allowed values are added where it is shown
    unit: str = ''  # needed only where the name does not end in it
    low: float | None = None  # bounds, both included
    high: float | None = None
    choices: tuple[Any, ...] = ()  # the only values allowed
    each: tuple[str, ...] = ()  # the only items allowed in a list
    pattern: str = ''  # regular expression that a string matches as a whole
    form: str = ''  # the same in words
    example: tuple[Any, ...] = ()  # shown where the default is an empty list
    live: bool = False  # may change at any time
    fixed: bool = False  # read at the node's start, never again


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of a config class; `default` is MISSING if a value must be given."""

    name: str
    kind: Any
    default: Any
    rule: Rule

    @property
    def unit(self) -> str:
        """The unit's symbol, taken from the name's last word if the rule names no other."""
        return self.rule.unit or UNITS.get(self.name.rpartition('_')[2], '')

    @property
    def text(self) -> str:
        """The phrase, with the unit behind it."""
        return f'{self.rule.text}, {self.unit}' if self.unit else self.rule.text

    @property
    def allowed(self) -> str:
        """The allowed values in words; empty if any value of the type will do."""
        rule = self.rule
        if rule.low is not None:
            return f'{rule.low} to {rule.high}'
        return rule.form or ', '.join(map(str, rule.choices or rule.each))

    @property
    def changes(self) -> str:
        """When the parameter may change, in words."""
        if self.rule.fixed:
            return 'only at start'
        return 'at any time' if self.rule.live else 'only while the node is unconfigured'

    def fitted(self, value: Any) -> Any:
        """A value from outside as this setting's type: a whole number may stand for a double, and
        a list becomes a tuple.

        Raises ConfigError, which says what to write instead.
        """
        inner = get_args(self.kind)[:1]
        if not inner and (one := _as_type(self.kind, value)) is not None:
            return one
        if inner and not isinstance(value, str | bytes) and isinstance(value, Iterable):
            given = tuple(islice(value, MOST_ITEMS + 1))
            if len(given) > MOST_ITEMS:
                raise ConfigError(f'{self.name}: more than {MOST_ITEMS} values')
            items = tuple(_as_type(inner[0], item) for item in given)
            if None not in items:
                return items
        raise ConfigError(f'{self.name}={written(value)}: {self._written}')

    def broken_rule(self, value: Any) -> str:
        """The rule that a value breaks, in words; empty if it keeps them all."""
        rule = self.rule
        if rule.choices and value not in rule.choices:
            return f'one of {self.allowed}'
        if rule.each and not set(value) <= set(rule.each):
            return f'each one of {self.allowed}'
        if rule.low is not None and rule.high is not None and not rule.low <= value <= rule.high:
            return f'from {self.allowed}'
        if rule.pattern and not (isinstance(value, str) and re.fullmatch(rule.pattern, value)):
            return rule.form
        return ''

    @property
    def _written(self) -> str:
        """How to write a value of this type, in words."""
        inner = get_args(self.kind)[:1]
        if not inner:
            return _ONE[self.kind]
        return f'a list of {_MANY[inner[0]]}, such as {list(self.default or self.rule.example)}'


@dataclass(frozen=True, slots=True)
class Group:
    """The settings of one config class, and the prefix of their parameters: '' or 'loss.'"""

    prefix: str
    text: str
    settings: tuple[Setting, ...]


def _as_type(kind: type, value: Any) -> Any:
    """The value as `kind`; None if it is of another type. A bool is no number."""
    if kind is float and type(value) is int:
        return float(value) if abs(value) < _MOST_OF_FLOAT else None
    return value if type(value) is kind else None


def described(text: str, **rule: Any) -> Mapping[str, Rule]:
    """Metadata of a field: what it means, and its Rule."""
    return {'rule': Rule(text=text, **rule)}


def setting(default: Any, text: str, **rule: Any) -> Any:
    """A dataclass field with a default that knows its Rule."""
    return field(default=default, metadata=described(text, **rule))


def grouped(text: str) -> Mapping[str, str]:
    """Metadata of a field that holds a config class: what its settings are about."""
    return {'group': text}


def check_fields(config: Any) -> None:
    """Raises ConfigError if a setting of `config` breaks its rule."""
    for each in settings_of(type(config)):
        value = getattr(config, each.name)
        if broken := each.broken_rule(value):
            raise ConfigError(f'{each.name}={written(value)}: {broken}')


def settings_of(config: type[Any]) -> tuple[Setting, ...]:
    """The settings that a config class holds itself, in their order."""
    kinds = get_type_hints(config)
    return tuple(
        Setting(each.name, kinds[each.name], each.default, each.metadata['rule'])
        for each in fields(config)
        if 'rule' in each.metadata
    )


def groups_of(config: type[Any]) -> tuple[Group, ...]:
    """The settings of a config class, then those of each class nested in it."""
    kinds = get_type_hints(config)
    nested = [each for each in fields(config) if 'group' in each.metadata]
    return Group('', '', settings_of(config)), *(
        Group(f'{each.name}.', each.metadata['group'], settings_of(kinds[each.name]))
        for each in nested
    )


def made(config: type[ConfigT], values: Callable[[Group], Mapping[str, Any]]) -> ConfigT:
    """A config of what `values` gives for each group of its settings; the others keep their
    default. Raises PedsamError if a rule is broken."""
    own, *nested = groups_of(config)
    defaults: Any = config()
    given = dict(values(own))
    for group in nested:
        name = group.prefix.removesuffix('.')
        given[name] = replace(getattr(defaults, name), **values(group))
    return config(**given)


def parameters_of(config: Any) -> dict[str, Any]:
    """The ROS parameters that make this config: name -> value; lists in place of tuples. Empty
    lists are left out, because ROS cannot tell their type."""
    found: dict[str, Any] = {}
    for group in groups_of(type(config)):
        name = group.prefix.removesuffix('.')
        holder = getattr(config, name) if name else config
        for each in group.settings:
            value = getattr(holder, each.name)
            found[group.prefix + each.name] = list(value) if isinstance(value, tuple) else value
    return {name: value for name, value in found.items() if value != []}
