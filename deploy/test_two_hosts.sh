#!/usr/bin/env bash
# The same compose file on two hosts, addresses in .env, as docs/compose.md tells it. The hosts are
# two network namespaces joined by a cable (veth), each with a Docker engine of its own: actors
# reach the learner and replay only at the published address, with certificates that were carried
# over. About a minute.
#   deploy/test_two_hosts.sh
# Needs root, dockerd, iproute2 and the images in the engine that runs here
# (docker-compose -f deploy/docker-compose.yml build).
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/compose_testing.sh

one=pmoe-host-one two=pmoe-host-two address=10.99.0.1
# on HOST COMMAND…: with that host's engine.
on() { DOCKER_HOST=unix://$work/$1.sock "${@:2}"; }

# plug HOST ADDRESS: the host's end of the cable.
plug() {
  ip -n "$1" link set lo up
  ip -n "$1" address add "$2/24" dev cable
  ip -n "$1" link set cable up
}

# nsenter and not `ip netns exec`, which would mount another /sys and hide the cgroups.
start_engine() { # HOST
  mkdir "$work/$1"
  nsenter --net="/run/netns/$1" dockerd --host "unix://$work/$1.sock" --pidfile "$work/$1.pid" \
    --data-root "$work/$1/data" --exec-root "$work/$1/run" >"$work/$1.log" 2>&1 &
}
answers() { on "$1" docker info >/dev/null 2>&1; }
give_images() { docker save "${@:2}" | on "$1" docker load >/dev/null; }

end_host() { # HOST
  on "$1" docker rm -f "$1-tools" >/dev/null 2>&1 || true
  on "$1" project "$1" down -v --remove-orphans -t 5 >/dev/null 2>&1 || true
  if [[ -f $work/$1.pid ]]; then kill "$(<"$work/$1.pid")"; fi
}
end_all() {
  local status=$? host
  for host in $two $one; do
    if ((status != 0)); then
      on $host project $host logs --tail 25 --no-color || tail -20 "$work/$host.log" || true
    fi
    end_host $host
  done
  wait
  for host in $two $one; do ip netns delete $host 2>/dev/null || true; done
  rm -rf "$work"
  exit "$status"
}
trap end_all EXIT
trap 'exit 130' INT TERM

cat >"$work/$one.env" <<ENV
PMOE_ENV=Hopper-v5
PMOE_PUBLISH=$address
PMOE_REPLAY=$address:7001
ENV
cat >"$work/$two.env" <<ENV
PMOE_LEARNER=$address:7000
PMOE_CERTS_ACTOR=$work/actor
ENV

start_host_one() {
  on $one project $one up -d --no-build learner replay evaluator
  on $one start_tools $one
}

# In real life: … | ssh HOST tar -x -C FOLDER
carry_certificate() {
  on $one project $one run --rm -T --no-deps --entrypoint tar certs -C /certs -c actor |
    tar -x -C "$work"
}

start_host_two() { on $two project $two up -d --no-build --no-deps --scale actor=2 actor; }

for host in $one $two; do ip netns add $host; done
ip link add cable netns $one type veth peer name cable netns $two
plug $one $address
plug $two 10.99.0.2
for host in $one $two; do start_engine $host; done
for host in $one $two; do await 30 "an engine on $host" answers $host; done
give_images $one pmoe-learner pmoe-replay pmoe-actor
give_images $two pmoe-actor
say "two hosts with an engine and the images each"

export DOCKER_HOST=unix://$work/$one.sock # whom the questions go to
quietly start_host_one
await 60 "the learner" has_more $one env_steps -1
say "host one: learner, replay, evaluator at $address"
carry_certificate
chmod 755 "$work"
quietly start_host_two
await 30 "two actors of the other host" actors_are $one 2
say "host two's actors have joined"
await 60 "the first update" has_updates $one
await_progress $one
say "env steps and updates go on"
quietly on $two project $two stop
await 10 "no actors" actors_are $one 0
quietly start_host_two
await_progress $one
say "two hosts: passed"
