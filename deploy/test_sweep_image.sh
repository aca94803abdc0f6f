#!/usr/bin/env bash
# Really runs the pods of `pmoe sweep --kubernetes` in pmoe-train's image, by Docker: every index of
# the Job with its command, user and restrictions as the manifest has them; an index that is stopped
# goes on; the results are those of a sweep without containers. Half a minute.
#   deploy/test_sweep_image.sh [IMAGE]     default: pmoe-train
# Needs docker, python3-yaml and ./pmoe's binaries (PMOE_BIN_DIR; default: build/release/bin).
set -euo pipefail
cd "$(dirname "$0")/.."
image=${1:-pmoe-train}
bin=$(realpath "${PMOE_BIN_DIR:-build/release/bin}")
work=$(mktemp -d)
name=pmoe-sweep-test-$$
clean_up() {
  docker ps -aq --filter "label=$name" | xargs -r docker rm -f >/dev/null
  docker volume rm -f "$name" >/dev/null
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

mkdir "$work/sweep"
cat >"$work/sweep/tiny.textproto" <<'SWEEP'
out: "tiny"
steps: 3000
set: ["env.id=InvertedPendulum-v5", "schedule.start_steps=500", "schedule.update_after=500"]
set: ["policy.hidden=32,32", "learner.critic_hidden=32,32", "learner.batch_size=32"]
set: ["observe.eval_every_steps=1000", "observe.eval_episodes=2", "observe.log_every_steps=100"]
grid { field: "seed" value: ["1", "2"] }
SWEEP
chmod -R a+rX "$work"
cd "$work"
"$bin/pmoe" sweep sweep/tiny.textproto --kubernetes --image "$image" >job.yaml

# pod WORD…: a container with the pod's user, restrictions and volumes; the claim is a volume, which
# without nocopy would get the owner of the image's folder back while it is empty.
mapfile -t restrictions < <(/usr/bin/python3 - <<'PYTHON'
import yaml
job = next(o for o in yaml.safe_load_all(open("job.yaml")) if o["kind"] == "Job")
pod = job["spec"]["template"]["spec"]
train = pod["containers"][0]
assert train["securityContext"] == {"allowPrivilegeEscalation": False,
                                    "capabilities": {"drop": ["ALL"]},
                                    "readOnlyRootFilesystem": True}
memory = train["resources"]["limits"]["memory"].replace("Gi", "g")
print("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--tmpfs=/tmp",
      f"--user={pod['securityContext']['runAsUser']}", f"--workdir={train['workingDir']}",
      f"--memory={memory}", sep="\n")
PYTHON
)
command=$(/usr/bin/python3 -c 'import yaml
job = next(o for o in yaml.safe_load_all(open("job.yaml")) if o["kind"] == "Job")
print(*job["spec"]["template"]["spec"]["containers"][0]["command"])')
pod() {
  docker run --label "$name" "${restrictions[@]}" --entrypoint "$1" \
    -v "$work/sweep:/sweep:ro" -v "$name:/work:nocopy" "${options[@]}" "$image" "${@:2}"
}
index() {
  local words
  read -ra words <<<"${command//\$(JOB_COMPLETION_INDEX)/$1}"
  pod "${words[@]}"
}
# ends_with CODE CONTAINER
ends_with() {
  [[ $(docker wait "$2") == "$1" ]] && return
  docker logs "$2"
  echo "a pod did not end with $1" >&2
  exit 1
}

# What the kubelet does for fsGroup.
docker volume create "$name" >/dev/null
docker run --rm --label "$name" --user 0 --entrypoint chown -v "$name:/work:nocopy" "$image" \
  10001 /work
options=(-d)
first=$(index 0)
second=$(index 1)
trains() { docker logs "$1" >log 2>&1 && grep -q '^running' log; }
for _ in {1..300}; do
  if trains "$second"; then break; fi
  sleep 0.2
done
sleep 1 # some rounds
docker stop -t 120 "$second" >/dev/null
ends_with 3 "$second"
second=$(index 1)
for id in "$first" "$second"; do ends_with 0 "$id"; done
options=(--rm)
pod pmoe sweep /sweep/tiny.textproto --collect
docker cp "$first:/work/tiny/results.csv" pods.csv

"$bin/pmoe" sweep sweep/tiny.textproto >/dev/null
results() { cut -d, -f2,3,7,8,10-12 "$1"; }
diff <(results pods.csv) <(results tiny/results.csv)
echo "sweep image: passed"
