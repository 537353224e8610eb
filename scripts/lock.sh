#!/usr/bin/env bash
# Writes requirements/locked/*.txt: all packages that requirements/*.txt need, each with its version and the hashes of its files on
# PyPI, for Python 3.10 to 3.14. Run it after a change of requirements/*.txt. Needs uv (pip install uv).
# `UPGRADE=1 scripts/lock.sh` takes the newest versions of what requirements/*.txt do not pin.
set -euo pipefail
cd "$(dirname "$0")/../requirements"
compile() {  # OUT, then words for uv
  local out=locked/$1
  shift
  uv pip compile --quiet --default-index https://pypi.org/simple --universal --python-version 3.10 --generate-hashes --no-annotate \
    --no-header ${UPGRADE:+--upgrade} --output-file "$out" "$@"
  sed -i '1i # Written by scripts/lock.sh: do not edit.' "$out"
}
for distro in jazzy kilted; do
  compile "$distro.txt" --config-file locked/uv.toml --no-emit-package torch "ros-$distro.txt" {build,run,assets,attackers,dev,docs,onnx}.txt
done
# torch as PyPI has it, with what it needs for CUDA and nothing else needs.
torch=$(grep '^torch==' run.txt)
shared=(filelock fsspec jinja2 markupsafe mpmath networkx setuptools sympy typing-extensions)
compile torch-cuda.txt --no-config "${shared[@]/#/--no-emit-package=}" - <<< "$torch"
# torch's CPU build for Python 3.11 and x86_64, which is not on PyPI but on PyTorch's own index.
cat > locked/torch-cpu.txt <<END
# Written by scripts/lock.sh: do not edit.
$torch+cpu \\
    --hash=sha256:6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b
END
# A robot's numpy is its own.
compile robot.txt --no-config --no-emit-package numpy robot.txt
