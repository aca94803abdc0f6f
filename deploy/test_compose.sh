#!/usr/bin/env bash
# Runs deploy/docker-compose.yml for real and measures it: sizes of the images, the time to the
# first update, scaling up and down, killed containers, SIGTERM to each role, stop and resume.
#   deploy/test_compose.sh [--no-build]
# Needs a free machine's ports 7000, 7001, 6006 and 9090 on 127.0.0.1, and about 5 minutes once the
# images are built. Ends with everything removed but the images.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/compose_testing.sh

name=pmoe-test
run() { project $name "$@"; }
trap 'clean_up $name' EXIT
trap 'exit 130' INT TERM
cat >"$work/$name.env" <<'ENV'
PMOE_FLAGS=--set checkpoint.every_seconds=5
ENV

megabytes() { echo $(($(docker image inspect -f '{{.Size}}' "$1") / 1000000)); }

check_sizes() {
  local base role more
  base=$(megabytes debian:bookworm-slim)
  for role in actor replay; do
    more=$(($(megabytes pmoe-$role) - base))
    say "image pmoe-$role: $more MB over the base of $base MB (at most 150)"
    ((more <= 150)) || fail "pmoe-$role is too large"
  done
  say "image pmoe-learner: $(megabytes pmoe-learner) MB (at most 700)"
  (($(megabytes pmoe-learner) <= 700)) || fail "pmoe-learner is too large"
}

# From `up` to the first update, with the certificates made on the way.
first_update() {
  local from
  from=$(now)
  quietly run up -d --no-build --scale actor=4
  say "up has returned after $(seconds "$(since "$from")") s"
  start_tools $name
  await 60 "the first update" has_updates $name
  within 20 "$(since "$from")" "from up to the first update"
}

ours() {
  docker ps -q --filter "label=com.docker.compose.project=$name" \
    --filter label=com.docker.compose.oneoff=False "$@"
}
all_healthy() { [[ -z $(ours --filter health=starting; ours --filter health=unhealthy) ]]; }

# Every container but the test's own: no root, nothing to write to but volumes and /tmp.
check_hardening() {
  local id format='{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}}'
  format+=' {{.HostConfig.SecurityOpt}} '
  format+='{{range .NetworkSettings.Ports}}{{range .}}{{.HostIp}} {{end}}{{end}}'
  for id in $(ours); do
    [[ $(docker inspect -f "$format" "$id") =~ \
      ^pmoe\ true\ \[ALL\]\ \[no-new-privileges:true\]\ (127.0.0.1\ )*$ ]] ||
      fail "not hardened: $(docker inspect -f "{{.Name}} $format" "$id")"
  done
  say "hardened: user, read-only, no capabilities, ports on 127.0.0.1"
}

# What a restart would change.
starts() { docker inspect -f '{{.Name}} {{.State.StartedAt}}' "$@" | sort; }

# What is started later than this joins later than this: docker-compose's own time is its own.
last_start() {
  local start
  start=$(containers_of $name actor | xargs docker inspect -f '{{.State.StartedAt}}' | sort |
    tail -1)
  date -d "$start" +%s%6N
}

scale_up() {
  local from before old
  mapfile -t old < <(ours)
  before=$(starts "${old[@]}")
  from=$(now)
  quietly run up -d --no-build --no-deps --scale actor=8 actor
  await 30 "eight actors" actors_are $name 8
  say "from the command to eight actors: $(seconds "$(since "$from")") s"
  within 5 "$(since "$(last_start)")" "from the last container's start to eight actors"
  [[ $(starts "${old[@]}") == "$before" ]] || fail "scaling up restarted what was running"
}

# Containers that go are removed; what they ended with is in docker's events.
scale_down() {
  local from ends
  from=$(now)
  quietly run up -d --no-build --no-deps --scale actor=4 actor
  await 5 "four actors" actors_are $name 4
  say "from the command to four actors: $(seconds "$(since "$from")") s"
  ends=$(docker events --since "$(seconds "$from")" --until "$(date +%s)" --filter event=die \
    --filter "label=com.docker.compose.service=actor" --format '{{.Actor.Attributes.exitCode}}')
  [[ $(sort -u <<<"$ends") == 0 && $(wc -l <<<"$ends") == 4 ]] || fail "actors ended with: $ends"
  say "four actors have left, each with exit code 0"
  await_progress $name
}

