"""Writes all that documents the parameters, from core/config.py and core/workers_file.py.

That is everything in config/edge.yaml, worker.yaml, overlay.yaml and workers.yaml, and what stands
between two marks in docs/parameters.md and README.md. With --check it writes nothing and fails if
one of these files is out of date. It needs neither ROS nor torch:

    PYTHONPATH=src python scripts/write_parameters.py [--check]
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import MISSING
from pathlib import Path
from textwrap import wrap
from typing import Any

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.overlay_config import OverlayConfig
from pedsam_ros.core.settings import Setting, groups_of, settings_of
from pedsam_ros.core.worker_config import WorkerConfig
from pedsam_ros.core.workers_file import WorkerEntry

ROOT = Path(__file__).resolve().parents[1]
NODES = {'edge': EdgeConfig, 'worker': WorkerConfig, 'overlay': OverlayConfig}
LAUNCHED = {  # node -> parameters that its launch file sets even if its user does not
    'edge': ('edge.launch.py', ('image_transport', 'workers_file', 'autostart')),
    'worker': ('worker.launch.py', ('name', 'autostart')),
    'overlay': ('edge.launch.py', ('image_transport',)),
}
IN_README = {
    'edge': 'checkpoint workers_file image_transport every_frame deadline_s max_in_flight '
    'ledger_file key_folder insecure regions transport device precision points boxes autostart '
    'automatic.points_per_side placement.max_share placement.local_windows '
    'loss.on_server_loss loss.worker_timeout_s',
    'worker': 'name edge_key key_folder insecure checkpoint max_batch device precision autostart',
    'overlay': 'image_transport opacity',
}
TYPES = {
    bool: 'bool',
    int: 'int',
    float: 'double',
    str: 'string',
    tuple[int, ...]: 'int[]',
    tuple[int, ...] | None: 'int[]',
    tuple[float, ...]: 'double[]',
    tuple[str, ...]: 'string[]',
}
WORKERS = ('alice', 'bob', 'carol')
FIRST_DOMAIN = 11
BEGIN, END = '<!-- parameters: begin -->\n', '<!-- parameters: end -->\n'


def main() -> int:
    """Writes the files, or checks them; returns the exit status."""
    stale = [path for path, text in files() if path.read_text() != text]
    if '--check' not in sys.argv:
        for path, text in files():
            path.write_text(text)
        return 0
    for path in stale:
        print(f'{path.relative_to(ROOT)}: out of date; run scripts/write_parameters.py')
    return 1 if stale else 0


def files() -> Iterator[tuple[Path, str]]:
    """Each file that documents parameters, and what belongs in it."""
    for node in NODES:
        yield ROOT / 'config' / f'{node}.yaml', yaml_of(node)
    yield ROOT / 'config' / 'workers.yaml', workers_yaml()
    for path, tables in (
        (ROOT / 'docs' / 'parameters.md', full_tables()),
        (ROOT / 'README.md', short_tables()),
    ):
        before, _, rest = path.read_text().partition(BEGIN)
        yield path, before + BEGIN + tables + END + rest.partition(END)[2]


def yaml_of(node: str) -> str:
    """A node's parameter file: every parameter with its default, and a comment on its line."""
    launch_file, launched = LAUNCHED[node]
    groups = groups_of(NODES[node])
    head = [
        f'Every parameter of {node}_node: default, meaning, unit and allowed values.',
        when_they_change(node),
        f'{launch_file} sets {listed(launched)}, whatever this file says.',
    ]
    if any(each.default == () for group in groups for each in group.settings):
        head.append(
            'Lists in comments are examples; their default is [], which has no type of its own.'
        )
    head.append('Written by scripts/write_parameters.py; copy the file to change its values.')
    lines = [f'# {line}' for sentence in head for line in wrap(sentence, 116)]
    lines += ['/**:', '  ros__parameters:']
    for group in groups:
        indent = 4 * ' '
        if group.prefix:
            lines.append(f'{indent}{group.prefix.removesuffix(".")}:  # {group.text}')
            indent += 2 * ' '
        lines += [indent + yaml_line(each) for each in group.settings]
    return '\n'.join(lines) + '\n'


def yaml_line(each: Setting) -> str:
    """A setting with its default, or, if that is an empty list, an example in a comment."""
    off, value = ('# ', each.rule.example) if each.default == () else ('', each.default)
    return f'{off}{each.name}: {as_yaml(value)}  # {explained(each)}'


