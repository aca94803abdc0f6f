#!/usr/bin/env bash
# Shows that the first command of the README works on a machine with nothing installed: copies the
# last commit into a container of debian:bookworm-slim and trains there. Needs a Docker engine.
#   deploy/bare_machine_test.sh [--test] [--cpus N] [FLAG…]
#     --test    runs ./pmoe test there as well
#     --cpus N  cores that the container may use (default: all)
#     FLAG…     for ./pmoe train instead of a short HalfCheetah run
set -euo pipefail
cd "$(dirname "$0")/.."

cpus=$(nproc) with_test=no
while (($# > 0)); do
  case $1 in
    --test) with_test=yes ;;
    --cpus) cpus=$2 && shift ;;
    *) break ;;
  esac
  shift
done
if (($# == 0)); then set -- --env HalfCheetah-v5 --steps 3000 --seed 1; fi

inside=$(
  cat <<'SCRIPT'
set -euo pipefail
with_test=$1 && shift
step() {
  local name=$1 begin=$SECONDS
  shift
  echo "== $name: $*"
  "$@"
  echo "== $name took $((SECONDS - begin)) s; disk used now: $(du -shx / 2>/dev/null | cut -f 1)"
}
refuses_without_root() {
  local status=0
  useradd --create-home guest
  su guest -c './pmoe train' </dev/null || status=$?
  ((status == 2))
}
second_call() { time ./pmoe --version; }
mkdir /pmoe && cd /pmoe && tar -x
step "as it comes" true
step "help before anything is installed" ./pmoe --help
step "without root" refuses_without_root
step "first training" ./pmoe train "$@"
step "a later call" second_call
if [[ $with_test == yes ]]; then step "tests" ./pmoe test; fi
echo "bare machine: passed"
SCRIPT
)
git archive HEAD | docker run --rm -i --network host --cpus "$cpus" debian:bookworm-slim \
  bash -c "$inside" inside "$with_test" "$@"
