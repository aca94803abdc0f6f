#!/usr/bin/env bash
# Really runs the pods of deploy/kubernetes as far as podman can: Secrets by make_secrets.sh;
# volumes, user, read-only root and dropped capabilities as the manifests have them; every probe's
# command; a learner's pod that is killed, whose next one resumes, as the Job's does; the run to its
# last step. Not run: Jobs, StatefulSets, Deployments, Services, policies, the autoscaler.
#   deploy/test_kubernetes.sh
# Needs root, podman with runc, kubectl, curl, python3-yaml, the images pmoe-learner, pmoe-replay
# and pmoe-actor in podman or in Docker, and ./pmoe's binaries (PMOE_BIN_DIR; default:
# build/release/bin).
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(realpath "${PMOE_BIN_DIR:-build/release/bin}")
work=$(mktemp -d)
network=pmoe-kube-$$ subnet=10.89.77
slowdown=${SLOWDOWN:-1}
pods=(actor-0 actor-1 evaluator replay-0 learner)

clean_up() {
  local status=$?
  set +e
  if ((status != 0)); then
    for pod in "${pods[@]}"; do
      podman logs --tail 15 "$(container "$pod")" 2>&1 | sed "s/^/$pod: /"
    done
  fi
  for pod in "${pods[@]}"; do
    podman pod rm -f -t 5 "$pod" && podman volume rm "tmp-$pod"
  done >/dev/null 2>&1
  podman volume rm pmoe-runs replay-replay-0 >/dev/null 2>&1
  podman network rm "$network" >/dev/null 2>&1
  rm -rf "$work"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT TERM
say() { printf '%4d s  %s\n' "$SECONDS" "$*"; }
container() { echo "$1-${1%%-[0-9]*}"; }

# await SECONDS WHAT COMMAND…: until the command succeeds.
await() {
  local limit=$(($1 * slowdown)) what=$2 begin=$SECONDS
  shift 2
  until "$@"; do
    ((SECONDS - begin < limit)) || { say "FAILED: $what: not within $limit s" && exit 1; }
    sleep 0.2
  done
  say "$what"
}
logged() { podman logs "$(container "$1")" >"$work/log" 2>&1 && grep -q "$2" "$work/log"; }
state_is() { [[ $(podman inspect -f '{{.State.Status}}' "$(container "$1")") == "$2" ]]; }
inside() { podman exec "$(container "$1")" "${@:2}" >/dev/null 2>&1; }

# gets_numbers POD PATH: from its port 9100, in its network; the images have no curl.
gets_numbers() {
  local infra address
  infra=$(podman pod inspect -f '{{.InfraContainerID}}' "$1")
  address=$(podman inspect -f "{{(index .NetworkSettings.Networks \"$network\").IPAddress}}" \
    "$infra")
  curl -s --max-time 5 "http://$address:9100$2" | grep -q '^pmoe_'
}

# play POD WORD…: what podman says of its missing systemd is left out.
play() {
  podman kube play --network "$network" "${@:2}" "$work/$1.yaml" >"$work/play" 2>&1 ||
    { cat "$work/play" && exit 1; }
  say "$1 is played"
}

# A container may take no more than this shell may give; crun does not know hybrid control groups.
cat >"$work/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=$(($(ulimit -Hn) / 2)):$(($(ulimit -Hn) / 2))", "nproc=16384:16384"]
[engine]
runtime = "runc"
CONF
export CONTAINERS_CONF=$work/containers.conf
for image in pmoe-learner pmoe-replay pmoe-actor; do
  podman image exists "$image" || docker save "$image" | podman load --quiet
done

cat >"$work/run.textproto" <<'RUN'
env { id: "InvertedPendulum-v5" }
algorithm: "sac"
schedule { mode: "async" total_steps: 1000000000 start_steps: 500 update_after: 500 }
policy { hidden: 32 hidden: 32 }
learner { critic_hidden: 32 critic_hidden: 32 batch_size: 32 }
replay { shards: 1 }
checkpoint { every_steps: 2000 }
RUN
/usr/bin/python3 tests/deploy/kubernetes_pods.py "$work/run.textproto" "$subnet.10" "$subnet.11" \
  "$work" >"$work/probes"
# Secrets as the kubelet mounts them: readable for fsGroup.
PMOE=$bin/pmoe deploy/kubernetes/make_secrets.sh "$work/certs" >"$work/secrets.yaml" 2>"$work/said"
for role in learner replay actor; do
  install -d -m 750 -g 10001 "$work/secrets/$role"
  /usr/bin/python3 - "$work" "$role" <<'PYTHON'
import base64, pathlib, sys, yaml
work, role = pathlib.Path(sys.argv[1]), sys.argv[2]
for secret in yaml.safe_load_all((work / "secrets.yaml").read_text()):
    if secret and secret["metadata"]["name"] == f"pmoe-tls-{role}":
        for name, data in secret["data"].items():
            (work / "secrets" / role / name).write_bytes(base64.b64decode(data))
PYTHON
  chgrp 10001 "$work/secrets/$role"/*
  chmod 440 "$work/secrets/$role"/*
done
chmod 755 "$work" "$work/secrets"

podman network create --subnet "$subnet.0/24" "$network" >/dev/null
podman kube play "$work/claims.yaml" >/dev/null
play learner --ip "$subnet.10"
play replay-0 --ip "$subnet.11"
for pod in actor-0 actor-1 evaluator; do play "$pod"; done
await 60 "rows are learned from" logged learner 'updates/s'
while read -r pod kind words; do
  if [[ $words == /* ]]; then # a GET of /metrics; the images have no curl
    await 20 "$pod: $kind: GET $words" gets_numbers "$pod" "$words"
  else
    await 20 "$pod: $kind: $words" inside "$pod" $words
  fi
done <"$work/probes"
podman volume inspect -f '{{.Mountpoint}}' pmoe-runs >"$work/volume"
run=$(<"$work/volume")/run
has_checkpoint() { [[ -n $(ls "$run/checkpoints" 2>/dev/null) ]]; }
await 60 "the learner has written a checkpoint" has_checkpoint
podman kill "$(container learner)" >/dev/null
podman pod rm -f learner >/dev/null 2>&1
steps=$(find "$run/checkpoints" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n | tail -n 1)
sed -i "s|^\( *\)- --or-resume|&\n\1- --steps=$((steps + 5000))|" "$work/learner.yaml"
play learner --ip "$subnet.10"
await 120 "the next pod reaches the last step" logged learner 'finished; look at it with'
await 30 "and ends" state_is learner exited
[[ $(podman inspect -f '{{.State.ExitCode}}' "$(container learner)") == 0 ]]
[[ $(<"$run/learner.epoch") == 2 ]] # it went on with the run of the first pod
echo "kubernetes: passed"
