"""One attack in each file. A new file is a new attack, and needs to be named nowhere else."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from pedsam_ros.audit.attack import Needs


def attacks(*needs: Needs) -> dict[str, ModuleType]:
    """The attacks that need one of `needs`, by name: that of the file."""
    names = sorted(each.name for each in pkgutil.iter_modules(__path__))
    modules = {name: importlib.import_module(f'{__name__}.{name}') for name in names}
    return {name: module for name, module in modules.items() if module.NEEDS in needs}
