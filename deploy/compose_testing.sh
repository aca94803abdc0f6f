# shellcheck shell=bash
# Sourced by the tests of deploy/docker-compose.yml: projects, waiting with a deadline, and the
# cluster's numbers as `pmoe status --json` tells them. Needs docker, docker-compose (or `docker
# compose`), python3, and the right to signal the containers' processes. SLOWDOWN=4 makes every
# limit four times as long, for a machine that is busy with something else.

compose_file=$(dirname "${BASH_SOURCE[0]}")/docker-compose.yml
slowdown=${SLOWDOWN:-1}
compose=(docker-compose)
command -v docker-compose >/dev/null || compose=(docker compose)
work=$(mktemp -d)

# Times are microseconds.
now() { echo "${EPOCHREALTIME/[.,]/}"; }
seconds() { printf '%d.%d' $(($1 / 1000000)) $(($1 / 100000 % 10)); }
since() { echo $(($(now) - $1)); }
begin=$(now)
say() { printf '%6s s  %s\n' "$(seconds "$(since "$begin")")" "$*"; }

fail() {
  say "FAILED: $*"
  exit 1
}

# The command's output is shown only if it fails.
quietly() { "$@" >"$work/output" 2>&1 || { cat "$work/output" && fail "$*"; }; }

# project NAME WORD…: docker-compose for one project, with $work/NAME.env as its .env.
project() {
  local name=$1
  shift
  "${compose[@]}" --project-name "$name" --env-file "$work/$name.env" --file "$compose_file" "$@"
}

# containers_of PROJECT SERVICE: the running ones' ids.
containers_of() {
  docker ps -q --filter "label=com.docker.compose.project=$1" \
    --filter "label=com.docker.compose.service=$2"
}

# await SECONDS WHAT COMMAND…: until the command succeeds.
await() {
  local limit=$(($1 * slowdown)) what=$2 from
  from=$(now)
  shift 2
  until "$@"; do
    (($(since "$from") < limit * 1000000)) || fail "$what: not within $limit s"
    sleep 0.2
  done
}

# within SECONDS TIME WHAT: a measured time and its limit.
within() {
  say "$3: $(seconds "$2") s (at most $1)"
  (($2 <= $1 * slowdown * 1000000)) || fail "$3 took longer than $1 s"
}

# A container that stays, for the questions: starting one for each takes a second.
start_tools() {
  project "$1" run -d --no-deps --name "$1-tools" --entrypoint sleep pmoe infinity >/dev/null 2>&1
}
tools() { docker exec "$1-tools" "${@:2}"; }

# ask PROJECT EXPRESSION: of the status `s`; "none" while no learner answers.
ask() {
  tools "$1" pmoe status --learner "${learner_address:-learner:7000}" --json 2>/dev/null |
    python3 -c '
import json, sys
text = sys.stdin.read()
s = json.loads(text) if text.strip() else None
members = [m for m in s["members"] if m["connected"]] if s else []
count = lambda role: sum(m["role"] == "RUN_ROLE_" + role for m in members)
print("none" if s is None else eval(sys.argv[1]))' "$2"
}
env_steps() { ask "$1" 'int(s["env_steps"])'; }
updates() { ask "$1" 'int(s["updates"])'; }
actors_are() { [[ $(ask "$1" 'count("ACTOR")') == "$2" ]]; }
more_than() { [[ $1 != none && $1 -gt $2 ]]; }
has_updates() { more_than "$(updates "$1")" 0; }
has_more() { more_than "$("$2" "$1")" "$3"; } # PROJECT env_steps|updates NUMBER

# Env steps and updates both grow, from what they are once somebody answers.
await_progress() {
  local project=$1 what number
  for what in env_steps updates; do
    await 60 "an answer of the learner" has_more "$project" "$what" -1
    number=$("$what" "$project")
    await 60 "more $what than $number" has_more "$project" "$what" "$((number + 100))"
  done
}

# Takes the projects away, with volumes; shows the last lines of a failed one first.
clean_up() {
  local status=$? name
  for name in "$@"; do
    if ((status != 0)); then project "$name" logs --tail 25 --no-color || true; fi
    docker rm -f "$name-tools" >/dev/null 2>&1 || true
    project "$name" down -v --remove-orphans -t 5 >/dev/null 2>&1 || true
  done
  rm -rf "$work"
  exit "$status"
}
