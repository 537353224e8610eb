"""Imports point one way: launch -> nodes -> ros -> core, learn -> core, evaluation -> core,
tools -> all of them."""

import ast
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import pedsam_ros.core

SOURCE = Path(pedsam_ros.core.__file__).parents[1]
MODULES = [f'pedsam_ros.core.{m.name}' for m in pkgutil.iter_modules(pedsam_ros.core.__path__)]
ALLOWED = {
    'core': {'core'},
    'ros': {'core', 'ros', 'msg', 'srv'},
    'nodes': {'core', 'ros', 'nodes', 'msg', 'srv'},
    'evaluation': {'core', 'evaluation'},
    'learn': {'core', 'learn'},
    'tools': {'core', 'ros', 'nodes', 'evaluation', 'learn', 'tools', 'msg', 'srv'},
}


def test_core_imports_without_ros():
    """Every core module imports where rclpy, cv_bridge and all messages are blocked."""
    program = f"""
import importlib, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.startswith(('rclpy', 'cv_bridge', 'pedsam_ros.msg')) or '_msgs' in name:
            raise ImportError(f'{{name}} is blocked')
sys.meta_path.insert(0, Blocked())
for module in {MODULES}:
    importlib.import_module(module)
"""
    ended = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_what_the_viewer_needs_does_not_load_torch():
    """The overlay node runs where torch is not, or must not be loaded."""
    program = """
import sys
from pedsam_ros.core import config, pictures, prompts, types
assert 'torch' not in sys.modules
"""
    assert subprocess.run([sys.executable, '-c', program]).returncode == 0


@pytest.mark.parametrize('layer', ALLOWED)
def test_imports_point_one_way(layer):
    """No module imports from a layer above its own."""
    for path in (SOURCE / layer).glob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ''] if isinstance(node, ast.ImportFrom) else []
            ours = {name.split('.')[1] for name in names if name.startswith('pedsam_ros.')}
            assert ours <= ALLOWED[layer], f'{path.name} imports {ours - ALLOWED[layer]}'


def test_only_one_module_knows_segment_anything():
    """sam.py is the seam; everything else goes through it."""
    for path in SOURCE.rglob('*.py'):
        if path.name != 'sam.py':
            assert 'segment_anything' not in path.read_text(), path
