"""Command-line options made from settings."""

import argparse
from dataclasses import dataclass

import pytest

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.options import add_options, config_of
from pedsam_ros.core.settings import check_fields, setting


@dataclass(frozen=True, kw_only=True)
class Trip:
    """Something with one setting of each kind."""

    seats: int = setting(2, 'how many', low=1, high=4)
    top_speed: float = setting(1.5, 'how fast')
    wait_s: float = setting(0.5, 'how long')
    fuel: str = setting('oil', 'which', choices=('oil', 'wood'))
    back: bool = setting(False, 'and back')
    lights: bool = setting(True, 'with lights')
    stops: tuple[str, ...] | None = setting(None, 'only these')

    def __post_init__(self) -> None:
        check_fields(self)


def parser(defaults=None, **more) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser()
    add_options(made, defaults or Trip(), **more)
    return made


def test_without_options_the_defaults_hold():
    """Those of the config that was given."""
    for defaults in (Trip(), Trip(seats=3, fuel='wood')):
        assert config_of(Trip, parser(defaults).parse_args([])) == defaults


def test_every_setting_has_an_option():
    """A unit at the end of a name is the placeholder of its value."""
    line = '--seats 4 --top-speed 9 --wait 2 --fuel wood --back --no-lights --stops here there'
    stops = ('here', 'there')
    assert config_of(Trip, parser().parse_args(line.split())) == Trip(
        seats=4, top_speed=9.0, wait_s=2.0, fuel='wood', back=True, lights=False, stops=stops
    )


def test_the_help_says_text_placeholder_and_default():
    """The default as the caller wants it shown."""
    text = ' '.join(parser().format_help().split())
    assert '--wait S how long (default: 0.5)' in text
    assert '--top-speed TOP_SPEED how fast (default: 1.5)' in text
    assert '--stops STOP [STOP ...] only these' in text
    assert '--fuel FUEL which: oil, wood (default: oil)' in text
    assert '--back and back' in text
    assert '--lights, --no-lights with lights' in text
    assert '--seats SEATS how many (2)' in ' '.join(parser(shown='({})').format_help().split())


def test_a_value_that_breaks_its_rule_is_named():
    """By the config, as everywhere."""
    with pytest.raises(ConfigError, match='seats=5: from 1 to 4'):
        config_of(Trip, parser().parse_args(['--seats', '5']))
