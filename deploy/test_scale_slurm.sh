#!/usr/bin/env bash
# Really runs `pmoe scale --with slurm` on a Slurm of one node: each size is two jobs, which end
# once it is measured; Ctrl-C cancels those at work, and the same command measures the rest. About
# two minutes. Needs what slurm_testing.sh says.
#   deploy/test_scale_slurm.sh [FOLDER]     FOLDER keeps the logs; default: a temporary one
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/slurm_testing.sh

scale() {
  "$bin/pmoe" scale --with slurm --actors 1,2 --seconds 5 --out "$work/run/scale" \
    --env InvertedPendulum-v5 --algo sac --set policy.hidden=32,32 \
    --set learner.critic_hidden=32,32 --set learner.batch_size=32 \
    --set schedule.start_steps=500 --set schedule.update_after=500 "$@"
}
is_at_second() { grep -q '^actors-2-run-1' "$work/run/said"; }
sizes() { cut -d, -f1 "$work/run/scale/scale.csv" | tr '\n' ' '; }

start_slurm
wait_for 30 "the node is idle" node_is_idle
scale >"$work/run/said" 2>&1 &
first=$!
wait_for 120 "the first size is measured" is_at_second
kill -INT "$(pgrep -P "$first" -f scale/__main__ || echo "$first")"
status=0
wait "$first" || status=$?
[[ $status == 3 ]] || { echo "slurm: stopped, it exited with $status" >&2 && exit 1; }
wait_for 60 "stopped, it leaves no job" no_job_left
[[ $(sizes) == "actors 1 " ]] || { echo "slurm: kept $(sizes)" >&2 && exit 1; }
scale
[[ $(sizes) == "actors 1 2 " ]] || { echo "slurm: measured $(sizes)" >&2 && exit 1; }
wait_for 60 "in the end no job is left" no_job_left
echo "slurm: passed"
