#!/usr/bin/env bash
# The same compose file on two hosts, addresses in .env, as docs/compose.md tells it. Two compose
# projects stand for the hosts: they share no network, so actors reach the learner and replay only
# at the published address, with certificates that were carried over.
#   deploy/test_two_hosts.sh
# Needs the images (docker-compose -f deploy/docker-compose.yml build), ports 7000 and 7001.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/compose_testing.sh

one=pmoe-host-one two=pmoe-host-two
trap 'clean_up $two $one' EXIT
trap 'exit 130' INT TERM

# An address of this machine that containers of any network reach.
address=$(hostname -I | cut -d ' ' -f 1)
[[ -n $address ]] || fail "this machine has no address but the loopback's"
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
  project $one up -d --no-build learner replay evaluator
  start_tools $one
}

# In real life: … | ssh HOST tar -x -C FOLDER
carry_certificate() {
  project $one run --rm -T --no-deps --entrypoint tar certs -C /certs -c actor | tar -x -C "$work"
}

start_host_two() { project $two up -d --no-build --no-deps --scale actor=2 actor; }

echo "host one: learner, replay, evaluator at $address"
quietly start_host_one
await 60 "the learner" has_more $one env_steps -1
carry_certificate
chmod 755 "$work"
quietly start_host_two
await 30 "two actors of the other host" actors_are $one 2
say "host two's actors have joined"
await 60 "the first update" has_updates $one
await_progress $one
say "env steps and updates go on"
quietly project $two stop
await 10 "no actors" actors_are $one 0
quietly start_host_two
await_progress $one
say "two hosts: passed"
