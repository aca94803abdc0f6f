#!/usr/bin/env bash
# Everything about deploy/ that can be checked without a cluster; `./pmoe check deploy` installs the
# Debian packages first. Makes a virtual environment beside the wheels for kubernetes-validate.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${PMOE_DEPS:-.deps}/deploy
if [[ ! -x $venv/bin/kubernetes-validate ]]; then
  /usr/bin/python3 -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/deploy/requirements.txt
fi
export PYTHONDONTWRITEBYTECODE=1 PATH=$PWD/$venv/bin:$PATH
if [[ $venv == /* ]]; then PATH=$venv/bin:$PATH; fi
status=0
for test in metrics kubernetes; do
  /usr/bin/python3 "tests/deploy/${test}_test.py" || status=1
done
exit "$status"
