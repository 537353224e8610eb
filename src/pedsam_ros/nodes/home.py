"""Where the files lie that a node keeps for itself, unless its parameters name others."""

from __future__ import annotations

import os
from pathlib import Path


def ledger_path(node: str) -> Path:
    """The ledger of the node with this fully qualified name; no other node has the same."""
    return _folder() / f'exposure{node.replace("/", ".")}.json'


def former_ledger_path(node: str) -> Path:
    """Where the ledger of this node was before; /a/b and /a_b had the same file."""
    return _folder() / f'exposure{node.replace("/", "_")}.json'


def operator_path(name: str = '') -> Path:
    """The file of the operator's secret; `name` is the parameter operator_file."""
    return Path(name) if name else _folder() / 'operator.secret'


def keys_path() -> Path:
    """The folder of this host's private keys, those of a worker as well."""
    return _folder() / 'keys'


def _folder() -> Path:
    """In ROS_HOME, which is ~/.ros by default."""
    return Path(os.environ.get('ROS_HOME', '~/.ros')).expanduser() / 'pedsam'
