"""Replaces, in the ROS wheels' CMake exports, the paths of the Python they were built with by
ours.

Without it CMake stops with "includes non-existent path" on every interface package.
"""

import re
import sys
import sysconfig
from pathlib import Path

import numpy

_NUMPY = re.compile(r'/opt/python/[^;"\s]*/numpy/_?core/include')
_PYTHON = re.compile(r'/opt/python/[^;"\s]*/include/python[\d.]+')


def main() -> None:
    exports = sorted(Path(sys.prefix, 'share').glob('*/cmake/*__rosidl_generator_pyExport.cmake'))
    for export in exports:
        text = _NUMPY.sub(numpy.get_include(), export.read_text())
        export.write_text(_PYTHON.sub(sysconfig.get_paths()['include'], text))
    print(f'setup: repaired {len(exports)} CMake exports')


if __name__ == '__main__':
    main()
