"""A user's own weights, from a folder on this machine: nothing is fetched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.shown import shown, written

Loaded = TypeVar('Loaded')
INSTALL = 'pip install -r requirements/attackers.txt'


def checked(attacker: str, folder: Path | None) -> Path:
    """The folder of a user's weights. Raises ConfigError if it is not given or not there."""
    if folder is None or not folder.is_dir():
        named = written(str(folder or ''), 300)
        raise ConfigError(f'attacker={attacker}: weights={named}: the folder of a saved model')
    return folder


def loaded(attacker: str, folder: Path, load: Callable[[Path], Loaded]) -> Loaded:
    """What `load` makes of a folder. Raises ConfigError if a library or a file is missing."""
    try:
        return load(folder)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f'attacker={attacker}: {error.name} is not installed: {INSTALL}'
        ) from error
    except Exception as error:  # of a foreign file; its readers raise nearly anything
        reason = shown(' '.join(str(error)[:1000].split()), 300)
        raise ConfigError(f'attacker={attacker}: {folder}: not readable ({reason})') from error
