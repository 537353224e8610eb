#!/usr/bin/env bash
# Writes requirements/locked/*.txt: all packages that requirements/*.txt need, each with its version and the hashes of its files on
# PyPI, for Python 3.10 to 3.14. Run it after a change of requirements/*.txt. Needs uv (pip install uv).
# `UPGRADE=1 scripts/lock.sh` takes the newest versions of what requirements/*.txt do not pin.
set -euo pipefail
cd "$(dirname "$0")/../requirements"
# The CPU build of torch for Python 3.11 and x86_64, from PyTorch's own index; PyPI has the build for CUDA.
cpu_build=6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b

compile() {  # OUT, then words for uv
  local out=locked/$1
  shift
  uv pip compile --quiet --default-index https://pypi.org/simple --universal --python-version 3.10 --generate-hashes --no-annotate \
    --no-header ${UPGRADE:+--upgrade} --output-file "$out" "$@"
  sed -i "s|^\(torch==[^ ]*\) \\\\\$|\1 \\\\\n    --hash=sha256:$cpu_build \\\\|" "$out"
  sed -i '1i # Written by scripts/lock.sh: do not edit.' "$out"
}
for distro in jazzy kilted; do
  compile "$distro.txt" --config-file locked/uv.toml "ros-$distro.txt" {build,run,assets,dev,docs}.txt
done
# What PyPI's torch needs for CUDA, and nothing else.
torch=$(grep '^torch==' run.txt)
shared=(torch filelock fsspec jinja2 markupsafe mpmath networkx setuptools sympy typing-extensions)
compile cuda.txt --no-config "${shared[@]/#/--no-emit-package=}" - <<< "$torch"
# A robot's numpy is its own.
compile robot.txt --no-config --no-emit-package numpy robot.txt
