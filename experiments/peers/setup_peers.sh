#!/usr/bin/env bash
# Makes .deps/peers, the virtual environment of the libraries that `pmoe bench e2e` and `ppo`
# compare with (2.4 GB, about 2 minutes). A second call returns at once unless requirements.txt has
# changed.
#   PMOE_DEPS  folder of the environments (default .deps)
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
deps=${PMOE_DEPS:-$here/../../.deps}
peers=$deps/peers
stamp=$peers/requirements.stamp

if cmp -s "$here/requirements.txt" "$stamp"; then exit 0; fi
mkdir -p "$deps"
/usr/bin/python3 -m venv "$peers"
# CleanRL's wheel asks for Python < 3.11; its PPO runs on 3.11.
"$peers/bin/pip" install --quiet --disable-pip-version-check --no-deps --ignore-requires-python \
  -r "$here/requirements.txt"
"$peers/bin/python" -c 'import cleanrl, sbx, stable_baselines3' # fails here, not in the benchmark
cp "$here/requirements.txt" "$stamp"
echo "peers are in $(readlink -f "$peers"); next: pmoe bench e2e, pmoe bench ppo"