# The process dies as in a crash; `docker kill` would tell Docker that it shall stay away.
kill_one() {
  local id
  id=$(containers_of $name "$1" | head -1)
  kill -KILL "$(docker inspect -f '{{.State.Pid}}' "$id")"
  await 20 "a restart of $1" restarted "$id"
  await_progress $name
  say "killed $1: restarted, env steps and updates go on"
}
restarted() { [[ $(docker inspect -f '{{.RestartCount}} {{.State.Running}}' "$1") == "1 true" ]]; }

# SIGTERM to one container; the others wait for its return.
terminate_one() {
  local id from grace
  id=$(containers_of $name "$1" | head -1)
  grace=$(docker inspect -f '{{.Config.StopTimeout}}' "$id")
  from=$(now)
  docker stop -t "$grace" "$id" >/dev/null
  from=$(since "$from")
  [[ $(docker inspect -f '{{.State.ExitCode}}' "$id") == 0 ]] || fail "$1 did not end with 0"
  within "$grace" "$from" "SIGTERM to $1: exit code 0 after"
  docker start "$id" >/dev/null
  await_progress $name
}

run_folder=/runs/HalfCheetah-v5-pmoe_sac-s1
newest_checkpoint() {
  tools $name ls $run_folder/checkpoints | grep -x '[0-9]*' | sort -n | tail -1
}

all_at_once() { ours | xargs docker kill --signal TERM; }
has_ended() { [[ -z $(ours) ]]; }

# resume_after COMMAND…: which ends all containers; then `up` goes on from the last checkpoint.
resume_after() {
  local from steps ends
  from=$(now)
  quietly "$@"
  await 75 "the end of all containers" has_ended
  say "ended after $(seconds "$(since "$from")") s by: $*"
  ends=$(ours -a | xargs docker inspect -f '{{.State.ExitCode}} {{.Name}}')
  ! grep -v '^0 ' <<<"$ends" || fail "exit codes other than 0"
  steps=$(newest_checkpoint)
  tools $name pmoe eval --run $run_folder --episodes 1 >/dev/null || fail "no valid snapshot"
  quietly run up -d --no-build --scale actor=4
  await 60 "the resumed run" has_more $name env_steps "$((steps - 1))"
  say "all with exit code 0; resumed at $steps env steps"
  await_progress $name
}

# fetch URL: the answer's text.
fetch() {
  python3 -c 'import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=2).read().decode())' "$1" 2>/dev/null
}
shows_a_page() { [[ $(fetch http://127.0.0.1:6006/) == *"<html"* ]]; }
scraped_are() { # count(up{job="pmoe-actor"}==1)
  local query='count(up%7Bjob%3D%22pmoe-actor%22%7D%3D%3D1)'
  [[ $(fetch "http://127.0.0.1:9090/api/v1/query?query=$query") == *"\"$1\"]"* ]]
}

# Prometheus finds actors by what the learner says at /sd: where it sees each container call from.
observe() {
  await 10 "the dashboard" shows_a_page
  say "the dashboard answers"
  quietly run --profile observability up -d --build --no-deps prometheus
  await 60 "Prometheus with four actors" scraped_are 4
  say "Prometheus scrapes four actors"
}

if [[ ${1:-} != --no-build ]]; then
  from=$(now)
  run build
  say "built after $(seconds "$(since "$from")") s"
fi
check_sizes
first_update
await 60 "healthy containers" all_healthy
say "all containers are healthy"
check_hardening
scale_up
scale_down
observe
for role in actor replay learner; do kill_one $role; done
for role in actor evaluator replay learner; do terminate_one $role; done
resume_after run stop
resume_after all_at_once
say "compose: passed"
