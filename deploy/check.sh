#!/usr/bin/env bash
# Everything about deploy/ that can be checked without a cluster; `./pmoe check deploy` installs the
# Debian packages and builds the programs first. Makes a virtual environment beside the wheels for
# kubernetes-validate and Grafana's schemas, and build/ray, of 285 MB, for a Ray cluster on this
# machine.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${PMOE_DEPS:-.deps}/deploy
if ! cmp -s tests/deploy/requirements.txt "$venv/requirements.txt"; then
  /usr/bin/python3 -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/deploy/requirements.txt
  cp tests/deploy/requirements.txt "$venv"
fi
export PYTHONDONTWRITEBYTECODE=1 PATH=$PWD/$venv/bin:$PATH
if [[ $venv == /* ]]; then PATH=$venv/bin:$PATH; fi
status=0
for test in metrics kubernetes; do
  /usr/bin/python3 "tests/deploy/${test}_test.py" || status=1
done
"$venv/bin/python" tests/deploy/grafana_test.py || status=1

# has_ray: build/ray holds what the test imports; a machine without an index of packages has none.
has_ray() {
  cmp -s tests/deploy/ray_requirements.txt build/ray/requirements.txt && return
  echo "installing Ray into build/ray (285 MB)" >&2
  mkdir -p build
  /usr/bin/python3 -m venv --clear build/ray
  build/ray/bin/pip install --quiet --disable-pip-version-check \
    -r tests/deploy/ray_requirements.txt &&
    cp tests/deploy/ray_requirements.txt build/ray/requirements.txt
}

bin=${PMOE_BIN_DIR:-build/release/bin}
if [[ ! -x $bin/pmoe-learner ]]; then
  echo "ray_test.py: skipped, $bin has no programs: ./pmoe build"
elif ! has_ray; then
  echo "ray_test.py: skipped, Ray could not be installed: see above"
else
  build/ray/bin/python tests/deploy/ray_test.py || status=1
fi
exit "$status"
