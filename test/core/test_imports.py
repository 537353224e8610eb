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
    'audit': {'core', 'core.model', 'bags', 'evaluation', 'learn', 'trial'},
    'bench': {'core', 'core.model', 'ros'},
}
ALLOWED['tools'] = set(ALLOWED) | MESSAGES
LAUNCH = {'core', 'ros', 'nodes', 'bags'}  # the rooms that launch files may import from
IMPURE = {  # what neither core nor core.model may import: clocks, threads, sockets, logs, ROS
    *('asyncio', 'datetime', 'logging', 'multiprocessing', 'socket', 'subprocess', 'threading'),
    *('time', 'rclpy', 'cv_bridge', 'launch', 'launch_ros'),
}
BY_NAME = {
    'audit/attacks/__init__.py',
    'bags/message_classes.py',
    'core/model/sam.py',
    'tools/cli.py',
}  # may import by a name


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
            assert 'pedsam_ros' not in names, f'{path}: say which module'
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f'{path}: relative imports hide which room they reach'
            names = [f'{node.module}.{alias.name}' for alias in node.names]
        for name in names:
            ours = name.removeprefix('pedsam_ros.')
            if ours != name:
                found.add(ours if ours in known else ours.rpartition('.')[0])
    return found


def outside(path: Path) -> set[str]:
    """Lists the top-level names of all that a file imports anywhere."""
    nodes = [*ast.walk(ast.parse(path.read_text()))]
    names = [a.name for node in nodes if isinstance(node, ast.Import) for a in node.names]
    names += [node.module or '' for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.split('.')[0] for name in names}


def words(path: Path) -> set[str]:
    """Lists the names that a file uses, as in `print` and `importlib.import_module`."""
    nodes = [*ast.walk(ast.parse(path.read_text()))]
    plain = {node.id for node in nodes if isinstance(node, ast.Name)}
    return plain | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


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


def test_what_launch_files_import_is_there():
    """A robot would find out otherwise: the launch files are not loaded where `launch` is
    missing."""
    for path in (SOURCE.parents[1] / 'launch').glob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or '').startswith('pedsam_ros'):
                file = modules()[node.module.removeprefix('pedsam_ros.')]
                made = {
                    name
                    for each in ast.parse(file.read_text()).body
                    for name in (
                        [getattr(each, 'name', '')]
                        + [t.id for t in getattr(each, 'targets', []) if isinstance(t, ast.Name)]
                        + [a.asname or a.name for a in getattr(each, 'names', [])]
                    )
                }
                assert {alias.name for alias in node.names} <= made, path


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


def test_core_is_pure():
    """It uses no clock, thread, socket or print, not even in a function or for types only."""
    for module, path in modules().items():
        if room(module) in ('core', 'core.model'):
            assert not outside(path) & IMPURE, module
            assert not {name for name in outside(path) if name.endswith('_msgs')}, module
            assert 'print' not in words(path), module
        if room(module) == 'core':
            assert 'torch' not in outside(path), module


def test_few_files_import_by_a_name():
    """Such imports are hidden from the other tests here."""
    for path in SOURCE.rglob('*.py'):
        if str(path.relative_to(SOURCE)) not in BY_NAME:
            assert not words(path) & {'import_module', '__import__'}, path


def test_the_package_itself_imports_no_room():
    """Otherwise every import of one room would load another."""
    assert imported(SOURCE / '__init__.py', modules()) == set()


def test_launch_files_import_little():
    """A launch file knows settings and how to make arguments of them."""
    for path in (SOURCE.parents[1] / 'launch').glob('*.py'):
        rooms = {room(module) for module in imported(path, modules())}
        assert rooms <= LAUNCH, f'{path.name} imports {rooms - LAUNCH}'


def test_no_file_is_over_250_lines():
    """A longer one holds more than one idea."""
    root = SOURCE.parents[1]
    files = [
        *SOURCE.rglob('*.py'),
        *(root / 'test').rglob('*.py'),
        *(root / 'launch').glob('*.py'),
    ]
    assert len(files) > 200
    assert [str(path) for path in files if len(path.read_text().splitlines()) > 250] == []
