#!/usr/bin/env bash
# Debian's prometheus really scrapes a cluster of `pmoe up` on this machine with the rules of
# deploy/prometheus: every metric of the code must arrive, every panel of deploy/grafana draw
# something, every rule evaluate; then the actors are halted until the alerts fire, and go on until
# they are silent. About 4 minutes. Needs the package prometheus and the built binaries.
#   deploy/test_prometheus.sh [FOLDER]      FOLDER keeps the logs; default: a temporary one
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${PMOE_BIN_DIR:-build/release/bin}
command -v prometheus >/dev/null ||
  { echo "needs prometheus: apt-get install prometheus" >&2 && exit 2; }
[[ -x $bin/pmoe ]] || { echo "needs $bin/pmoe: ./pmoe build, or set PMOE_BIN_DIR" >&2 && exit 2; }
work=${1:-$(mktemp -d /tmp/pmoe-prometheus-XXXXXX)}
mkdir -p "$work"
cluster='' server=''

finish() {
  if [[ -n $server ]]; then kill "$server" 2>/dev/null || true; fi
  if [[ -n $cluster ]]; then kill -INT "$cluster" 2>/dev/null || true; fi
  wait
  [[ -n ${keep:-} ]] || rm -rf "$work"
}
trap finish EXIT
if (($# > 0)); then keep=yes; fi

# wait_for SECONDS WHAT COMMAND…: until the command succeeds.
wait_for() {
  local limit=$1 what=$2
  shift 2
  for ((i = 0; i < limit * 2; ++i)); do
    if "$@"; then return; fi
    sleep 0.5
  done
  echo "$what did not happen within $limit s; logs: $work" >&2
  keep=yes
  exit 1
}

write_targets() {
  "$bin/pmoe" status --run "$work/run" --json 2>/dev/null >"$work/status.json" || return 1
  deploy/prometheus/targets.py <"$work/status.json" >"$work/targets.json"
  # The learner, one shard, two actors and the evaluator.
  (($(grep -c '"pmoe-' "$work/targets.json") == 5))
}

"$bin/pmoe" up --env InvertedPendulum-v5 --actors 2 --seed 1 --steps 1e7 --out "$work/run" \
  --set policy.hidden=32,32 --set learner.critic_hidden=32,32 --set learner.batch_size=32 \
  --set schedule.start_steps=500 --set schedule.update_after=500 \
  --set observe.eval_every_steps=2000 --set observe.eval_episodes=2 >"$work/up.log" 2>&1 &
cluster=$!
wait_for 60 "a cluster with all its members" write_targets

cp deploy/prometheus/{one_machine,rules}.yml "$work"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])')
prometheus --config.file "$work/one_machine.yml" --storage.tsdb.path "$work/data" \
  --web.listen-address "127.0.0.1:$port" --log.level warn >"$work/prometheus.log" 2>&1 &
server=$!
tests/deploy/live_prometheus.py "http://127.0.0.1:$port" "$work/status.json"
echo "prometheus: passed"
