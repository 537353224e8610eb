"""Imports point one way: launch -> nodes -> ros -> core; tools -> the rooms -> nodes or core."""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / 'src' / 'pedsam_ros'
MESSAGES = {'msg', 'srv'}
ALLOWED = {  # room -> the rooms that it may import from
    'core': set(),
    'core.model': {'core'},
    'ros': {'core'} | MESSAGES,
    'nodes': {'core', 'core.model', 'ros'} | MESSAGES,
    'bags': {'core', 'ros'},
    'assets': {'core'},
    'learn': {'core', 'core.model'},
    'trial': {'core', 'core.model', 'ros', 'nodes', 'bags'} | MESSAGES,
    'evaluation': {'core', 'core.model', 'trial'},
}
ALLOWED['tools'] = set(ALLOWED) | MESSAGES


def modules() -> dict[str, Path]:
    """Maps the dotted name below pedsam_ros of every module in a room to its file."""
    names = {}
    for path in SOURCE.rglob('*.py'):
        parts = path.relative_to(SOURCE).with_suffix('').parts
        dotted = '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)
        if dotted and parts[0] not in MESSAGES:
            names[dotted] = path
    return names


def room(module: str) -> str:
    """Returns the room that holds a module, or a name in a module."""
    return 'core.model' if f'{module}.'.startswith('core.model.') else module.split('.')[0]


def imported(path: Path, known: dict[str, Path]) -> set[str]:
    """Lists our modules that a file imports: at its top, inside a function or for types only."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f'{path}: relative imports hide which room they reach'
            names = [f'{node.module}.{alias.name}' for alias in node.names]
        for name in names:
            ours = name.removeprefix('pedsam_ros.')
            if ours != name:
                found.add(ours if ours in known else ours.rpartition('.')[0])
    return found


def without(blocked: str, rooms: set[str]) -> subprocess.CompletedProcess:
    """Imports every module of some rooms in a process that blocks imports.

    `blocked` is a regular expression for the start of their names.
    """
    names = [f'pedsam_ros.{name}' for name in modules() if room(name) in rooms]
    assert len(names) > 10
    program = f"""
import importlib, re, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if re.match({blocked!r}, name):
            raise ImportError(f'{{name}} is blocked')
sys.meta_path.insert(0, Blocked())
for module in {names}:
    importlib.import_module(module)
"""
    return subprocess.run([sys.executable, '-c', program], capture_output=True, text=True)


def test_core_imports_without_ros():
    """Every module of core imports while rclpy, cv_bridge and all messages are blocked."""
    ended = without(r'rclpy|cv_bridge|pedsam_ros\.(msg|srv)|.*_msgs\b', {'core', 'core.model'})
    assert ended.returncode == 0, ended.stderr


def test_core_imports_without_torch():
    """Every module of core outside core.model imports while torch and SAM are blocked."""
    ended = without(r'torch|segment_anything|rclpy', {'core'})
    assert ended.returncode == 0, ended.stderr


def test_every_folder_is_a_room():
    """A new folder must be named in ALLOWED, because nothing would guard it otherwise."""
    assert {room(name) for name in modules()} == set(ALLOWED)


@pytest.mark.parametrize('name', ALLOWED)
def test_imports_point_one_way(name):
    """No module imports from a room that ALLOWED does not list for its own room."""
    known = modules()
    inside = {module: path for module, path in known.items() if room(module) == name}
    assert inside
    for module, path in inside.items():
        rooms = {room(other) for other in imported(path, known)}
        assert rooms <= ALLOWED[name] | {name}, f'{module} imports {rooms - ALLOWED[name]}'


def test_no_file_imports_itself_over_others():
    """There is no circle of imports between files, not even one for type checkers only."""
    known = modules()
    graph = {name: imported(path, known) & set(known) for name, path in known.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_only_one_module_knows_segment_anything():
    """Only sam.py imports segment_anything; all other modules import sam.py."""
    for path in SOURCE.rglob('*.py'):
        if path.name != 'sam.py':
            assert 'segment_anything' not in path.read_text(), path


def test_the_table_of_rooms_says_what_the_guards_allow():
    """docs/architecture.md lists for each room the rooms that it may import."""
    text = (Path(__file__).resolve().parents[2] / 'docs' / 'architecture.md').read_text()
    rows = re.findall(r'^\| `([a-z.]+)` \| [^|]+ \|([^|]*)\| `[^`]+` \|$', text, re.MULTILINE)
    told = {room: set(re.findall(r'`([a-z.]+)`', imports)) for room, imports in rows}
    told['tools'] = set(ALLOWED) - {'tools'}  # the table says "all rooms"
    assert told == {room: allowed - MESSAGES for room, allowed in ALLOWED.items()}
