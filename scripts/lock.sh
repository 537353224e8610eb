#!/usr/bin/env bash
# Writes requirements/locked/*.txt: every package that `scripts/setup.sh` installs, with its version and the hashes of its files, for
# Python 3.10 to 3.14 on Linux. Run it after a change of requirements/*.txt. Needs uv (pip install uv), which takes all from PyPI.
# `UPGRADE=1 scripts/lock.sh` takes newer versions of what requirements/*.txt do not pin.
set -euo pipefail
cd "$(dirname "$0")/../requirements"
compile() {  # OUT, then words for uv
  local out=$1; shift
  uv pip compile --quiet --no-config --config-file locked/uv.toml ${UPGRADE:+--upgrade} --universal --python-version 3.10 \
    --generate-hashes --no-annotate --no-header --output-file "$out" "$@"
}
