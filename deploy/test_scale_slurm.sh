#!/usr/bin/env bash
# Really runs `pmoe scale --with slurm` on a Slurm of one node: each size is two jobs, which end
# once it is measured; Ctrl-C cancels those at work, and the same command measures the rest. Jobs
# that others cancel are no measurement, a controller that is away for a while is no end, and more
# actors than Slurm takes leave no learner behind. About four minutes. Needs what
# slurm_testing.sh says.
#   deploy/test_scale_slurm.sh [FOLDER]     FOLDER keeps the logs; default: a temporary one
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/slurm_testing.sh

scale() {
  local name=$1 sizes=$2 seconds=$3
  shift 3
  "$bin/pmoe" scale --with slurm --actors "$sizes" --seconds "$seconds" --out "$work/run/$name" \
    --env InvertedPendulum-v5 --algo sac --set policy.hidden=32,32 \
    --set learner.critic_hidden=32,32 --set learner.batch_size=32 \
    --set schedule.start_steps=500 --set schedule.update_after=500 "$@"
}
is_at_second() { grep -q '^actors-2-run-1' "$work/run/said"; }
sizes() { cut -d, -f1 "$work/run/scale/scale.csv" | tr '\n' ' '; }

is_measuring() { grep -q 'measured [1-9]' "$work/run/said-$1"; }

start_slurm
wait_for 30 "the node is idle" node_is_idle
scale scale 1,2 5 >"$work/run/said" 2>&1 &
first=$!
wait_for 120 "the first size is measured" is_at_second
kill -INT "$(pgrep -P "$first" -f scale/__main__ || echo "$first")"
status=0
wait "$first" || status=$?
[[ $status == 3 ]] || { echo "slurm: stopped, it exited with $status" >&2 && exit 1; }
wait_for 60 "stopped, it leaves no job" no_job_left
[[ $(sizes) == "actors 1 " ]] || { echo "slurm: kept $(sizes)" >&2 && exit 1; }
scale scale 1,2 5
[[ $(sizes) == "actors 1 2 " ]] || { echo "slurm: measured $(sizes)" >&2 && exit 1; }
wait_for 60 "in the end no job is left" no_job_left

status=0
scale many 1024 5 --set schedule.start_steps=2000 --set schedule.update_after=2000 \
  >"$work/run/said-many" 2>&1 || status=$?
[[ $status == 1 ]] || { echo "slurm: 1024 actors exited with $status" >&2 && exit 1; }
wait_for 60 "an array that is refused leaves no learner" no_job_left

scale long 1 40 >"$work/run/said-long" 2>&1 &
long=$!
wait_for 120 "a size is being measured" is_measuring long
kill "${daemons[1]}"
wait "${daemons[1]}" || true
squeue -h >/dev/null 2>&1 && echo "slurm: the controller still answers" >&2 && exit 1
sleep 5
slurmctld -D >>"$work/log/slurmctld.out" 2>&1 &
daemons[1]=$!
wait "$long"
awk -F, 'NR == 2 && $12 < 40 { print "slurm: measured " $12 " s of 40"; exit 1 }' \
  "$work/run/long/scale.csv" >&2
wait_for 60 "after the controller was away no job is left" no_job_left

scale cut 1 60 >"$work/run/said-cut" 2>&1 &
cut=$!
wait_for 120 "another is being measured" is_measuring cut
scancel --user=root
status=0
wait "$cut" || status=$?
[[ $status == 1 && ! -e $work/run/cut/scale.csv ]] ||
  { echo "slurm: cancelled jobs exited with $status" >&2 && exit 1; }
grep -q 'before it was measured' "$work/run/said-cut"
echo "slurm: passed"