def workers_yaml() -> str:
    """Three workers, and what each key means."""
    keys = settings_of(WorkerEntry)
    width = max(len(each.name) for each in keys)
    lines = [
        "# The workers of one edge. Each has a DDS domain of its own, which is not the edge's."
    ]
    lines += [f'#   {each.name:{width}}  {explained(each)}' for each in keys]
    lines += ['# The comments are written by scripts/write_parameters.py.', 'workers:']
    for number, name in enumerate(WORKERS):
        lines.append(f'  - {{name: {name}, domain_id: {FIRST_DOMAIN + number}, windows: all}}')
    return '\n'.join(lines) + '\n'


def full_tables() -> str:
    """A table for each group of each node, and one for workers.yaml."""
    parts = ['']
    for node, config in NODES.items():
        parts.append(f'## {node}_node\n\n{when_they_change(node)}\n')
        for group in groups_of(config):
            if group.prefix:
                parts.append(f'### `{group.prefix}*`: {group.text}\n')
            parts.append(long_table(group.settings, group.prefix))
    parts.append(
        '## workers.yaml\n\nIts one key, `workers`, is a list. Each worker has these keys:\n'
    )
    return '\n'.join([*parts, long_table(settings_of(WorkerEntry)), ''])


def short_tables() -> str:
    """The parameters that most users meet, and the keys of workers.yaml."""
    parts = ['']
    for node, names in IN_README.items():
        known = {
            group.prefix + each.name: each
            for group in groups_of(NODES[node])
            for each in group.settings
        }
        parts.append(short_table(node, {name: known[name] for name in names.split()}))
    keys = {each.name: each for each in settings_of(WorkerEntry)}
    return '\n'.join([*parts, short_table('`workers.yaml`', keys), ''])


def short_table(title: str, settings: dict[str, Setting]) -> str:
    """Name, default, meaning with its unit and choices."""
    rows = []
    for name, each in settings.items():
        unit = f', {each.unit}' if each.unit else ''
        rows.append((f'`{name}`', default_of(each), meaning(each) + unit + choices(each)))
    return table((title, 'default', 'meaning'), rows)


def long_table(settings: Sequence[Setting], prefix: str = '') -> str:
    """Name, type, default, unit, allowed values, meaning."""
    rows = [
        (
            f'`{prefix}{each.name}`',
            TYPES[each.kind],
            default_of(each),
            each.unit,
            each.allowed,
            meaning(each),
        )
        for each in settings
    ]
    return table(('name', 'type', 'default', 'unit', 'allowed', 'meaning'), rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines) + '\n'


def when_they_change(node: str) -> str:
    """A sentence that names the parameters that may change at any time, and only at start."""
    settings = [each for group in groups_of(NODES[node]) for each in group.settings]
    live = [each.name for each in settings if each.rule.live]
    fixed = [each.name for each in settings if each.rule.fixed]
    if len(fixed) == len(settings):
        return 'All are read at start only.'
    parts = [f'{listed(live)} may change at any time'] if live else []
    parts += (
        [f'{listed(fixed)} {"is" if len(fixed) == 1 else "are"} read at start only']
        if fixed
        else []
    )
    return '; '.join([*parts, 'the others may change while the node is unconfigured']) + '.'


def explained(each: Setting) -> str:
    """The comment of a setting: meaning, unit, allowed values."""
    return f'{each.text}: {each.allowed}' if each.allowed else each.text


def meaning(each: Setting) -> str:
    """The setting's text, for Markdown: topics and quoted words are code."""
    return re.sub(r"(?<!\w)'([^' ]+)'|(~/\w+)", r'`\1\2`', each.rule.text)


def choices(each: Setting) -> str:
    """The allowed words, for Markdown; empty if the setting is no word."""
    words = each.rule.choices or each.rule.each
    return f': {", ".join(f"`{word}`" for word in words)}' if words else ''


def default_of(each: Setting) -> str:
    """The default as one would write it in YAML, for Markdown."""
    return 'required' if each.default is MISSING else f'`{as_yaml(each.default)}`'


def as_yaml(value: Any) -> str:
    """A value in YAML; None stands for all."""
    if value is None:
        return 'all'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f'[{", ".join(map(as_yaml, value))}]'
    return str(value) if value != '' else "''"


def listed(names: Sequence[str]) -> str:
    """a, b and c."""
    return re.sub(r', ([^,]*)$', r' and \1', ', '.join(names))


if __name__ == '__main__':
    sys.exit(main())
