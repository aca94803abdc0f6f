#!/usr/bin/env bash
# Really runs `pmoe scale --with compose` on the project of deploy/docker-compose.yml: without a
# learner it says what to start; Ctrl-C keeps the size that was measured, and the same command
# measures the rest; the run goes on through all sizes, and the last one stays; a learner that is
# stopped while a size is measured is no measurement. Two minutes once the images are built
# (deploy/test_compose.sh). Needs ports 7000, 7001 and 6006 on 127.0.0.1.
#   deploy/test_scale_compose.sh
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/compose_testing.sh
bin=${PMOE_BIN_DIR:-build/release/bin}

name=pmoe-test-scale
run() { project $name "$@"; }
trap 'clean_up $name' EXIT
trap 'exit 130' INT TERM
cat >"$work/$name.env" <<'ENV'
PMOE_ENV=InvertedPendulum-v5
PMOE_ALGO=sac
PMOE_FLAGS=--set policy.hidden=32,32 --set learner.critic_hidden=32,32 --set learner.batch_size=32
ENV
# As a user would: the command asks docker-compose, which reads these from the environment.
export COMPOSE_PROJECT_NAME=$name

scale() { "$bin/pmoe" scale --with compose --actors "$1" --seconds "$2" --out "$work/$3"; }
sizes() { cut -d, -f1 "$work/scale/scale.csv" | tr '\n' ' '; }
has_measured() { grep -q "^actors-$1-run-1.* in [0-9]* s$" "$work/said"; }
is_warming_up() { grep -q 'warm-up' "$work/said"; }
exits_with() {
  local status=0
  wait "$2" || status=$?
  ((status == $1)) || { cat "$work/said" && fail "exit code $status, not $1"; }
}

scale 1 5 none >"$work/said" 2>&1 &
exits_with 1 $!
grep -q 'no learner that runs: .*up -d' "$work/said" || { cat "$work/said" && fail "without one"; }
say "without a learner: $(tail -n 1 "$work/said")"

quietly run up -d --no-build --scale actor=1
start_tools $name
await 60 "the first update" has_updates $name
scale 1,2,3 10 scale >"$work/said" 2>&1 &
first=$!
await 90 "the first size is measured" has_measured 1
kill -INT "$(pgrep -P "$first" -f scale/__main__ || echo "$first")"
exits_with 3 "$first"
[[ $(sizes) == "actors 1 " ]] || fail "after Ctrl-C it kept $(sizes)"
steps=$(env_steps $name)
scale 1,2,3 10 scale >"$work/said" 2>&1 &
exits_with 0 $!
[[ $(sizes) == "actors 1 2 3 " ]] || fail "it measured $(sizes)"
more_than "$(env_steps $name)" "$steps" || fail "the run did not go on from $steps env steps"
actors_are $name 3 || fail "the last size did not stay"
say "three sizes, one Ctrl-C between them: $(grep ^Recommended "$work/said")"

scale 2 60 cut >"$work/said" 2>&1 &
cut=$!
await 60 "another size has its actors" is_warming_up
sleep 5
quietly run stop -t 20 learner
exits_with 1 "$cut"
[[ ! -e $work/cut/scale.csv ]] || fail "a learner that was stopped is a measurement"
grep -q 'no learner that runs' "$work/said" || { cat "$work/said" && fail "the stopped learner"; }
say "passed"
