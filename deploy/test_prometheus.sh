#!/usr/bin/env bash
# Debian's prometheus really scrapes a cluster of `pmoe up` on this machine with the configuration
# of deploy/prometheus: every metric of the code must arrive with its labels, every panel of
# deploy/grafana draw something, every rule evaluate, an actor that was started again be found; then
# the actors are halted until the alerts fire, and go on until they are silent. About 5 minutes.
# Needs the packages prometheus and curl, and the built binaries.
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

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])'
}

metrics=127.0.0.1:$(free_port)
"$bin/pmoe" up --env InvertedPendulum-v5 --actors 2 --seed 1 --steps 1e7 --out "$work/run" \
  --metrics "$metrics" --dashboard none \
  --set policy.hidden=32,32 --set learner.critic_hidden=32,32 --set learner.batch_size=32 \
  --set schedule.start_steps=500 --set schedule.update_after=500 \
  --set observe.eval_every_steps=2000 --set observe.eval_episodes=2 \
  --set checkpoint.every_seconds=20 >"$work/up.log" 2>&1 &
cluster=$!

# What Prometheus will ask: the learner, one shard, two actors and the evaluator.
all_members() {
  (($(curl -s "http://$metrics/sd" | grep -c '"pmoe-') == 5))
}
wait_for 60 "a cluster with all its members" all_members

sed "s/learner:9100/$metrics/" deploy/prometheus/prometheus.yml >"$work/prometheus.yml"
cp deploy/prometheus/rules.yml "$work"
port=$(free_port)
prometheus --config.file "$work/prometheus.yml" --storage.tsdb.path "$work/data" \
  --web.listen-address "127.0.0.1:$port" --log.level warn >"$work/prometheus.log" 2>&1 &
server=$!
tests/deploy/live_prometheus.py "http://127.0.0.1:$port" "$bin/pmoe" "$work/run"
echo "prometheus: passed"
