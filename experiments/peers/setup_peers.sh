#!/usr/bin/env bash
# Makes .deps/peers, the virtual environment of the libraries that `pmoe bench e2e`, `ppo`,
# `threshold` and `learner` compare with (3.1 GB, about 3 minutes), and compiles RLtools' update in
# it. A second call returns at once unless requirements.txt or rltools_update.cc has changed.
#   PMOE_DEPS  folder of the environments (default .deps)
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
deps=${PMOE_DEPS:-$here/../../.deps}
peers=$deps/peers
stamp=$peers/requirements.stamp

if cat "$here/requirements.txt" "$here/rltools_update.cc" | cmp -s - "$stamp"; then exit 0; fi
mkdir -p "$deps"
[[ -x $peers/bin/pip ]] || /usr/bin/python3 -m venv "$peers"
# CleanRL's wheel asks for Python < 3.11; its PPO runs on 3.11.
"$peers/bin/pip" install --quiet --disable-pip-version-check --no-deps --ignore-requires-python \
  -r "$here/requirements.txt"
"$peers/bin/python" -c 'import cleanrl, sbx, stable_baselines3' # fails here, not in the benchmark
# With the flags of RLtools' own Python package, and the MKL that it recommends, on one thread.
site=$("$peers/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
for batch in 100 256; do
  g++ -std=c++17 -O3 -march=native -ffast-math -DPMOE_BATCH=$batch \
    -DRL_TOOLS_BACKEND_ENABLE_MKL -DRL_TOOLS_DISABLE_UNALIGNED_MEMORY_ALLOCATIONS \
    -I"$site/rltools/external/rl_tools/include" -I"$peers/include" "$here/rltools_update.cc" \
    -o "$peers/bin/rltools_update_b$batch" -L"$peers/lib" -Wl,-rpath,"$(readlink -f "$peers")/lib" \
    -l:libmkl_intel_lp64.so.3 -l:libmkl_sequential.so.3 -l:libmkl_core.so.3
done
cat "$here/requirements.txt" "$here/rltools_update.cc" >"$stamp"
echo "peers are in $(readlink -f "$peers"); next: pmoe bench learner, e2e, ppo or threshold"
